"""What performs the actions of a validation, where no process is needed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from secretenv.supervisor import messages
from secretenv.supervisor.log import Log
from secretenv.supervisor.validation import KillValidator, PutBack, ValidatedLife
from secretenv.supervisor.validator import Trier
from tests.unit.supervisor.stories import A, settings

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.protocol import Answer


def test_files_that_cannot_be_put_back(tmp_path: Path) -> None:
    """A line says that the files of a refused version are still there; nothing else follows."""

    def write(answer: Answer) -> None:
        asked.append(answer)
        raise messages.FILE_NOT_WRITTEN(folder="/run/x", reason="No space left on device")

    asked: list[Answer] = []
    origin: Any = SimpleNamespace(environment={})  # a real one changes what this process does at a signal
    lines = tmp_path / "lines"
    with lines.open("wb") as file:
        life = ValidatedLife(settings(validate=("sh",)))
        trier = Trier(life, origin, Log(descriptor=file.fileno()), lambda _: {}, write, patience=0.0)
        assert trier.step(PutBack(answer=A), lambda: None, 0.0) == []
        assert trier.step(KillValidator(), lambda: None, 0.0) == []
        assert trier.step(None, lambda: None, 0.0) == []
    assert asked == [A]
    text = lines.read_text()
    assert "warning: file: secret files could not be written in /run/x: No space left on device: " in text
    assert "those of a refused version are still there\n" in text
