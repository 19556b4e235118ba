"""The errors of the process that stays, in words: by link, in the order of `errors.Link`."""

from __future__ import annotations

from secretenv.errors import CommandError, CommandNotFoundError, FetcherError, Message, SecretenvError

# environment

VARIABLE_TOO_LARGE = Message(
    CommandError,
    "the variable {variable} is {size} bytes long, and the system takes {limit} at most",
    "shorten it, or leave it out with --except or --drop",
    link="environment",
)
ENVIRONMENT_TOO_LARGE = Message(
    CommandError,
    "the command's environment and arguments are {size} bytes, and the system takes {limit} at most",
    "read fewer secrets, choose keys with --only, or raise the stack limit (`ulimit -s`)",
    link="environment",
)

# command

EMPTY = Message(CommandNotFoundError, "the command is an empty word", "name a program after the options of run")
NOT_FOUND = Message(CommandNotFoundError, "{command}: not found", "check its name, or give its whole path")
NOT_IN_PATH = Message(CommandNotFoundError, "{command}: not found in PATH", "check its name, or give its whole path")
# envconsul and a Dockerfile's CMD take such a line to a shell.
WHOLE_LINE = Message(
    CommandNotFoundError,
    "{line}: not found",
    "no shell reads it: give each word by itself, or sh -c 'WORDS'",
)
NO_INTERPRETER = Message(
    CommandNotFoundError,
    "{file}: no such file or directory, or its interpreter is missing",
    "look at its first line, or run `ldd` on it",
)
DIRECTORY = Message(
    CommandError, "{file}: is a directory", "name a program, with its whole path if PATH finds no other"
)
NOT_REGULAR = Message(CommandError, "{file}: is not a regular file", "name a program")
NOEXEC = Message(
    CommandError,
    "{file}: is on a file system that is mounted noexec",
    "findmnt -T {file}; mount it with exec, or put the program elsewhere",
)
NOT_REACHABLE = Message(CommandError, "{file}: permission denied for one of its folders", "namei -l {file}")
NOT_EXECUTABLE = Message(
    CommandError, "{file}: permission denied", "make it executable for uid {uid}, or name another program"
)
REFUSED = Message(CommandError, "{file}: {reason}", "run it without secretenv to see whether the system can")
NO_PIPE = Message(CommandError, "no pipe could be made: {reason}", "ulimit -n")
NO_PROCESS = Message(CommandError, "no process could be made: {reason}", "ulimit -u; free")

# fetcher

NO_FETCHER = Message(FetcherError, "no fetcher could be started: {reason}", "ulimit -a; free", transient=True)

# secretenv

CANNOT_START = Message(SecretenvError, "cannot start: {reason} ({place})", "ulimit -n -u; free")
READER_KILLED = Message(
    SecretenvError,
    "the process that reads the command line was killed by signal {signal}",
    "is there memory left? free; dmesg | tail",
)
HELPER_FAILED = Message(
    SecretenvError,
    "a process could not be started: {reason}",
    "is there memory left, or a limit reached? free; ulimit -a",
)
HELPER_INCOMPLETE = Message(
    SecretenvError,
    "a process could not be started: {reason}",
    "is the installation whole? pip check; is there memory left? free",
)
