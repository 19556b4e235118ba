"""Files that decide what runs or who is trusted: read them within limits, and tell who else can change them.

For settings, certificates, keys, roots and secrets in files. Time limits are up to whoever reads: a disk that
hangs keeps its reader in the kernel.
"""

from __future__ import annotations

import errno
import os
import stat

LARGEST = 1 << 20  # bytes: far more than any of these files has
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}


def read(path: str, largest: int = LARGEST) -> tuple[bytes, os.stat_result]:
    """Return the content of a file and its status.

    Args:
        path: of the file.
        largest: how many bytes it may have.

    Raises:
        OSError: it cannot be read, or is not a regular file (EINVAL), or is larger (EFBIG); `strerror` says which.
    """
    # Looked at before it is opened: opening alone starts some devices, a watchdog among them.
    _check(path, os.stat(path))  # noqa: PTH116 - pathlib costs the fetcher its import
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        _check(path, status)
        content = b""
        while len(content) <= largest and (more := os.read(descriptor, largest + 1 - len(content))):
            content += more
    finally:
        os.close(descriptor)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"larger than {largest >> 10} KiB", path)
    return content, status


def _check(path: str, status: os.stat_result) -> None:
    """Refuse all but regular files."""
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"not a regular file, but {kind}", path)


def _open(path: str) -> int:
    """Return a descriptor of a file."""
    how = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY
    try:
        # Not blocking: opening a FIFO that is there by now would wait for a writer.
        return os.open(path, how | os.O_NONBLOCK)
    except BlockingIOError:
        # Another process, such as Samba, has a lease on the file (fcntl(2), F_SETLEASE): now it gives it up.
        return os.open(path, how)


def stranger(status: os.stat_result, uid: int | None = None) -> str:
    """Return who owns a file that root must not trust: neither root nor this process's user; else an empty string.

    Args:
        status: of the file.
        uid: the effective user of this process.
    """
    uid = os.geteuid() if uid is None else uid
    if uid or status.st_uid == 0 or _unmapped(status.st_uid):
        return ""
    return f"user {status.st_uid}"


def exposed(path: str, status: os.stat_result, uid: int | None = None) -> str:
    """Return who else can change a file, with its mode or that of its folder, in words; else an empty string.

    Args:
        path: of the file.
        status: of the file.
        uid: the effective user of this process.
    """
    uid = os.geteuid() if uid is None else uid
    if who := _others(status, uid):
        return f"{path} {who}"
    for folder in _folders(path):
        try:
            found = os.stat(folder)  # noqa: PTH116
        except OSError:
            continue
        # Where the sticky bit is set, as in /tmp, only its owner can replace a file.
        sticky = found.st_mode & stat.S_ISVTX and found.st_uid in {0, uid}
        if not sticky and (who := _others(found, uid)):
            return f"{path} can be replaced: its folder {folder} {who}"
    return ""


def _folders(path: str) -> list[str]:
    """Return the folders above a file, those of a link and those of what it leads to."""
    found = []
    for folder in (os.path.abspath(path), os.path.realpath(path)):  # noqa: PTH100
        while folder != "/":
            folder = folder.rpartition("/")[0] or "/"  # noqa: PLW2901
            found.append(folder)
    return list(dict.fromkeys(found))


def _others(status: os.stat_result, uid: int) -> str:
    """Return which others can write to a file or a folder; neither root nor a group of the user's own counts."""
    mode = f"mode {stat.S_IMODE(status.st_mode):04o}"
    if status.st_mode & stat.S_IWOTH:
        return f"can be written by all users ({mode})"
    if status.st_mode & stat.S_IWGRP and status.st_gid not in {0, status.st_uid}:
        return f"can be written by group {status.st_gid} ({mode})"
    if status.st_uid not in {0, uid} and not _unmapped(status.st_uid):
        return f"belongs to user {status.st_uid} ({mode})"
    return ""


def _unmapped(uid: int) -> bool:
    """Tell whether this user namespace does not know an owner: it is the host's, and not one of this namespace."""
    if uid != 65534:  # noqa: PLR2004 - /proc/sys/kernel/overflowuid; nobody's in a namespace that has all users
        return False
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:  # noqa: PTH123
            return file.read().split()[2:] != ["4294967295"]
    except OSError:
        return False
