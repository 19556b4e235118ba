"""The secret's value is checked before it is stored, and never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretenv.errors import ContentError, SecretenvError, SettingsError
from secretenv.provision import secret_value

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"[1]", ContentError),
        (b"{", ContentError),
        (b"\xff", SettingsError),
        (b'{"A":"%s"}' % (b"x" * 65536), SettingsError),
    ],
    ids=["no-object", "no-json", "no-text", "too-large"],
)
def test_a_value_that_no_device_could_use(tmp_path: Path, content: bytes, error: type[Exception]) -> None:
    """The secret's value is checked as a device would, before it is stored; no option of `run` is advised."""
    file = tmp_path / "app.json"
    file.write_bytes(content)
    with pytest.raises(error) as caught:
        secret_value.read(str(file), "app")
    assert isinstance(caught.value, SecretenvError)
    assert caught.value.hint
    assert " --" not in caught.value.hint


def test_a_value_is_never_part_of_a_repr(tmp_path: Path) -> None:
    """What stands for a value says where it comes from and how long it is."""
    file = tmp_path / "app.json"
    file.write_text('{"A": "hidden"}')
    read, warnings = secret_value.read(str(file), "app")
    assert (repr(read), warnings) == (f"Value((from {file}, 15 bytes))", [])
