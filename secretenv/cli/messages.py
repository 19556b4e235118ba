"""The errors of the command line itself: `export`, links that only `check` looks at, standard output, `status`."""

from __future__ import annotations

from secretenv.cache_protocol import CacheError
from secretenv.errors import (
    ContentError,
    CredentialsError,
    Message,
    SecretenvError,
    SecretError,
    SettingsError,
    StatusError,
)
from secretenv.identity.messages import CHECK_NETWORK, SET_CLOCK

# settings
NO_OPTION = Message(
    SettingsError,
    "expected an option, but got text with {what}, which is not shown here",
    "quote the value of each option, and write its name in front; secretenv --help",
)
NO_COMPLETION = Message(
    SettingsError, "there is no completion for {shell}", "name one of {shells}: secretenv --show-completion bash"
)
NOT_A_PID = Message(
    SettingsError, "not a process ID: {value}", "write the number of a process; secretenv status shows all"
)
ONE_FORM = Message(SettingsError, "{first} and {second} exclude each other", "give one of them")
ONLY_WITH_CHECK = Message(SettingsError, "--max-age needs --check", "secretenv status --check --max-age 1h")
FILE_OR_PROCESSES = Message(SettingsError, "--status-file and PID exclude each other", "give one of them")

# DNS
NAME_UNRESOLVED = Message(
    CredentialsError,
    "the name {host} was not resolved within {time}",
    "check the network and the name servers: getent hosts {host}",
    link="DNS",
)

# proxy
PROXY_UNRESOLVED = Message(CredentialsError, NAME_UNRESOLVED.text, NAME_UNRESOLVED.hint, link="proxy")
PROXY_NOT_CONNECTED = Message(CredentialsError, "no connection to {host} within {time}", CHECK_NETWORK, link="proxy")

# connection
NOT_CONNECTED = Message(CredentialsError, "no connection to {host} within {time}", CHECK_NETWORK, link="connection")
SECRET_NOT_ANSWERED = Message(
    SecretError, "secret {secret}: no full answer within {time}", CHECK_NETWORK, link="connection"
)

# clock
CLOCK_OFF = Message(
    CredentialsError,
    "this machine's clock says {time}, {host} says {other_time}: it is {difference}, and AWS accepts at most {limit}",
    SET_CLOCK,
    link="clock",
)

# cache
NO_CACHE_GIVEN = Message(
    CacheError,
    "without --cache nothing is kept for a start without AWS",
    "give --cache FILE to secretenv run, and start it once while AWS can be reached",
)
CACHE_NOT_THERE = Message(
    CacheError,
    "there is no cache {file} yet: it is written after the first successful start",
    "start secretenv run with it once while AWS can be reached",
)

# content: a variable that a format of `export` cannot carry
_CANNOT = "the format {format} cannot carry {variable}: "
_INSTEAD = "use --format {formats}"
NOT_A_VARIABLE = Message(
    ContentError, _CANNOT + "not a valid variable: empty name, '=' in the name, or a NUL", _INSTEAD
)
HALF_A_PAIR = Message(
    ContentError, _CANNOT + "it contains half of a surrogate pair, which UTF-8 cannot encode", _INSTEAD
)
NOT_A_SHELL_NAME = Message(ContentError, _CANNOT + "not a valid shell variable name", _INSTEAD)
SET_BY_SHELLS = Message(ContentError, _CANNOT + "shells set this variable themselves", _INSTEAD)
DOTENV_NAME = Message(
    ContentError, _CANNOT + "its name contains characters other than letters, digits, '_' and '.'", _INSTEAD
)
DOTENV_VALUE = Message(ContentError, _CANNOT + "readers of .env files disagree about values with {part}", _INSTEAD)
DOCKER_NAME = Message(
    ContentError,
    _CANNOT + "its name contains a space, tab or newline, or begins with '#', white space or a byte order mark",
    _INSTEAD,
)
DOCKER_NEWLINE = Message(
    ContentError, _CANNOT + "its value contains a newline, which ends a variable in an env-file", _INSTEAD
)
DOCKER_CARRIAGE_RETURN = Message(
    ContentError, _CANNOT + "its value ends with a carriage return, which docker drops", _INSTEAD
)
DOCKER_TOO_LONG = Message(ContentError, _CANNOT + "its line is longer than docker's limit of {limit} bytes", _INSTEAD)
GITHUB_NAME = Message(
    ContentError, _CANNOT + "its name contains characters other than letters, digits and '_'", _INSTEAD
)
GITHUBS_OWN = Message(ContentError, _CANNOT + "GitHub does not let a job set it", _INSTEAD)
YAML_NAME = Message(ContentError, _CANNOT + "its name is longer than YAML's limit of {limit} characters", _INSTEAD)
SYSTEMD_NAME = Message(ContentError, _CANNOT + "systemd drops variables with such a name", _INSTEAD)
SYSTEMD_CHARACTER = Message(ContentError, _CANNOT + "systemd drops variables with the character {character}", _INSTEAD)
SYSTEMD_OLD_CHARACTER = Message(
    ContentError, _CANNOT + "systemd before 248 drops variables with the character {character}", _INSTEAD
)

# secretenv
SYSTEM_REFUSED = Message(
    SecretenvError, "{reason}: {file}", "is a disk full or read-only, or a limit reached? df -h; ulimit -a"
)

# standard output
CLOSED = Message(SecretenvError, "it is closed", "to discard the output: > /dev/null", link="standard output")
NOT_WRITTEN = Message(
    SecretenvError,
    "cannot be written: {reason}",
    "is the disk full? df -h; the output is incomplete",
    link="standard output",
)

# status
_WHO = "run it as the same user or as root: sudo secretenv status {pid}; or read the file of run --status-file"
NO_RUN = Message(
    StatusError,
    "no running secretenv found",
    "secretenv run starts one; a run with --once becomes its command; in a container: docker exec NAME secretenv "
    "status",
)
HIDDEN = Message(
    StatusError,
    "no running secretenv found, and /proc hides the processes of other users (hidepid)",
    "run it as the same user or as root: sudo secretenv status; or read the file of run --status-file",
)
NO_PROC = Message(
    StatusError, "there are no processes in {folder}", "is it mounted? mount -t proc proc {folder}; or --status-file"
)
OTHER_USER = Message(
    StatusError, "the status of process {pid} can be read only by user {user}, who runs it, and by root", _WHO
)
NOT_ALLOWED = Message(StatusError, "the status of process {pid} cannot be read: {reason}", _WHO)
NO_PROCESS = Message(StatusError, "there is no process {pid}", "secretenv status shows all that are running")
HIDDEN_PROCESS = Message(
    StatusError,
    "there is no process {pid}, or /proc hides it because it belongs to another user (hidepid)",
    _WHO,
)
ENDED = Message(StatusError, "process {pid} has ended", "secretenv status shows all that are running")
NOT_A_RUN = Message(
    StatusError,
    "process {pid} is not a secretenv",
    "secretenv status shows all that are running; a run with --once becomes its command",
)
PART_OF_A_RUN = Message(
    StatusError, "process {pid} is not a secretenv, but was started by one", "secretenv status {run}"
)
NO_STATUS = Message(
    StatusError,
    "process {pid} is a secretenv without a status: it is an older version, or has just been started",
    "try again; else restart it",
)
STATUS_UNUSABLE = Message(
    StatusError,
    "the status of process {pid} cannot be used: {reason}",
    "run the same version of secretenv as that process",
)
FILE_UNREADABLE = Message(
    StatusError, "the status file {file} cannot be read: {reason}", "ls -l {file}; run --status-file writes it"
)
FILE_UNUSABLE = Message(
    StatusError, "the status file {file} cannot be used: {reason}", "name the file of run --status-file"
)
FILE_OF_METRICS = Message(
    StatusError,
    "the status file {file} is for Prometheus, not JSON",
    "run --status-file must name a file that does not end in .prom",
)
FILE_OF_ANOTHER_BOOT = Message(
    StatusError,
    "the status file {file} was written {time} ago, before this machine was started",
    "is secretenv running? secretenv status, as the same user or root",
)
FILE_OF_THE_DEAD = Message(
    StatusError,
    "the status file {file} was written {time} ago by process {pid}, which has ended",
    "is secretenv running? secretenv status, as the same user or root",
)
