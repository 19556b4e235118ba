"""The file of the cache on real file systems: read within limits, replaced in one step, removed."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.cache import cache_file
from secretenv.cache_protocol import CacheError
from secretenv.protocol import LARGEST
from tests.container import NAMESPACE
from tests.running import PYTHON
from tests.waiting import until

from .vaults import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
in_namespace = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode != 0,
    reason="needs root and namespaces",
)


_READS = f"""
import sys
sys.path.append({FOLDER!r})
from secretenv.cache import cache_file
try: print(cache_file.read(sys.argv[1]))
except Exception as error: print(error.message)
"""


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def said(does: Callable[..., object], *words: object) -> str:
    """Return the message of the error."""
    with pytest.raises(CacheError) as raised:
        does(*words)
    assert raised.value.link == "cache"
    return raised.value.message


def test_write_read_remove(tmp_path: Path) -> None:
    """Only its owner can read it, and nothing else is left in the folder."""
    file = tmp_path / "cache"
    assert cache_file.read(str(file)) is None
    before = os.umask(0)
    try:
        for content in (b"one", b"two", b""):
            cache_file.write(str(file), content)
            assert cache_file.read(str(file)) == content
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert names(tmp_path) == ["cache"]
    finally:
        os.umask(before)
    cache_file.remove(str(file))
    cache_file.remove(str(file))
    assert names(tmp_path) == []


def test_the_beginning(tmp_path: Path) -> None:
    """It is read from a file of any size."""
    file = tmp_path / "cache"
    file.write_bytes(b"0123456789")
    assert [cache_file.beginning(str(file), size) for size in (0, 3, 99)] == [b"", b"012", b"0123456789"]


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """One byte more than 64 MiB is not read; 64 MiB are."""
    file = tmp_path / "cache"
    with file.open("wb") as opened:
        opened.truncate(LARGEST)
    content = cache_file.read(str(file))
    assert content is not None
    assert len(content) == LARGEST
    with file.open("ab") as opened:
        opened.write(b"x")
    assert said(cache_file.read, str(file)) == f"the cache {file} is larger than 64 MiB"
    cache_file.write(str(file), b"small")
    assert cache_file.read(str(file)) == b"small"


def test_no_more_is_read(tmp_path: Path) -> None:
    """A file that would fill the memory is refused by its size."""
    file = tmp_path / "cache"
    with file.open("wb") as opened:
        opened.truncate(8 << 30)
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n{_READS}"
    ended = subprocess.run([PYTHON, "-c", limited, str(file)], check=True, capture_output=True, text=True)
    assert ended.stdout == f"the cache {file} is larger than 64 MiB\n"


def test_a_file_that_grows_as_it_is_read(tmp_path: Path) -> None:
    """What it says about its size is not believed."""
    path = f"/proc/{os.getpid()}/environ"  # its size is 0
    assert os.stat(path).st_size == 0  # noqa: PTH116
    if os.environ:
        assert said(cache_file.read, path, 3) == f"the cache {path} is larger than 64 MiB"


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.with_name("target").write_bytes(b"precious")
    path.symlink_to("target")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _folder(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.close()


KINDS = pytest.mark.parametrize(
    ("make", "what"),
    [
        pytest.param(_fifo, "a FIFO", id="fifo"),
        pytest.param(_link, "a symbolic link", id="link"),
        pytest.param(_dangling, "a symbolic link", id="dangling"),
        pytest.param(_folder, "a directory", id="folder"),
        pytest.param(_socket, "a socket", id="socket"),
    ],
)


@KINDS
@pytest.mark.parametrize("name", ["cache", ".cache.new"])
def test_something_else_in_its_place(tmp_path: Path, name: str, make: Callable[[Path], None], what: str) -> None:
    """It is neither read nor replaced nor removed, and nobody waits for it."""
    make(tmp_path / name)
    before = names(tmp_path)
    cache = str(tmp_path / "cache")
    message = f"the cache {tmp_path / name} is not a regular file, but {what}"
    if name == "cache":
        assert said(cache_file.read, cache) == message
    assert said(cache_file.write, cache, b"new") == message
    assert said(cache_file.remove, cache) == message
    assert names(tmp_path) == before
    if "target" in before:
        assert (tmp_path / "target").read_bytes() == b"precious"


@as_root
@pytest.mark.parametrize("name", ["cache", ".cache.new"])
def test_a_file_of_another_user(tmp_path: Path, name: str) -> None:
    """Root neither reads nor replaces nor removes it."""
    (tmp_path / name).write_bytes(b"theirs")
    os.chown(tmp_path / name, NOBODY, NOBODY)
    cache = str(tmp_path / "cache")
    message = f"the cache {tmp_path / name} belongs to user {NOBODY}, and secretenv runs as user 0"
    if name == "cache":
        assert said(cache_file.read, cache) == message
    assert said(cache_file.write, cache, b"new") == message
    assert said(cache_file.remove, cache) == message
    assert (tmp_path / name).read_bytes() == b"theirs"
    assert names(tmp_path) == [name]


def as_nobody(program: str, *words: str) -> str:
    """Run a program as another user, and return what it prints."""
    code = (
        f"import os, sys; sys.path.append({FOLDER!r})\nfrom secretenv.cache import cache_file\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n{program}"
    )
    ended = subprocess.run([PYTHON, "-c", code, *words], check=True, capture_output=True, text=True)
    return ended.stdout.strip()


TRIED = """
for does in (cache_file.read, lambda file: cache_file.write(file, b'x'), cache_file.remove):
    try:
        print(does(sys.argv[1]))
    except Exception as error:
        print(error.message)
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Return a folder that other users may enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest", "popen", tmp_path.name)):
            folder.chmod(0o755)
    return tmp_path


@as_root
def test_as_another_user(shared: Path) -> None:
    """A folder of root is no place for a cache; a file of root's that can be read is not used either."""
    file = shared / "cache"
    assert as_nobody(TRIED, str(file)).splitlines() == [
        "None",
        f"the cache {file} cannot be written: Permission denied",
        "None",
    ]
    file.write_bytes(b"of root")
    file.chmod(0o644)
    theirs = f"the cache {file} belongs to user 0, and secretenv runs as user {NOBODY}"
    assert as_nobody(TRIED, str(file)).splitlines() == [theirs] * 3
    os.chown(file, NOBODY, NOBODY)
    file.chmod(0)
    assert as_nobody(TRIED, str(file)).splitlines() == [
        f"the cache {file} cannot be read: Permission denied",
        f"the cache {file} cannot be written: Permission denied",
        f"the cache {file} cannot be removed: Permission denied",
    ]
    assert names(shared) == ["cache"]


def test_no_folder(tmp_path: Path) -> None:
    """It is not made; without it there is no file, and no error where none is needed."""
    for path in (tmp_path / "none" / "cache", tmp_path / "file" / "cache"):
        (tmp_path / "file").write_bytes(b"")
        assert cache_file.read(str(path)) is None
        cache_file.remove(str(path))
        assert said(cache_file.write, str(path), b"x").startswith(f"the cache {path} cannot be written: No")
    assert names(tmp_path) == ["file"]


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    """Its second name does not fit either."""
    for length in (251, 255, 256):
        path = str(tmp_path / ("x" * length))
        if length < 256:
            assert cache_file.read(path) is None
        assert said(cache_file.write, path, b"x") == f"the cache {path} cannot be written: File name too long"
    cache_file.write(str(tmp_path / ("x" * 250)), b"x")


def test_what_a_writer_left_behind(tmp_path: Path) -> None:
    """The next one removes it, and so does whoever removes the cache; a second name of another file stays one."""
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    for does in (lambda file: cache_file.write(file, b"new"), cache_file.remove):
        (tmp_path / ".cache.new").hardlink_to(other)
        does(str(tmp_path / "cache"))
        assert not (tmp_path / ".cache.new").exists()
        assert other.read_bytes() == b"precious"
    assert names(tmp_path) == ["other"]


# Writes again and again what it is told, for as long as another process has not said that it is enough.
_WRITER = f"""
import os, sys
sys.path.append({FOLDER!r})
from secretenv.cache import cache_file
content = sys.argv[2].encode() * 100_000
print("ready", flush=True)
while not os.path.exists(sys.argv[1] + "/enough"):
    cache_file.write(sys.argv[1] + "/cache", content)
    found = cache_file.read(sys.argv[1] + "/cache")
    assert found is not None and len(found) == 100_000 and len(set(found)) == 1, len(found or b"")
"""


def test_two_writers_at_once(tmp_path: Path) -> None:
    """Whoever reads finds what one of them wrote, all of it, and both succeed."""
    writers = [
        subprocess.Popen([PYTHON, "-c", _WRITER, str(tmp_path), letter], stdout=subprocess.PIPE) for letter in "ab"
    ]
    seen: set[bytes] = set()
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"

        def look() -> bool:
            if content := cache_file.read(str(tmp_path / "cache")):
                assert len(content) == 100_000
                assert len(set(content)) == 1
                seen.add(content[:1])
            return seen == {b"a", b"b"}

        until(look)
    finally:
        (tmp_path / "enough").touch()
        ends = [writer.wait(30) for writer in writers]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.close()
    assert ends == [0, 0]
    assert names(tmp_path) == ["cache", "enough"]


_FULL = """
set -e
mount -t tmpfs -o size=64k none "$1"
printf old > "$1/cache"
chmod 600 "$1/cache"
"$2" -c "$3" "$1/cache" 100000
ls -A "$1"
cat "$1/cache"
"""
_WRITES = f"""
import sys
sys.path.append({FOLDER!r})
from secretenv.cache import cache_file
try: print(cache_file.write(sys.argv[1], b"x" * int(sys.argv[2])), flush=True)
except Exception as error: print(error.message, flush=True)
"""


@in_namespace
def test_no_room(tmp_path: Path) -> None:
    """The old one stays, and nothing of the new one."""
    ended = subprocess.run(
        [*NAMESPACE, "sh", "-c", _FULL, "sh", str(tmp_path), PYTHON, _WRITES],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ended.stdout == f"the cache {tmp_path}/cache cannot be written: No space left on device\ncache\nold"


@in_namespace
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The old one can be read."""
    script = _FULL.replace('"$2"', 'mount -o remount,ro "$1"\n"$2"')
    ended = subprocess.run(
        [*NAMESPACE, "sh", "-c", script, "sh", str(tmp_path), PYTHON, _WRITES],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ended.stdout == f"the cache {tmp_path}/cache cannot be written: Read-only file system\ncache\nold"


def test_a_limit_of_file_sizes(tmp_path: Path) -> None:
    """As with a full disk."""
    cache_file.write(str(tmp_path / "cache"), b"old")
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n{_WRITES}"
    words = [PYTHON, "-c", limited, str(tmp_path / "cache"), "100000"]
    ended = subprocess.run(words, check=True, capture_output=True, text=True)
    assert ended.stdout == f"the cache {tmp_path}/cache cannot be written: File too large\n"
    assert names(tmp_path) == ["cache"]
    assert cache_file.read(str(tmp_path / "cache")) == b"old"


@pytest.mark.parametrize("path", ["cache", "./cache", "below/../cache"])
def test_a_relative_path(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts at the working directory."""
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    cache_file.write(path, b"content")
    assert cache_file.read(path) == b"content"
    assert names(tmp_path) == ["below", "cache"]
    cache_file.remove(path)
    assert names(tmp_path) == ["below"]
