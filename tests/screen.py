"""A terminal for tests: what a user types and sees, with nothing but the kernel in between."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
from typing import TYPE_CHECKING

from tests.running import Program
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Screen:
    """A pseudo-terminal with a program that leads its session, seen from the side of the user."""

    def __init__(self, folder: Path, *words: str, variables: Mapping[str, str] | None = None) -> None:
        self._user, theirs = pty.openpty()
        self.text = ""
        self.program = Program(
            ["setsid", "--ctty", *words], folder, {"PS1": "PROMPT> ", "TERM": "dumb", **(variables or {})},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=False,
        )  # fmt: skip
        os.close(theirs)

    def type(self, text: str) -> None:
        """Type this text."""
        os.write(self._user, text.encode())

    def read(self) -> None:
        """Read what has appeared on the screen."""
        while select.select([self._user], [], [], 0)[0]:
            try:
                part = os.read(self._user, 65536)
            except OSError:  # EIO: nobody has the other side open any more
                return
            self.text += part.decode("utf-8", "replace")

    def shows(self, text: str, times: int = 1) -> None:
        """Wait until the text is on the screen so often."""

        def shown() -> bool:
            self.read()
            return self.text.count(text) >= times

        try:
            until(shown, what=text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- screen\n{self.text}") from None

    def resize(self, rows: int) -> None:
        """Change the window's size."""
        fcntl.ioctl(self._user, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))

    def echo(self) -> bool:
        """Whether the terminal echoes."""
        return bool(termios.tcgetattr(self._user)[3] & termios.ECHO)

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        os.close(self._user)
        self._user = -1

    def close(self) -> list[int]:
        """End everything."""
        left = self.program.clean()
        if self._user >= 0:
            self.hang_up()
        return left
