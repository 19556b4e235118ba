"""The errors of the sandbox in words, in the order of the chain. Light, because it is loaded even without the extra."""

from __future__ import annotations

from secretenv.errors import CommandError, CommandNotFoundError, Message, SecretenvError, SettingsError
from secretenv.wording import USE_A_SHELL

# settings
NO_EXTRA = Message(
    SecretenvError,
    "the sandbox needs the Python package {package}, which is not installed",
    "pip install '.[sandbox]' in a checkout of secretenv",
    link="settings",
)
NOT_A_FAULT = Message(
    SettingsError,
    "not a fault: {fault}: {reason}",
    "write SERVICE:FAULT, where SERVICE is one of {services} and FAULT one of {faults}; or clock=+600s",
)
UNKNOWN_WORD = Message(SettingsError, "there is no {word} here")
UNKNOWN_WORD_NEAR = Message(SettingsError, "there is no {word} here; {question}")
NOT_AN_OFFSET = Message(SettingsError, "an offset begins with + or -: {offset}")
NOT_A_STATUS = Message(SettingsError, "not a status from 300 to 599: {status}")
NO_VALUE = Message(SettingsError, "{fault} takes no value")

# secretenv
TOO_FEW_FILES = Message(
    SecretenvError, "the sandbox needs {needed} open files, and the limit here is {limit}", "ulimit -n {needed}"
)
CANNOT_START = Message(SecretenvError, "the sandbox cannot start: {reason}", "ip addr show lo; df -h /tmp")

# command
NOT_FOUND = Message(CommandNotFoundError, "command not found: {command}", "check the name and PATH")
SHELL_WORD = Message(
    CommandNotFoundError, "{word}: not found in PATH; it is part of a shell's language, not a program", USE_A_SHELL
)
NOT_EXECUTABLE = Message(CommandError, "cannot execute {command}: {reason}", "check that it is an executable program")
