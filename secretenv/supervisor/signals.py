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

    Sender = Literal["sent", "kernel", "terminal", "leader", "command", "job", "echo"]
    Step = Literal["end", "begin", "hold", "send", "stop", "drop"]
    Steps = tuple[Step, ...]

# The sender of a signal.
SENT: Sender = "sent"  # another process
KERNEL: Sender = "kernel"  # the kernel: the caller's alarm or limit, which an exec leaves in force
TERMINAL: Sender = "terminal"  # the kernel, on behalf of the terminal, to the whole foreground job
LEADER: Sender = "leader"  # the same, to the leader of the session alone: this process
COMMAND: Sender = "command"  # the command, to this process alone
JOB: Sender = "job"  # the command, perhaps by `kill 0`, to the group that it shares with this process
ECHO: Sender = "echo"  # the command, again or in answer to the same signal: forwarding it could go on for ever

JOB_STOPS = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
# Only these can be the terminal's; every other signal of the kernel is meant for whatever runs under this pid.
_OF_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCONT, signal.SIGWINCH, *JOB_STOPS)
# Of the others, these end no program by default.
_HARMLESS = (signal.SIGCHLD, signal.SIGURG)
# The kernel reports a hang-up, HUP and then CONT, to the leader of the session alone.
_HANG_UP = (signal.SIGHUP, signal.SIGCONT)

# si_code, from asm-generic/siginfo.h: the calls whose si_pid is a sender. kill(2) alone can reach a whole group. (In
# glibc sigtimedwait(3) shows SI_TKILL as SI_USER, which is kill's.)
_KILL, _QUEUE, _TKILL = 0, -1, -6

# Seconds within which the command's signal may be its answer to the same one: a handler that signals its parent.
ECHO_TIME = 1.0

# Steps.
END: Steps = ("end",)  # secretenv ends by this signal
BEGIN: Steps = ("begin",)  # the shutdown begins: from then on nothing is fetched or started
HOLD: Steps = ("hold",)  # a restart is delayed: the command may be exiting on this signal
SEND: Steps = ("send",)  # the command gets it
STOP: Steps = ("stop",)  # this process stops, as job control would stop it
DROP: Steps = ("drop",)  # there is no command
LEAVE: Steps = ()  # the command has it already, or sent it as an echo
BEGIN_SEND: Steps = BEGIN + SEND
HOLD_SEND: Steps = HOLD + SEND

_COLUMNS: dict[int, int] = {
    signal.SIGTERM: 0,
    signal.SIGINT: 1,
    signal.SIGQUIT: 2,
    signal.SIGHUP: 3,
    **dict.fromkeys(JOB_STOPS, 5),
}
_IGNORED, _OTHERS = 4, 6

# A signal of the first four columns that the caller ignores, as nohup does HUP, is in the fifth.
COLUMNS = ("TERM", "INT", "QUIT", "HUP", "any of these, if ignored", "TSTP, TTIN, TTOU", "others")
TABLE: dict[tuple[Phase, Sender], tuple[Steps, ...]] = {
    #                      TERM        INT         QUIT        HUP         ignored     TSTP.. others
    (WAITING, SENT):      (END,        END,        END,        END,        DROP,       DROP,  DROP),
    (WAITING, KERNEL):    (END,        END,        END,        END,        DROP,       DROP,  END),
    (WAITING, TERMINAL):  (END,        END,        END,        END,        DROP,       STOP,  DROP),
    (RUNNING, SENT):      (BEGIN_SEND, BEGIN_SEND, HOLD_SEND,  HOLD_SEND,  HOLD_SEND,  SEND,  SEND),
    (RUNNING, KERNEL):    (BEGIN_SEND, BEGIN_SEND, HOLD_SEND,  HOLD_SEND,  HOLD_SEND,  SEND,  HOLD_SEND),
    (RUNNING, TERMINAL):  (BEGIN,      HOLD,       HOLD,       HOLD,       HOLD,       LEAVE, LEAVE),
    (RUNNING, LEADER):    (BEGIN,      HOLD,       HOLD,       HOLD_SEND,  HOLD_SEND,  LEAVE, SEND),
    (RUNNING, COMMAND):   (BEGIN_SEND, BEGIN_SEND, HOLD_SEND,  HOLD_SEND,  HOLD_SEND,  SEND,  SEND),
    (RUNNING, JOB):       (BEGIN_SEND, BEGIN_SEND, LEAVE,      LEAVE,      LEAVE,      LEAVE, LEAVE),
    (RUNNING, ECHO):      (LEAVE,      LEAVE,      LEAVE,      LEAVE,      LEAVE,      LEAVE, LEAVE),
    (STOPPING, SENT):     (BEGIN_SEND, BEGIN_SEND, BEGIN_SEND, SEND,       SEND,       SEND,  SEND),
    (STOPPING, KERNEL):   (BEGIN_SEND, BEGIN_SEND, BEGIN_SEND, SEND,       SEND,       SEND,  BEGIN_SEND),
    (STOPPING, TERMINAL): (BEGIN,      BEGIN,      BEGIN,      LEAVE,      LEAVE,      LEAVE, LEAVE),
    (STOPPING, LEADER):   (BEGIN,      BEGIN,      BEGIN,      SEND,       SEND,       LEAVE, SEND),
    (STOPPING, COMMAND):  (BEGIN_SEND, BEGIN_SEND, SEND,       SEND,       SEND,       SEND,  SEND),
    (STOPPING, JOB):      (BEGIN_SEND, BEGIN_SEND, LEAVE,      LEAVE,      LEAVE,      LEAVE, LEAVE),
    (STOPPING, ECHO):     (LEAVE,      LEAVE,      LEAVE,      LEAVE,      LEAVE,      LEAVE, LEAVE),
    (CLEANING, SENT):     (BEGIN,      BEGIN,      BEGIN,      DROP,       DROP,       DROP,  DROP),
    (CLEANING, KERNEL):   (BEGIN,      BEGIN,      BEGIN,      DROP,       DROP,       DROP,  BEGIN),
    (CLEANING, TERMINAL): (BEGIN,      BEGIN,      BEGIN,      DROP,       DROP,       STOP,  DROP),
}  # fmt: skip


def sender_of(signum: int, code: int, *, from_command: bool, shared: bool) -> Sender:
    """Return who sent a signal.

    Args:
        signum: its number.
        code: its si_code; sigaction(2): a positive one is the kernel's own, SI_KERNEL from a terminal among them.
        from_command: whether its si_pid is the command's.
        shared: whether the command shares a terminal, and so the process group, with this process.
    """
    if code > 0:
        if signum in _OF_TERMINAL:
            return TERMINAL
        return SENT if signum in _HARMLESS else KERNEL
    if not from_command or code not in {_KILL, _QUEUE, _TKILL}:
        return SENT
    return JOB if shared and code == _KILL else COMMAND


def steps(phase: Phase, sender: Sender, signum: int, *, ignored: Collection[int], leader: bool) -> Steps:
    """Return what to do about a signal.

    Args:
        phase: of the command; not `ended`.
        sender: of the signal.
        signum: its number.
        ignored: the signals that the caller ignores.
        leader: whether this process leads its session.
    """
    if leader and sender == TERMINAL and signum in _HANG_UP:
        sender = LEADER
    if sender == KERNEL and signum in ignored:
        sender = SENT
    row = TABLE.get((phase, sender)) or TABLE[phase, SENT]
    return row[_column(signum, ignored)]


def is_hang_up(signum: int, sender: Sender) -> bool:
    """Tell whether it is the terminal's hang-up: that never asks for a check, even if HUP is the refresh signal."""
    return signum == signal.SIGHUP and sender == TERMINAL


def _column(signum: int, ignored: Collection[int]) -> int:
    column = _COLUMNS.get(signum, _OTHERS)
    return _IGNORED if column < _IGNORED and signum in ignored else column
