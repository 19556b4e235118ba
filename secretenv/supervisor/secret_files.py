"""Secrets in files: written before the command starts, replaced all together at a change, removed at the end.

Loaded only where a secret has a file. In each folder the files are links through one link, `..secretenv`, to a folder
that holds the versions of all of them: the rename of that link is the moment at which a reader finds new files, and it
finds all of them. Kubernetes publishes its volumes in this way, so programs that watch a folder know it.

A folder is locked for as long as the run lives: if nobody has locked it, its run was killed, and the next run removes
what that left behind.
"""

from __future__ import annotations

import binascii
import fcntl
import os
import stat

from secretenv.errors import SecretenvError
from secretenv.files import exposed
from secretenv.settings import PATH_MARK
from secretenv.supervisor import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from secretenv.settings import Settings

    Files = Mapping[str, tuple[str, int]]  # content in base64 and mode, by name or target

LINK = "..secretenv"
PRIVATE = "secretenv-"
_IN_MEMORY = {"tmpfs", "ramfs"}
_RUNTIME = (b"RUNTIME_DIRECTORY", b"XDG_RUNTIME_DIR")
_TRIES = 10  # to make a private folder while other runs start


class Folder:
    """A folder with secret files, which belongs to this run alone.

    Args:
        path: of the folder.
        names: of the files that this run may write in it.
        lock: a descriptor of it with a lock, as `_claim` returns it.
        made: whether this run made it, and so removes it.
        step: called before each change of the folder; for tests.

    Raises:
        SettingsError: something else is where a file should be.
    """

    def __init__(
        self, path: str, names: Iterable[str], lock: int, *, made: bool, step: Callable[[], object] = lambda: None
    ) -> None:
        self.path = path
        self.lock = lock
        self._made = made
        self._step = step
        self._shown: frozenset[str] = frozenset()  # the names of the files that are there
        for name in [*names, LINK]:
            if self._is_strange(name):
                raise messages.FILE_IN_THE_WAY(file=f"{self.path}/{name}")

    def _is_strange(self, name: str) -> bool:
        """Whether something that no run of secretenv made has a name that this one needs."""
        try:
            target = os.readlink(f"{self.path}/{name}")  # noqa: PTH115
        except FileNotFoundError:
            return False
        except OSError:
            return True  # no link
        return not target.startswith(f"{LINK}.") if name == LINK else target != f"{LINK}/{name}"

    def write(self, files: Files) -> None:
        """Replace all earlier files with these, at one moment.

        Raises:
            SettingsError: they cannot be written; the earlier ones are there as before.
        """
        fresh = f"{LINK}.{os.urandom(8).hex()}"
        try:
            self._fill(fresh, files)
            for name in files:
                if not self._is_ours(name):
                    self._point(name, f"{LINK}/{name}")
            self._point(LINK, fresh)
        except OSError as error:
            self._tidy(self._target(), self._shown)
            raise messages.FILE_NOT_WRITTEN(folder=self.path, reason=error.strerror) from None
        self._shown = frozenset(files)
        self._tidy(fresh, self._shown)

    def _target(self) -> str:
        try:
            return os.readlink(f"{self.path}/{LINK}")  # noqa: PTH115
        except OSError:
            return ""

    def _fill(self, fresh: str, files: Files) -> None:
        """Make the folder with the content of the files; whoever may read one of them may enter it."""
        self._step()
        os.mkdir(f"{self.path}/{fresh}", 0o700)  # noqa: PTH102
        every = 0
        for name, (content, mode) in files.items():
            self._step()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(f"{self.path}/{fresh}/{name}", flags, 0o600)
            try:
                left = memoryview(binascii.a2b_base64(content))
                while left:
                    self._step()
                    left = left[os.write(descriptor, left) :]
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            every |= mode
        # Read permission for a file means that its folder can be entered.
        os.chmod(f"{self.path}/{fresh}", 0o700 | (every & 0o044) >> 2)  # noqa: PTH101

    def _point(self, name: str, target: str) -> None:
        """Make a link, or point it elsewhere, in one step."""
        self._step()
        new = f"{self.path}/{LINK}.{os.urandom(8).hex()}"
        os.symlink(target, new)  # noqa: PTH211
        self._step()
        os.rename(new, f"{self.path}/{name}")  # noqa: PTH104

    def _tidy(self, kept: str, names: Collection[str]) -> None:
        """Remove what earlier versions, failures and runs that were killed left in the folder."""
        try:
            entries = os.listdir(self.path)  # noqa: PTH208
        except OSError:
            return
        for entry in entries:
            old = entry.startswith(f"{LINK}.") and entry != kept
            if old or (entry not in names and self._is_ours(entry)):
                self._remove(entry)

    def _is_ours(self, name: str) -> bool:
        try:
            return os.readlink(f"{self.path}/{name}") == f"{LINK}/{name}"  # noqa: PTH115
        except OSError:
            return False

    def _remove(self, name: str) -> None:
        """Remove a link, or a folder with the content of files, if it is still there and can be removed."""
        self._step()
        try:
            _remove(f"{self.path}/{name}")
        except OSError:
            return

    def remove(self) -> None:
        """Remove all files, and the folder if this run made it and nothing else is in it."""
        self._remove(LINK)
        self._tidy("", ())
        os.close(self.lock)
        if self._made:
            try:
                os.rmdir(self.path)  # noqa: PTH106
            except OSError:
                return


class SecretFiles:
    """All files of a run: those with a path, and those in its private folder, whose paths are in variables.

    Args:
        settings: of the run.
        environment: of the caller: it names the folder for files at run time.
        step: see `Folder`.

    Attributes:
        warnings: who else can change the files, in words.

    Raises:
        SettingsError: a folder cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[bytes, bytes],
        step: Callable[[], object] = lambda: None,
    ) -> None:
        self._folders: dict[str, Folder] = {}
        self._places: dict[str, tuple[str, str]] = {}  # of each target: its folder, and its name there
        self._written: Files | None = None
        self.warnings: list[str] = []
        try:
            self._open(settings, environment, step)
        except OSError as error:
            self.remove()
            raise messages.NO_FOLDER(folder=error.filename or "", reason=error.strerror) from None
        except BaseException:
            self.remove()
            raise

    def _open(self, settings: Settings, environment: Mapping[bytes, bytes], step: Callable[[], object]) -> None:
        on_disk = settings.files_on_disk
        targets = [target for secret in settings.secrets for _, target in secret.files]
        own = [target for target in targets if PATH_MARK not in target]
        paths: dict[str, dict[str, str]] = {}  # by folder: the targets by their names there
        for target in targets:
            folder, slash, name = target.rpartition(PATH_MARK)
            # One folder may have several paths: /var/run is /run.
            if slash and paths.setdefault(os.path.realpath(folder or "/"), {}).setdefault(name, target) != target:
                raise messages.FILE_TWICE(file=target, other=paths[os.path.realpath(folder or "/")][name])
        for folder, names in paths.items():
            made = _make(folder)
            try:
                lock = _claim(folder, on_disk=on_disk)
                # Not refused: Kubernetes lets all users write to its folders in memory (emptyDir).
                if who := exposed(folder, os.fstat(lock)):
                    self.warnings.append(f"others can change the secret files in {folder}: {who}")
                self._folders[folder] = Folder(folder, names, lock, made=made, step=step)
            except BaseException:
                if made:
                    os.rmdir(folder)  # noqa: PTH106
                raise
            self._places |= {target: (folder, name) for name, target in names.items()}
        if own:
            folder, lock = _private(environment, on_disk=on_disk)
            self._folders[folder] = Folder(folder, own, lock, made=True, step=step)
            self._places |= {target: (folder, target) for target in own}

    def variables(self, files: Files) -> dict[str, str]:
        """Return the variables with the paths of these files."""
        return {target: "/".join(self._places[target]) for target in files if PATH_MARK not in target}

    def write(self, files: Files) -> None:
        """Show these files, each folder's at one moment; those that exist already are left alone.

        Raises:
            SettingsError: they cannot be written.
        """
        if files == self._written:
            return
        for path, folder in self._folders.items():
            own = {self._places[target][1]: file for target, file in files.items() if self._places[target][0] == path}
            folder.write(own)
        self._written = files

    def hand_over(self) -> None:
        """Let the command that this process becomes keep the locks."""
        for folder in self._folders.values():
            os.set_inheritable(folder.lock, True)  # noqa: FBT003

    def remove(self) -> None:
        """Remove all files."""
        for folder in self._folders.values():
            folder.remove()


def _make(path: str) -> bool:
    """Make a folder unless it is there, and return whether it was made."""
    try:
        os.mkdir(path, 0o700)  # noqa: PTH102
    except FileExistsError:
        return False
    return True


def _claim(path: str, *, on_disk: bool) -> int:
    """Return a descriptor of a folder with a lock; refuse a folder that others can change, or that is on a disk."""
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check(path, lock, on_disk=on_disk)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise messages.FOLDER_IN_USE(folder=path) from None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _check(path: str, lock: int, *, on_disk: bool) -> None:
    owner = os.fstat(lock).st_uid
    if owner not in {0, os.geteuid()}:
        raise messages.FOLDER_OF_ANOTHER(folder=path, owner=owner)
    if not on_disk and not in_memory(path):
        raise messages.FOLDER_ON_DISK(folder=path)


def _private(environment: Mapping[bytes, bytes], *, on_disk: bool) -> tuple[str, int]:
    """Make a folder that only this user can enter, in memory; remove those of runs that were killed.

    Returns:
        Its path, and a descriptor of it with a lock.

    Raises:
        SettingsError: there is no place for it.
    """
    # Of a service of systemd: RuntimeDirectory= may name several.
    own = [os.fsdecode(environment.get(name, b"")).partition(":")[0] for name in _RUNTIME]
    places = [*own, "/run", "/dev/shm"]  # noqa: S108
    for place in places:
        if os.path.isabs(place) and (on_disk or in_memory(place)):  # noqa: PTH117
            for _ in range(_TRIES):
                path = f"{place}/{PRIVATE}{os.urandom(8).hex()}"
                try:
                    os.mkdir(path, 0o700)  # noqa: PTH102
                except OSError:
                    break
                try:
                    lock = _claim(path, on_disk=True)
                except (OSError, SecretenvError):
                    continue  # another run took it for one that nobody has locked yet, and removes it
                _remove_left_behind(place, path)
                return path, lock
    raise messages.NO_MEMORY_FOLDER(folders=", ".join(place for place in places if place))


def _remove_left_behind(place: str, own: str) -> None:
    """Remove the private folders that no run has locked."""
    for entry in os.listdir(place):  # noqa: PTH208
        path = f"{place}/{entry}"
        if not entry.startswith(PRIVATE) or path == own:
            continue
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in os.listdir(path):  # noqa: PTH208
                    _remove(f"{path}/{name}")
                os.rmdir(path)  # noqa: PTH106
        except OSError:
            pass  # in use, or somebody else removes it
        finally:
            os.close(lock)


def _remove(path: str) -> None:
    """Remove a link, or a folder of files."""
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for name in os.listdir(path):  # noqa: PTH208
            os.unlink(f"{path}/{name}")  # noqa: PTH108
        os.rmdir(path)  # noqa: PTH106
    else:
        os.unlink(path)  # noqa: PTH108


def in_memory(path: str) -> bool:
    """Whether a folder is on a file system in memory, by /proc/self/mountinfo; False where that cannot be read."""
    try:
        device = os.stat(path).st_dev  # noqa: PTH116
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            mounts = [line.split() for line in file]
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    return any(fields[2] == number and fields[fields.index("-") + 1] in _IN_MEMORY for fields in mounts)
