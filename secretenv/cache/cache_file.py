"""The file of the cache: read it within limits, replace it in one step, and remove it.

Nothing but a regular file of this process's own user is read, replaced or removed. Whoever may write in its folder can
remove it or put an older one back, and nothing else: what it holds is the business of `sealing`.

A new file is written under a second name, locked as long as its writer lives, and renamed. A writer that was killed
leaves that name behind, and the next one removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from secretenv.cache import messages
from secretenv.protocol import LARGEST

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}
_CAUTIOUS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# The errors of file systems that have no locks, or cannot fsync a folder.
_NOT_SUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}
_PIECE = 1 << 20  # bytes to read at once
_TRIES = 100  # to become the writer: each fails only because another living writer was quicker


def read(path: str, largest: int = LARGEST) -> bytes | None:
    """Return the content of the file, or None if there is none.

    Args:
        path: of the file.
        largest: how many bytes it may have.

    Raises:
        CacheError: it is not a regular file of this user, is larger, or cannot be read.
    """
    try:
        descriptor, status = _open(path)
        try:
            content = b"" if status.st_size > largest else _read(descriptor, largest + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise messages.CACHE_UNREADABLE(file=path, reason=error.strerror) from None
    if max(len(content), status.st_size) > largest:
        raise messages.CACHE_TOO_LARGE(file=path)
    return content


def beginning(path: str, size: int) -> bytes:
    """Return at most so many bytes of the file, from its beginning, however large it is.

    Raises:
        CacheError: it is not a regular file of this user.
        OSError: it cannot be read.
    """
    descriptor, _ = _open(path)
    try:
        return _read(descriptor, size)
    finally:
        os.close(descriptor)


def write(path: str, content: bytes) -> None:
    """Replace the file in one step: whatever happens, the old or the new one is there.

    Raises:
        CacheError: it cannot be written, or something else is in its place; the old one is there as before.
    """
    try:
        folder = _Folder(path)
        try:
            folder.check(folder.name)
            folder.replace(content)
        finally:
            folder.close()
    except OSError as error:
        raise messages.CACHE_NOT_WRITTEN(file=path, reason=error.strerror, folder=_folder(path)) from None


def remove(path: str) -> None:
    """Remove the file, and whatever a killed writer left behind; it is no error if there is none.

    Raises:
        CacheError: it cannot be removed, or is not a regular file of this user.
    """
    try:
        folder = _Folder(path)
        try:
            folder.clear()
            folder.remove(folder.name)
            folder.sync()
        finally:
            folder.close()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise messages.CACHE_NOT_REMOVED(file=path, reason=error.strerror, folder=_folder(path)) from None


class _Folder:
    """The folder of the file, held open: its two names, and what is done with them.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = _folder(path)
        self.name = path.rpartition("/")[2]
        self._fresh = f".{self.name}.new"
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def check(self, name: str) -> bool:
        """Return whether there is a file with this name, which may be replaced and removed.

        Raises:
            CacheError: something else is there.
        """
        try:
            status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        _own(f"{self._path.rstrip('/')}/{name}", status)
        return True

    def remove(self, name: str) -> None:
        """Remove a file if there is one."""
        if self.check(name):
            os.unlink(name, dir_fd=self._descriptor)

    def sync(self) -> None:
        """Have the names on the disk."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise

    def clear(self) -> None:
        """Remove whatever a killed writer left behind; wait for a living one."""
        while (descriptor := self._held()) is not None:
            try:
                if self._is(descriptor):
                    os.unlink(self._fresh, dir_fd=self._descriptor)
            finally:
                os.close(descriptor)

    def replace(self, content: bytes) -> None:
        """Write the file under its second name and rename it."""
        descriptor = self._begin()
        try:
            os.fchmod(descriptor, 0o600)
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
            self.check(self.name)
            os.rename(self._fresh, self.name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except BaseException:
            self._drop(descriptor)
            raise
        finally:
            os.close(descriptor)
        self.sync()

    def _begin(self) -> int:
        """Return a descriptor of a new file with the second name, which no other writer touches."""
        for _ in range(_TRIES):
            self.clear()
            try:
                descriptor = os.open(
                    self._fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CAUTIOUS, 0o600, dir_fd=self._descriptor
                )
            except FileExistsError:
                continue  # another writer was quicker
            try:
                _lock(descriptor)
                if self._is(descriptor):
                    return descriptor
            except BaseException:
                self._drop(descriptor)
                os.close(descriptor)
                raise
            os.close(descriptor)  # another writer took it for one that was left behind
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def _held(self) -> int | None:
        """Return a descriptor of the file with the second name, locked, or None if there is none."""
        if not self.check(self._fresh):
            return None
        try:
            descriptor = os.open(self._fresh, os.O_WRONLY | _CAUTIOUS, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        try:
            _lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _drop(self, descriptor: int) -> None:
        """Remove the file with the second name, if it is this one; one that cannot be removed stays."""
        try:
            if self._is(descriptor):
                os.unlink(self._fresh, dir_fd=self._descriptor)
        except OSError:
            pass

    def _is(self, descriptor: int) -> bool:
        """Return whether this is the file that has the second name now."""
        try:
            status = os.stat(self._fresh, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(status, os.fstat(descriptor))


def _open(path: str) -> tuple[int, os.stat_result]:
    """Return a descriptor of the file, to be read, and its status."""
    # Looked at before it is opened: opening alone starts some devices.
    _own(path, os.stat(path, follow_symlinks=False))  # noqa: PTH116 - pathlib costs an import
    descriptor = os.open(path, os.O_RDONLY | _CAUTIOUS)
    try:
        status = os.fstat(descriptor)
        _own(path, status)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _read(descriptor: int, largest: int) -> bytes:
    """Return at most so many bytes."""
    parts, left = [], largest
    while left and (part := os.read(descriptor, min(left, _PIECE))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _folder(path: str) -> str:
    """Return the folder of a path."""
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


def _own(path: str, status: os.stat_result) -> None:
    """Refuse all but a regular file of this process's own user.

    Raises:
        CacheError: it is something else.
    """
    if not stat.S_ISREG(status.st_mode):
        raise messages.CACHE_NOT_REGULAR(file=path, found=_KINDS.get(stat.S_IFMT(status.st_mode), "something else"))
    if status.st_uid != os.geteuid():
        raise messages.CACHE_FOREIGN(file=path, owner=status.st_uid, user=os.geteuid())


def _lock(descriptor: int) -> None:
    """Wait until no other writer holds this file; without locks on the file system, hope that there is none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
