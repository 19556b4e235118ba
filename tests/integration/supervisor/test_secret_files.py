"""Files of secrets on a real file system: all together, whole at any moment, and gone at the end."""

from __future__ import annotations

import binascii
import os
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.errors import SettingsError
from secretenv.settings import Secret
from secretenv.supervisor.secret_files import LINK, PRIVATE, SecretFiles
from tests.unit.fetcher.secrets import secret
from tests.unit.supervisor.stories import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLD = {"tls.crt": b"old certificate\n", "tls.key": b"old key \x00\xff"}
NEW = {"tls.crt": b"new certificate\n" * 5000, "tls.key": b""}


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a folder in memory that only this user can change."""
    folder = Path("/dev/shm") / f"test-{os.urandom(8).hex()}"
    folder.mkdir(0o700)
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def files_of(
    *targets: str, runtime: Path | None = None, step: Callable[[], object] = lambda: None, **given: Any
) -> SecretFiles:
    """Return the files of a run with these targets."""
    one = Secret.from_json({**secret().to_json(), "files": [["", target] for target in targets]})
    environment = {b"XDG_RUNTIME_DIR": os.fsencode(runtime)} if runtime else {}
    return SecretFiles(settings(secrets=(one,), **given), environment, step)


def answer(folder: Path, contents: dict[str, bytes], mode: int = 0o600) -> dict[str, tuple[str, int]]:
    """Return the files of an answer, by their paths."""
    return {f"{folder}/{name}": (binascii.b2a_base64(text).decode(), mode) for name, text in contents.items()}


def seen(folder: Path) -> dict[str, bytes]:
    """Return what a reader of a folder finds through its names."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name[:2] != ".." and path.exists()}


def test_whole_from_the_start_to_the_end(memory: Path) -> None:
    """They have their bytes and their mode, are exchanged, and leave nothing behind."""
    files = files_of(f"{memory}/tls.crt", f"{memory}/tls.key")
    files.write(answer(memory, OLD))
    assert seen(memory) == OLD
    assert {stat.S_IMODE((memory / name).stat().st_mode) for name in OLD} == {0o600}
    assert {(memory / name).stat().st_uid for name in OLD} == {os.geteuid()}
    files.write(answer(memory, NEW, 0o640))
    assert seen(memory) == NEW
    assert {stat.S_IMODE((memory / name).stat().st_mode) for name in NEW} == {0o640}
    assert len([*memory.iterdir()]) == 4  # two names, the link, and the folder that it leads to
    files.write(answer(memory, {"tls.crt": b"alone"}))
    assert seen(memory) == {"tls.crt": b"alone"}
    files.remove()
    assert [*memory.iterdir()] == []


def test_a_reader_never_finds_a_mixture(memory: Path) -> None:
    """At every moment a reader finds all files of one version, through their names."""
    found: list[dict[str, bytes]] = []
    files = files_of(f"{memory}/tls.crt", f"{memory}/tls.key", step=lambda: found.append(seen(memory)))
    files.write(answer(memory, OLD))
    assert all(each in ({}, OLD) for each in found)
    found.clear()
    files.write(answer(memory, NEW))
    assert OLD in found
    assert NEW in found
    assert all(each in (OLD, NEW) for each in found)
    files.remove()


def die_at(number: int) -> Callable[[], None]:
    """Return a step that kills this process the n-th time."""
    left = iter(range(number))

    def step() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def in_a_process(names: list[str], files: dict[str, tuple[str, int]], step: Callable[[], None]) -> int:
    """Write files in a process that ends without removing them, and return its status, -N for signal N."""
    if not (pid := os.fork()):
        try:
            files_of(*names, step=step).write(files)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_killed_at_every_change(memory: Path) -> None:
    """SIGKILL at any change leaves the old or the new files, and the next run tidies up."""
    names = [f"{memory}/{name}" for name in OLD]
    outcomes = []
    for number in range(1000):
        assert in_a_process(names, answer(memory, OLD), lambda: None) == 0
        status = in_a_process(names, answer(memory, NEW), die_at(number))
        outcomes.append(seen(memory))
        last = files_of(*names)
        last.write(answer(memory, OLD))
        assert len([*memory.iterdir()]) == 4
        last.remove()
        assert [*memory.iterdir()] == []
        if status != -signal.SIGKILL:
            assert status == 0
            break
    assert OLD in outcomes
    assert outcomes[-1] == NEW
    assert all(each in (OLD, NEW) for each in outcomes)


class TestPrivateFolder:
    """A file that is given the name of a variable."""

    def test_its_path_is_in_the_variable(self, memory: Path) -> None:
        """A folder of mode 0700 in XDG_RUNTIME_DIR; it is gone at the end."""
        files = files_of("TLS_KEY", runtime=memory)
        contents = {"TLS_KEY": (binascii.b2a_base64(b"key").decode(), 0o600)}
        files.write(contents)
        path = Path(files.variables(contents)["TLS_KEY"])
        assert path.read_bytes() == b"key"
        assert path.parent.parent == memory
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert files.variables({}) == {}
        files.remove()
        assert [*memory.iterdir()] == []

    def test_those_of_killed_runs_are_removed(self, memory: Path) -> None:
        """One that nobody has locked is removed; one of a run that lives, and a stranger's folder, stay."""
        lives = files_of("A", runtime=memory)
        lives.write({"A": ("AA==", 0o600)})
        dead = memory / f"{PRIVATE}dead"
        (dead / f"{LINK}.1").mkdir(parents=True)
        (dead / f"{LINK}.1" / "A").write_bytes(b"left behind")
        (dead / "A").symlink_to(f"{LINK}/A")
        (memory / "another").mkdir()
        files = files_of("A", runtime=memory)
        assert not dead.exists()
        assert len([*memory.iterdir()]) == 3
        lives.remove()
        files.remove()
        assert [path.name for path in memory.iterdir()] == ["another"]

    def test_where_there_is_no_runtime_folder(self) -> None:
        """Without XDG_RUNTIME_DIR it is in /run or /dev/shm, whichever is in memory."""
        files = files_of("A")
        contents = {"A": ("AA==", 0o600)}
        files.write(contents)
        path = Path(files.variables(contents)["A"])
        assert path.parent.parent in {Path("/run"), Path("/dev/shm")}
        files.remove()
        assert not path.parent.exists()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


def on_disk(memory: Path, disk: Path) -> str:
    """A folder on a disk."""
    return f"{disk}/a"


def in_the_way(memory: Path, disk: Path) -> str:
    """A file that secretenv did not write."""
    (memory / "a").write_text("somebody's")
    return f"{memory}/a"


def link_in_the_way(memory: Path, disk: Path) -> str:
    """A link that secretenv did not make."""
    (memory / "a").symlink_to("/etc/passwd")
    return f"{memory}/a"


def of_another(memory: Path, disk: Path) -> str:
    """A folder of another user."""
    (memory / "another").mkdir()
    os.chown(memory / "another", 12345, -1)
    return f"{memory}/another/a"


def nowhere(memory: Path, disk: Path) -> str:
    """A folder in a folder that does not exist."""
    return f"{memory}/no/where/a"


def a_file_as_folder(memory: Path, disk: Path) -> str:
    """A file in place of the folder."""
    (memory / "file").write_text("")
    return f"{memory}/file/a"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (on_disk, "is not in memory"),
        (in_the_way, "already exists, and secretenv did not write it"),
        (link_in_the_way, "already exists, and secretenv did not write it"),
        pytest.param(of_another, "belongs to user 12345", marks=needs_root),
        (nowhere, "No such file or directory"),
        (a_file_as_folder, "Not a directory"),
    ],
)
def test_what_is_refused(memory: Path, tmp_path: Path, place: Callable[[Path, Path], str], says: str) -> None:
    """Nothing is written, and nothing is left of the other files of the run."""
    target = place(memory, tmp_path)
    before = sorted(memory.rglob("*"))
    with pytest.raises(SettingsError, match=says) as caught:
        files_of("PRIVATE", f"{memory}/fine/b", target, runtime=memory)
    assert caught.value.hint
    assert sorted(memory.rglob("*")) == before


def test_a_folder_of_all(memory: Path) -> None:
    """A folder that all users can write, as of Kubernetes' emptyDir, is used with a warning."""
    folder = memory / "all"
    folder.mkdir()
    folder.chmod(0o777)
    files = files_of(f"{folder}/a")
    (warning,) = files.warnings
    assert f"{folder} can be written by all users (mode 0777)" in warning
    files.write({f"{folder}/a": ("QQ==", 0o600)})
    assert seen(folder) == {"a": b"A"}
    files.remove()


def test_the_folder_of_a_service(memory: Path) -> None:
    """The first of RUNTIME_DIRECTORY, which systemd sets, comes before XDG_RUNTIME_DIR."""
    one = Secret.from_json({**secret().to_json(), "files": [["", "A"]]})
    environment = {b"RUNTIME_DIRECTORY": os.fsencode(f"{memory}:/run/other"), b"XDG_RUNTIME_DIR": b"/dev/shm"}
    files = SecretFiles(settings(secrets=(one,)), environment)
    assert Path(files.variables({"A": ("", 0)})["A"]).parent.parent == memory
    files.remove()


def test_a_folder_is_one_runs(memory: Path) -> None:
    """A second run that writes in the same folder is refused."""
    first = files_of(f"{memory}/a")
    with pytest.raises(SettingsError, match="another running secretenv"):
        files_of(f"{memory}/b")
    first.remove()


def test_one_file_by_two_paths(memory: Path) -> None:
    """Two paths of one file are found."""
    (memory / "real").mkdir()
    (memory / "other").symlink_to("real")
    with pytest.raises(SettingsError, match="written to one file"):
        files_of(f"{memory}/real/a", f"{memory}/other/a")


def test_a_disk_is_allowed_by_a_word(tmp_path: Path) -> None:
    """With --files-on-disk a folder on a disk is used; one that was made is removed."""
    folder = tmp_path / "made"
    files = files_of(f"{folder}/a", files_on_disk=True)
    files.write({f"{folder}/a": ("QQ==", 0o600)})
    assert seen(folder) == {"a": b"A"}
    files.remove()
    assert not folder.exists()


def test_a_failure_leaves_the_old_files(memory: Path) -> None:
    """A write that fails, as on a full disk, leaves the old files and nothing of the new ones."""
    fails = False

    def step() -> None:
        if fails:
            raise OSError(28, "No space left on device")

    files = files_of(f"{memory}/tls.crt", f"{memory}/tls.key", step=step)
    files.write(answer(memory, OLD))
    fails = True
    with pytest.raises(SettingsError, match="No space left on device") as caught:
        files.write(answer(memory, NEW))
    assert caught.value.transient
    fails = False
    assert seen(memory) == OLD
    files.write(answer(memory, NEW))
    assert seen(memory) == NEW
    files.remove()
