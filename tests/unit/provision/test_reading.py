"""Files are read within limits: no FIFO, device or hanging disk keeps the operator waiting."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from secretenv.provision import reading


def test_a_file_and_its_limit(tmp_path: Path) -> None:
    """At most so many bytes are read."""
    (tmp_path / "file").write_bytes(b"0123456789")
    assert reading.file(tmp_path / "file") == b"0123456789"
    assert reading.file(tmp_path / "file", 4) == b"0123"


@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_what_is_not_a_regular_file(tmp_path: Path, kind: str) -> None:
    """A FIFO without a writer, a folder or a device without end is refused at once."""
    path = Path("/dev/zero") if kind == "device" else tmp_path / "it"
    if kind == "fifo":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    with pytest.raises(OSError, match="not a regular file") as caught:
        reading.file(path)
    assert caught.value.strerror


def test_a_disk_that_hangs(tmp_path: Path) -> None:
    """After the limit the reader is told so, and what hangs does not keep the process."""
    released = threading.Event()

    def hang(_path: Path, _limit: int) -> bytes:
        released.wait(60)
        return b""

    with pytest.raises(TimeoutError) as caught:
        reading.file(tmp_path / "file", patience=0.05, read=hang)
    assert caught.value.strerror == "the disk did not answer within 0.05 s"
    released.set()


def test_a_descriptor_of_the_caller() -> None:
    """A pipe that a shell opened for `<(command)` is read to its end, or to the limit."""
    ends = os.pipe()
    os.write(ends[1], b"value")
    os.close(ends[1])
    name = f"/dev/fd/{ends[0]}"
    assert reading.is_stream(name)
    assert reading.stream(name, 100) == b"value"
    os.close(ends[0])


def test_a_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--from-file - <&-` is an error of the operator's."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        reading.stream("-", 1)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("app.json", False),
        ("~/a folder/äpp.json", False),
        ('{"A": "b"}', True),
        ("-----BEGIN CERTIFICATE-----", True),
        ("a\nb", True),
        ("x" * 5000, True),
    ],
)
def test_content_in_the_place_of_a_path(text: str, content: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """What cannot be meant as a path is known, so that no message shows it."""
    assert reading.is_content(text) == content
