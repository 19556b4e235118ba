"""Files that decide what runs: read within limits; others who can change them are named."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from secretenv import files
from tests.held import hanging
from tests.running import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# Of the package, for programs that are not installed.
FOLDER = files.__file__.rpartition("/secretenv/")[0]


def status(mode: int, uid: int = 0, gid: int = 0) -> os.stat_result:
    """Return the status of a file of this mode and owner."""
    return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


def test_a_file_is_read(tmp_path: Path) -> None:
    """A regular file, through a link as well."""
    (tmp_path / "x").write_bytes(b"ab")
    (tmp_path / "link").symlink_to("x")
    content, found = files.read(str(tmp_path / "link"))
    assert (content, stat.S_ISREG(found.st_mode)) == (b"ab", True)
    assert files.read(str(tmp_path / "x"), largest=2)[0] == b"ab"


@pytest.mark.parametrize("kind", ["a FIFO", "a directory", "a device", "a socket", "larger than 1 KiB"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_not_read(tmp_path: Path, kind: str, linked: bool) -> None:  # noqa: FBT001
    """A FIFO without a writer, a folder, an endless device and a file that is too large are errors at once."""
    path, link = tmp_path / "x", tmp_path / "link"
    link.symlink_to(path)
    with socket.socket(socket.AF_UNIX) as server:
        makers: dict[str, Callable[[], object]] = {
            "a FIFO": lambda: os.mkfifo(path),
            "a directory": path.mkdir,
            "a device": lambda: path.symlink_to("/dev/zero"),
            "a socket": lambda: server.bind(str(path)),
            "larger than 1 KiB": lambda: path.write_bytes(b"x" * 1025),
        }
        makers[kind]()
        words = kind if kind.startswith("larger") else f"not a regular file, but {kind}"
        with pytest.raises(OSError, match=words):
            files.read(str(link if linked else path), largest=1024)


def test_a_device_is_not_opened(tmp_path: Path) -> None:
    """Opening alone starts a watchdog, or rewinds a tape: here, of a terminal, it would give an error of its own."""
    link = tmp_path / "x"
    link.symlink_to("/dev/tty")
    program = f"import os, sys; sys.path.insert(0, {FOLDER!r})\nfrom secretenv import files\nos.setsid()\n"
    program += f"try: files.read({str(link)!r})\nexcept OSError as error: print(error.strerror)"
    done = subprocess.run([PYTHON, "-I", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "not a regular file, but a device\n"


def test_a_file_of_proc() -> None:
    """A file whose size nobody knows beforehand is read to its end."""
    content, found = files.read("/proc/self/status")
    assert found.st_size == 0
    assert content.endswith(b"\n")


def test_a_file_that_another_process_leases(tmp_path: Path) -> None:
    """A lease, which Samba takes for its clients, is waited for: the file is not said to be unavailable."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(files.read(str(path))[0]))
    with hanging(str(path)):
        reader.start()
        reader.join(0.2)
        assert reader.is_alive()
    reader.join(10)
    assert found == [b"content"]


@pytest.mark.parametrize(
    ("found", "uid", "owner"),
    [
        (status(0o600), 0, ""),
        (status(0o644, uid=1000), 0, "user 1000"),
        (status(0o644, uid=1000), 1000, ""),
        (status(0o644, uid=1001), 1000, ""),
    ],
)
def test_what_root_does_not_trust(found: os.stat_result, uid: int, owner: str) -> None:
    """Root refuses a file of another user; anybody else is only warned."""
    assert files.stranger(found, uid) == owner


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "says"),
    [
        (0o600, 0, 0, ""),
        (0o644, 1000, 1000, ""),
        (0o664, 1000, 1000, ""),  # a group of the user's own, as most systems give
        (0o664, 0, 0, ""),
        (0o666, 1000, 1000, "can be written by all users (mode 0666)"),
        (0o664, 1000, 50, "can be written by group 50 (mode 0664)"),
        (0o644, 1001, 1001, "belongs to user 1001 (mode 0644)"),
    ],
)
def test_who_else_can_write(mode: int, uid: int, gid: int, says: str) -> None:
    """The words name the mode; root and a group of the user's own are no others."""
    found = files.exposed("/nowhere/x", status(stat.S_IFREG | mode, uid, gid), 1000)
    assert found == (f"/nowhere/x {says}" if says else "")


@pytest.mark.parametrize(("mode", "exposed"), [(0o755, False), (0o777, True), (0o1777, False)])
def test_who_can_exchange_it(tmp_path: Path, mode: int, exposed: bool) -> None:  # noqa: FBT001
    """Any folder above it that others can write, unless it is sticky; of a link's as well."""
    above = tmp_path / "above"
    (above / "folder").mkdir(parents=True)
    path, link = above / "folder" / "x", tmp_path / "link"
    path.touch(0o600)
    link.symlink_to(path)
    above.chmod(mode)
    for each in (path, link):
        words = files.exposed(str(each), each.stat(), os.geteuid())
        assert (f"{each} can be replaced: its folder {above} can be written by all users" in words) == exposed
    other = tmp_path / "open"
    other.mkdir()
    (other / "link").symlink_to(path)
    other.chmod(0o777)
    assert f"its folder {other}" in files.exposed(str(other / "link"), path.stat(), os.geteuid())
