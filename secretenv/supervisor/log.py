"""Write lines to standard error, in text or JSON, without ever waiting.

A line is written only when standard error can take it at once, else it is dropped and counted: a stopped terminal or
a full pipe must not stop the supervisor.
"""

from __future__ import annotations

import json
import os
import select
import stat
import time

from secretenv.wording import moment, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.errors import SecretenvError

LEVELS = ("debug", "info", "warning", "error")

# POSIX: a write of up to PIPE_BUF bytes to a pipe is atomic, and poll() promises that one fits.
_LINE = select.PIPE_BUF


class Log:
    """Where the lines of one process go.

    Args:
        level: the least important of `LEVELS` to write.
        form: `text` or `json` (one object a line: time, level, message and, where given, link, hint and event).
        descriptor: what to write to; not used for anything else. Text lines begin with the time, unless this is a
            terminal or the journal, which has a time of its own.
        clock: seconds since the epoch.
        journal: what systemd says of the journal's stream: device and inode.
    """

    def __init__(
        self,
        level: str = "info",
        form: str = "text",
        descriptor: int = 2,
        clock: Callable[[], float] = time.time,
        journal: str | None = None,
    ) -> None:
        self.level = level
        self.form = form
        self.dropped = 0
        self._clock = clock
        self._stamped = not (os.isatty(descriptor) or _is_journal(descriptor, journal))
        self._descriptor = _own(descriptor)

    def __call__(self, level: str, message: str, *, link: str = "", hint: str = "", event: str = "") -> None:
        """Write a line unless its level is below the log's or standard error cannot take it."""
        if LEVELS.index(level) < LEVELS.index(self.level):
            return
        if self.dropped:
            words = f"{self.dropped} log lines dropped: standard error was not read"
            note = self._line("warning", words, "", "", "")
            if not self._write(note):
                self.dropped += 1
                return
            self.dropped = 0
        if not self._write(self._line(level, message, link, hint, event)):
            self.dropped += 1

    def failure(self, error: SecretenvError) -> None:
        """Write an error with its link and its hint."""
        self("error", error.message, link=error.link, hint=error.hint)

    def _line(self, level: str, message: str, link: str, hint: str, event: str) -> bytes:
        if self.form == "json":
            fields = {"time": moment(self._clock()), "level": level, "event": event, "message": message}
            fields |= {"link": link, "hint": hint}
            return _json({name: text for name, text in fields.items() if text})
        head = "secretenv: " if level in {"info", "debug"} else f"secretenv: {level}: "
        body = f"{head}{link}: {message}" if link else f"{head}{message}"
        lines = [body, f"secretenv: hint: {hint}"] if hint else [body]
        # Text from AWS or the name of a file must not begin a line of its own or move the cursor.
        stamp = f"{moment(self._clock())} " if self._stamped else ""
        text = "\n".join(stamp + printable(line) for line in lines)
        return text.encode("utf-8", "replace")[: _LINE - 1] + b"\n"

    def _write(self, line: bytes) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        try:
            if not any(event & select.POLLOUT for _, event in poll.poll(0)):
                return False
            os.write(self._descriptor, line)
        except BlockingIOError:
            return False
        except OSError:
            return True  # closed, or a terminal that hung up: it will never be read
        return True


def _json(fields: dict[str, str]) -> bytes:
    """Return the fields as one line, the longest of them cut where the line would be too long for a pipe."""
    while len(line := json.dumps(fields)) >= _LINE:  # with escapes for all but ASCII: as many bytes as characters
        longest = max(fields, key=lambda name: len(fields[name]))
        fields[longest] = fields[longest][: len(fields[longest]) // 2]
    return f"{line}\n".encode()


def _is_journal(descriptor: int, stream: str | None) -> bool:
    """Whether this is the stream to the journal that systemd made, as systemd.exec(5) says of JOURNAL_STREAM."""
    stream = os.environ.get("JOURNAL_STREAM") if stream is None else stream
    if not stream:
        return False
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"


def _own(descriptor: int) -> int:
    """Return a non-blocking descriptor for the same pipe or terminal where the system gives one.

    A terminal may report room and then take less than a line, so that a blocking write would wait for its reader.
    O_NONBLOCK on the inherited descriptor itself would affect every process that shares it, the command first of all.
    A socket cannot be opened this way: poll() alone has to do. A file is left as it is: all that share it must move
    its offset together, and it is never full.
    """
    try:
        if not (os.isatty(descriptor) or stat.S_ISFIFO(os.fstat(descriptor).st_mode)):
            return descriptor
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_APPEND)
    except OSError:
        return descriptor
