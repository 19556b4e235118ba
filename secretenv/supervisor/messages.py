"""The errors of the supervisor, in words: by link, in the order of `errors.Link`."""

from __future__ import annotations

from secretenv.errors import CommandError, CommandNotFoundError, FetcherError, Message, SecretenvError, SettingsError
from secretenv.wording import COMPLETE, USE_A_SHELL

# environment

VARIABLE_TOO_LARGE = Message(
    CommandError,
    "the variable {variable} is {size} bytes long; the system allows at most {limit}",
    "shorten it, or leave it out with --except or --drop",
    link="environment",
)
ENVIRONMENT_TOO_LARGE = Message(
    CommandError,
    "the command's environment and arguments are {size} bytes long; the system allows at most {limit}",
    "read fewer secrets, choose keys with --only, or raise the stack limit (`ulimit -s`)",
    link="environment",
)

# file

NO_FOLDER = Message(
    SettingsError, "the folder {folder} for secret files cannot be used: {reason}", "ls -ld {folder}", link="file"
)
FOLDER_OF_ANOTHER = Message(
    SettingsError,
    "the folder {folder} for secret files belongs to user {owner}",
    "choose a folder of this user's, or write NAME=ID for a private folder",
    link="file",
)
FOLDER_ON_DISK = Message(
    SettingsError,
    "the folder {folder} for secret files is not in memory, so they would stay on a disk",
    "choose one in /run or /dev/shm, or set --files-on-disk",
    link="file",
)
FILE_TWICE = Message(
    SettingsError,
    "two secrets would be written to one file: {file} and {other}",
    "give each a path of its own",
    link="file",
)
FOLDER_IN_USE = Message(
    SettingsError,
    "the folder {folder} has secret files of another running secretenv",
    "give each its own folder",
    link="file",
)
NO_MEMORY_FOLDER = Message(
    SettingsError,
    "this user cannot write to any folder in memory for secret files: {folders}",
    "write /PATH=ID for each file, set XDG_RUNTIME_DIR, or set --files-on-disk",
    link="file",
)
FILE_IN_THE_WAY = Message(
    SettingsError,
    "{file} already exists, and secretenv did not write it",
    "remove it, or choose another path",
    link="file",
)
FILE_NOT_WRITTEN = Message(
    SettingsError,
    "secret files could not be written in {folder}: {reason}",
    "df {folder}; ls -ld {folder}",
    link="file",
    transient=True,
)

STATUS_FILE = Message(
    SettingsError,
    "the status file {file} cannot be written: {reason}",
    "choose a file in a folder that exists and that this user may write to, in /run for example",
    link="file",
)
STATUS_FILE_IN_THE_WAY = Message(
    SettingsError,
    "{file} cannot become the status file: it is {what}",
    "choose the path of a file that is not there yet",
    link="file",
)

# command

EMPTY = Message(CommandNotFoundError, "the command is an empty string", "give a program name after the options")
PEM = Message(
    CommandNotFoundError,
    "the command is text with the first line of a PEM file",
    "give a program name after the options",
)
NOT_FOUND = Message(CommandNotFoundError, "{command}: not found", "check its name, or give its full path")
NOT_IN_PATH = Message(CommandNotFoundError, "{command}: not found in PATH", "check its name, or give its full path")
# envconsul and a Dockerfile's CMD pass such a line to a shell.
WHOLE_LINE = Message(
    CommandNotFoundError,
    "{line}: not found",
    "it is not run by a shell: pass each word as its own argument, or use sh -c '...'",
)
SHELL_WORD = Message(
    CommandNotFoundError, "{word}: not found in PATH; it is part of a shell's language, not a program", USE_A_SHELL
)
NO_INTERPRETER = Message(
    CommandNotFoundError,
    "{file}: no such file or directory, or its interpreter is missing",
    "look at its first line, or run `ldd` on it",
)
DIRECTORY = Message(CommandError, "{file}: is a directory", "give a program, by its full path if it is not in PATH")
NOT_REGULAR = Message(CommandError, "{file}: is not a regular file", "give a program")
NOEXEC = Message(
    CommandError,
    "{file}: is on a file system that is mounted noexec",
    "findmnt -T {file}; mount it with exec, or put the program elsewhere",
)
NOT_REACHABLE = Message(CommandError, "{file}: permission denied for a folder above it", "namei -l {file}")
NOT_EXECUTABLE = Message(
    CommandError, "{file}: permission denied", "make it executable for uid {uid}, or give another program"
)
REFUSED = Message(CommandError, "{file}: {reason}", "try to run it without secretenv")
NO_PIPE = Message(CommandError, "could not create a pipe: {reason}", "check the limits: ulimit -n")
NO_PROCESS = Message(CommandError, "could not create a process: {reason}", "check the limits: ulimit -u; free")

# fetcher

NO_FETCHER = Message(
    FetcherError, "could not start a fetcher: {reason}", "check the limits: ulimit -a; free", transient=True
)
FETCHER_EXITED = Message(
    FetcherError,
    "the fetcher ended without an answer: it exited with status {status}",
    f"a limit reached? ulimit -a; {COMPLETE}",
    transient=True,
)
FETCHER_RAISED = Message(
    FetcherError,
    "the fetcher ended without an answer: it exited with status {status}, {exception} at {place}",
    COMPLETE,
    transient=True,
)

# secretenv

CANNOT_START = Message(SecretenvError, "cannot start: {reason} ({place})", "check the limits: ulimit -n -u; free")
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
# Its settings and its answer are files in memory.
HELPER_FILE_LIMIT = Message(
    SecretenvError,
    "a process could not hand over what it read: {reason}",
    "the file size limit is too low: ulimit -f; systemd's LimitFSIZE=",
)
