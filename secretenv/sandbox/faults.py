"""Faults of networks, portals, clocks and AWS itself, to be switched on and off while the sandbox runs.

A fault is a word, `SERVICE:FAULT[=VALUE]` or `clock=OFFSET`; `FORMS` has them all. Several may be on at once. They
concern devices only: the operator, who may rotate secrets meanwhile, is always served.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from secretenv.config.parsers import did_you_mean, duration
from secretenv.config.quoting import shown
from secretenv.errors import SettingsError
from secretenv.sandbox import fault_answers, messages
from secretenv.sandbox.authority import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from secretenv.sandbox.account import Account
    from secretenv.sandbox.server import Reply, Request

SERVICES = {"credentials": "credentials", "secretsmanager": "aws"}  # in a fault -> in a request
FORMS = {
    "latency": "latency=DURATION",
    "status": "status=CODE",
    "throttling": "throttling",
    "reset": "reset",
    "close": "close",
    "black-hole": "black-hole",
    "truncated": "truncated",
    "rubbish": "rubbish=http|json",
    "portal": "portal=page|redirect",
    "expired-token": "expired-token",
}
HELP = "\n".join(
    [
        f"SERVICE:FAULT, where SERVICE is one of {', '.join(SERVICES)} and FAULT is one of",
        *(f"  {form}" for form in FORMS.values()),
        "clock=+600s, clock=-2h: AWS's clock is ahead of this machine's, or behind it\n",
    ]
)
LOOK = 0.05  # seconds between two looks at whether a fault that waits is still on


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault."""

    text: str  # as it was written
    kind: str  # of FORMS, or `clock`
    service: str = ""  # of SERVICES; empty: the clock is everybody's
    value: str = ""
    seconds: float = 0.0  # of latency and clock


def parse(text: str) -> Fault:
    """Return the fault that a word stands for.

    Raises:
        SettingsError: it is not a fault.
    """
    word = text.strip()
    name, _, value = word.partition("=")
    service, apart, kind = name.rpartition(":")
    try:
        if not apart:
            return Fault(text=word, kind=_one_of(["clock"], kind), seconds=_offset(value))
        service, kind = _one_of(SERVICES, service), _one_of(FORMS, kind)
        value, seconds = _value(kind, value)
    except SettingsError as error:
        services, forms = ", ".join(SERVICES), ", ".join(FORMS.values())
        reason = error.message
        raise messages.NOT_A_FAULT(fault=shown(text), reason=reason, services=services, faults=forms) from None
    return Fault(text=word, kind=kind, service=service, value=value, seconds=seconds)


def _one_of(words: Collection[str], text: str) -> str:
    """Return the text if it is one of the words."""
    if text in words:
        return text
    if question := did_you_mean(text, words):
        raise messages.UNKNOWN_WORD_NEAR(word=shown(text), question=question)
    raise messages.UNKNOWN_WORD(word=shown(text))


def _offset(text: str) -> float:
    """Return the seconds of `+600s` or `-2h`."""
    if text[:1] not in {"+", "-"}:
        raise messages.NOT_AN_OFFSET(offset=shown(text))
    return duration(text[1:]) * (-1 if text.startswith("-") else 1)


def _value(kind: str, text: str) -> tuple[str, float]:
    """Return the value of a fault as the word that it is, or as seconds."""
    if kind == "latency":
        return "", duration(text)
    if kind == "status":
        if not (text.isascii() and text.isdecimal() and 300 <= int(text) <= 599):  # noqa: PLR2004
            raise messages.NOT_A_STATUS(status=shown(text))
        return text, 0.0
    words = FORMS[kind].partition("=")[2]
    if text and not words:
        raise messages.NO_VALUE(fault=kind)
    return _one_of(words.split("|"), text) if text else words.partition("|")[0], 0.0


class Faults:
    """The faults that are on. Any thread may switch them at any time.

    Args:
        account: whose clock and sessions are concerned.
        closing: set when everything ends; nothing waits any longer then.

    Attributes:
        met: how many requests have met a fault of their service so far.
    """

    def __init__(self, account: Account, closing: threading.Event) -> None:
        self.met = 0
        self._account = account
        self._closing = closing
        self._lock = threading.Lock()
        self._faults: tuple[Fault, ...] = ()
        self._file: Path | None = None
        self._text = ""  # of the file, when it was read last
        self._complain: Callable[[SettingsError], None] = lambda _: None

    def set(self, *texts: str) -> None:
        """Switch these on, and all others off; of several for one service the first that answers wins.

        Raises:
            SettingsError: one of them is not a fault; nothing was changed.
        """
        faults = tuple(parse(text) for text in texts)
        with self._lock:
            self._faults = faults
            if self._file is not None:
                self._write(self._file)

    def clear(self) -> None:
        """Switch all off. A delayed request is answered; a connection in a black hole is closed."""
        self.set()

    def follow(self, file: Path, complain: Callable[[SettingsError], None]) -> None:
        """Write the faults to a new file, one a line, and from now on follow its content.

        Args:
            file: read again for each request.
            complain: takes the error for each line that is not a fault; the other lines count.
        """
        write_private(file, b"")
        with self._lock:
            self._file, self._complain = file, complain
            self._write(file)

    def current(self) -> tuple[Fault, ...]:
        """Return the faults that are on."""
        with self._lock:
            if self._file is not None:
                self._read(self._file)
            return self._faults

    def clock_offset(self) -> float:
        """Return how many seconds AWS's clock is ahead of the right one."""
        return sum(fault.seconds for fault in self.current() if fault.kind == "clock")

    def through(self, request: Request, answer: Callable[[Request], Reply]) -> Reply:
        """Return the reply to a device's request: a fault's, or `answer`'s as the faults leave it.

        Raises:
            ConnectionError: the connection is to be closed; a ConnectionResetError: reset.
        """
        faults = [fault for fault in self.current() if SERVICES.get(fault.service) == request.service]
        with self._lock:
            self.met += bool(faults)
        for fault in faults:
            self._hold_up(fault)
            if fault.kind in fault_answers.INSTEAD:
                return fault_answers.INSTEAD[fault.kind](fault.service, fault.value)
        reply = answer(request)
        kinds = {fault.kind for fault in faults}
        if "expired-token" in kinds:
            reply = self._expired(request, reply)
        return fault_answers.truncated(reply) if "truncated" in kinds else reply

    def _read(self, file: Path) -> None:
        try:
            text = file.read_text("utf-8", "replace")
        except OSError:
            text = ""
        if text == self._text:
            return
        self._text = text
        found = []
        for line in filter(None, map(str.strip, text.splitlines())):
            try:
                found.append(parse(line))
            except SettingsError as error:
                self._complain(error)
        self._faults = tuple(found)

    def _write(self, file: Path) -> None:
        self._text = "".join(f"{fault.text}\n" for fault in self._faults)
        file.write_text(self._text, "utf-8")

    def _hold_up(self, fault: Fault) -> None:
        """Delay, close or reset the connection as the fault says."""
        if fault.kind == "latency":
            self._wait(fault, fault.seconds)
        elif fault.kind == "reset":
            raise ConnectionResetError
        elif fault.kind in {"close", "black-hole"}:
            self._wait(fault, math.inf if fault.kind == "black-hole" else 0)
            raise ConnectionAbortedError

    def _wait(self, fault: Fault, seconds: float) -> None:
        """Wait for this long, or until the fault is switched off."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and fault in self.current():
            if self._closing.wait(min(left, LOOK)):
                raise ConnectionAbortedError

    def _expired(self, request: Request, reply: Reply) -> Reply:
        """Return the reply of a service for which the credentials expired an hour ago."""
        if request.service != "credentials":
            return fault_answers.expired_token()
        if not (key := fault_answers.access_key(reply)):
            return reply
        self._account.expire_sessions(key)
        return fault_answers.expiring(reply, self._account.now() - timedelta(hours=1))
