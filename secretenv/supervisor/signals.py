"""Decide what to do about a signal that this process receives: a table by phase, sender and kind of signal. Pure.

`lifecycle` takes the steps. The refresh signal is not in the table: it asks for a check, and never ends anything.
"""

from __future__ import annotations

import signal

from secretenv.supervisor.phases import CLEANING, RUNNING, STOPPING, WAITING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Literal

    from secretenv.supervisor.phases import Phase

    Sender = Literal["sent", "terminal", "leader", "command"]
    Step = Literal["end", "begin", "hold", "send", "stop", "drop"]
    Steps = tuple[Step, ...]

# The sender of a signal.
SENT: Sender = "sent"  # another process
TERMINAL: Sender = "terminal"  # the kernel, on behalf of the terminal, to the whole foreground job
LEADER: Sender = "leader"  # the same, to the leader of the session alone: this process
COMMAND: Sender = "command"  # the command itself

ENDS_BEFORE_START = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}
JOB_STOPS = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
# The kernel tells a hang-up, HUP and then CONT, to the leader of the session alone.
_HANG_UP = {signal.SIGHUP, signal.SIGCONT}

# Steps.
END: Steps = ("end",)  # secretenv ends by this signal
BEGIN: Steps = ("begin",)  # the shutdown begins: from then on nothing is fetched or started
HOLD: Steps = ("hold",)  # a restart is delayed: the command may be exiting on this signal
SEND: Steps = ("send",)  # the command gets it
STOP: Steps = ("stop",)  # this process stops, as job control would stop it
DROP: Steps = ("drop",)  # there is no command
LEAVE: Steps = ()  # the command has it already
BEGIN_SEND: Steps = BEGIN + SEND
HOLD_SEND: Steps = HOLD + SEND

_COLUMNS: dict[int, int] = {
    signal.SIGTERM: 0,
    signal.SIGINT: 1,
    **dict.fromkeys((signal.SIGQUIT, signal.SIGHUP), 2),
    **dict.fromkeys(JOB_STOPS, 4),
}
_IGNORED, _OTHERS = 3, 5

# A signal of the first three columns that the caller ignores, as nohup does HUP, is in the fourth.
COLUMNS = ("TERM", "INT", "QUIT, HUP", "an ignored one of these", "TSTP, TTIN, TTOU", "others")
TABLE: dict[tuple[Phase, Sender], tuple[Steps, ...]] = {
    #                      TERM        INT         QUIT, HUP  ignored    TSTP...  others
    (WAITING, SENT):      (END,        END,        END,       DROP,      DROP,    DROP),
    (WAITING, TERMINAL):  (END,        END,        END,       DROP,      STOP,    DROP),
    (RUNNING, SENT):      (BEGIN_SEND, BEGIN_SEND, HOLD_SEND, HOLD_SEND, SEND,    SEND),
    (RUNNING, TERMINAL):  (BEGIN,      HOLD,       HOLD,      HOLD,      LEAVE,   LEAVE),
    (RUNNING, LEADER):    (BEGIN,      HOLD,       HOLD_SEND, HOLD_SEND, LEAVE,   SEND),
    (RUNNING, COMMAND):   (LEAVE,      LEAVE,      LEAVE,     LEAVE,     LEAVE,   LEAVE),
    (STOPPING, SENT):     (BEGIN_SEND, BEGIN_SEND, SEND,      SEND,      SEND,    SEND),
    (STOPPING, TERMINAL): (BEGIN,      BEGIN,      LEAVE,     LEAVE,     LEAVE,   LEAVE),
    (STOPPING, LEADER):   (BEGIN,      BEGIN,      SEND,      SEND,      LEAVE,   SEND),
    (STOPPING, COMMAND):  (LEAVE,      LEAVE,      LEAVE,     LEAVE,     LEAVE,   LEAVE),
    (CLEANING, SENT):     (BEGIN,      BEGIN,      DROP,      DROP,      DROP,    DROP),
    (CLEANING, TERMINAL): (BEGIN,      BEGIN,      DROP,      DROP,      STOP,    DROP),
}  # fmt: skip


def steps(phase: Phase, sender: Sender, signum: int, *, ignored: Collection[int], leader: bool) -> Steps:
    """Return what to do about a signal.

    Args:
        phase: of the command; not `ended`.
        sender: another process, the terminal or the command.
        signum: its number.
        ignored: the signals that the caller ignores.
        leader: whether this process leads its session.
    """
    if leader and sender == TERMINAL and signum in _HANG_UP:
        sender = LEADER
    row = TABLE.get((phase, sender)) or TABLE[phase, SENT]
    return row[_column(signum, ignored)]


def is_hang_up(signum: int, sender: Sender) -> bool:
    """Tell whether it is the terminal's hang-up: that never asks for a check, even if HUP is the refresh signal."""
    return signum == signal.SIGHUP and sender == TERMINAL


def _column(signum: int, ignored: Collection[int]) -> int:
    column = _COLUMNS.get(signum, _OTHERS)
    return _IGNORED if column < _IGNORED and signum in ignored else column
