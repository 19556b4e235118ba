"""The folder of a device: settings, certificate, key and roots under fixed names, to be copied or mounted as it is.

Nothing in it is ever overwritten, and a run that fails leaves neither an empty file nor an empty folder.
"""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from secretenv.identity import x509
from secretenv.provision import messages, reading
from secretenv.provision.device_settings import CA, CERT, CONFIG, KEY, differences
from secretenv.provision.wanted import certificate_is_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.provision.wanted import Wanted

ROOM = 8192  # bytes, more than any of the files that AWS makes has
_NOTE = "# made by secretenv provision "


class DeviceFolder:
    """The folder of one device.

    Args:
        wanted: names the folder, and the device that it is for.

    Attributes:
        path: absolute.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.path = reading.absolute(wanted.folder)
        self._wanted = wanted

    def certificate_id(self) -> str:
        """Return AWS IoT's id of the certificate that is in the folder; empty: neither it nor its key is there.

        Raises:
            SettingsError: one of the two is missing, or they are another device's.
            CertificateError: it cannot be read.
        """
        there = [path for path in (self.path / CERT, self.path / KEY) if os.path.lexists(path)]
        if not there:
            return ""
        if len(there) == 1:
            missing = self.path / (KEY if there[0].name == CERT else CERT)
            raise messages.HALF_A_PAIR(file=there[0], missing=missing)
        pem = _pem(self.path / CERT)
        if pem.startswith(_NOTE) and not pem.startswith(self._note()):
            owner = pem.partition("\n")[0].removeprefix(_NOTE)
            raise messages.ANOTHER_DEVICE(folder=self.path, owner=owner, certificate=self.path / CERT)
        return _fingerprint(self.path / CERT, pem)

    def has_note(self) -> bool:
        """Tell whether provision made the certificate that is there for this device."""
        return _pem(self.path / CERT).startswith(self._note())

    @contextmanager
    def new_pair(self) -> Iterator[Callable[[str, str], None]]:
        """Make room for a key and a certificate, and yield the function that stores them, in this order.

        The room first: AWS hands out a key once, and it must not be lost. Without a call of the function nothing is
        left, neither a file nor a folder.

        Raises:
            SecretenvError: the folder cannot be written.
        """
        with ExitStack() as undo:
            key, certificate = self._room(KEY, undo), self._room(CERT, undo)

            def store(key_pem: str, certificate_pem: str) -> None:
                undo.pop_all()  # from here on a file that cannot get its name is kept under the temporary one
                self._put(key, KEY, key_pem.encode())
                self._put(certificate, CERT, (self._note() + certificate_pem).encode())

            yield store

    def settings_are_there(self, text: str, roots: bytes) -> bool:
        """Tell whether the settings file is there and says the same; check that it can be written if not.

        Args:
            text: of the settings file.
            roots: of AWS's stand-in; empty: none.

        Raises:
            SettingsError: a file is there that says something else, or the folder cannot be written.
        """
        self._check_writable()
        if roots and (found := _content(self.path / CA)) not in {b"", roots}:
            raise messages.ROOTS_DIFFER(file=self.path / CA)
        found = _content(self.path / CONFIG)
        if found and (keys := differences(found.decode("utf-8", "replace"), text)):
            raise messages.SETTINGS_DIFFER(file=self.path / CONFIG, keys=", ".join(keys))
        return bool(found) and (not roots or bool(_content(self.path / CA)))

    def write_settings(self, text: str, roots: bytes) -> None:
        """Write the settings file, and the roots that it names, where they are not there yet.

        Raises:
            SettingsError: they cannot be written.
        """
        with ExitStack() as undo:
            for name, content in ((CA, roots), (CONFIG, text.encode())):
                if content and not _content(self.path / name):
                    self._put(self._room(name, undo), name, content)
            undo.pop_all()

    def _note(self) -> str:
        """Return the line above a certificate that provision made: PEM allows text there, and AWS IoT takes no tag.

        If this run ends before AWS has the thing that names the certificate, the next run knows it by this line.
        """
        return f"{_NOTE}{self._wanted.name} for thing {self._wanted.thing}\n"

    def _check_writable(self) -> None:
        """Find out before anything is made whether files can be made here."""
        there = self.path
        while not os.path.lexists(there) and there != there.parent:
            there = there.parent
        if not there.is_dir():
            raise messages.FILE_UNWRITABLE(file=self.path, reason=os.strerror(errno.ENOTDIR), folder=there)
        if not os.access(there, os.W_OK | os.X_OK):
            raise messages.FILE_UNWRITABLE(file=self.path, reason=os.strerror(errno.EACCES), folder=there)

    def _room(self, name: str, undo: ExitStack) -> BinaryIO:
        """Return a new file, readable by its owner alone, under a temporary name, which will be called `name`."""
        try:
            for folder in [*reversed(self.path.parents), self.path]:
                if not os.path.lexists(folder):
                    folder.mkdir(mode=0o700)
                    undo.callback(_remove_empty, folder)
            room = tempfile.NamedTemporaryFile(prefix=f".{name}.", dir=self.path, delete=False)  # noqa: SIM115
            undo.callback(Path(room.name).unlink, missing_ok=True)
            undo.callback(room.close)
            _take_space(room.fileno())
        except OSError as error:
            raise messages.FILE_UNWRITABLE(file=self.path / name, reason=error.strerror, folder=self.path) from None
        return cast("BinaryIO", room)

    def _put(self, room: BinaryIO, name: str, content: bytes) -> None:
        """Write the file and give it its name, unless a file that is not empty has that name already."""
        try:
            with room:
                room.write(content)
                room.truncate()
                room.flush()
                os.fsync(room.fileno())
            if _content(self.path / name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            Path(room.name).replace(self.path / name)
        except OSError as error:
            raise messages.FILE_UNWRITABLE(file=self.path / name, reason=error.strerror, folder=self.path) from None


def id_of(certificate: str) -> str:
    """Return the id of a certificate given by its ARN, its id or its file; nothing if none is given.

    Raises:
        CertificateError: the file cannot be read, or is not a certificate.
    """
    if not certificate or certificate_is_named(certificate):
        return certificate.rpartition("/")[2]
    path = reading.absolute(certificate)
    return _fingerprint(path, _pem(path))


def roots(source: str) -> bytes:
    """Return the content of a file of roots; nothing for an empty `source`.

    Raises:
        SettingsError: it cannot be read.
    """
    if not source:
        return b""
    if reading.is_content(source):
        raise messages.NOT_A_PATH(option="SECRETENV_CA")
    path = reading.absolute(source)
    try:
        return reading.file(path)
    except OSError as error:
        raise messages.ROOTS_UNREADABLE(file=path, reason=error.strerror) from None


def _content(path: Path) -> bytes:
    """Return the content of a file that may be missing."""
    try:
        return reading.file(path)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise messages.FILE_UNREADABLE(file=path, reason=error.strerror) from None


def _pem(path: Path) -> str:
    try:
        return reading.file(path).decode("ascii", "replace")
    except OSError as error:
        raise messages.CERTIFICATE_UNREADABLE(file=path, reason=error.strerror) from None


def _fingerprint(path: Path, pem: str) -> str:
    try:
        return x509.read_pem(pem).fingerprint
    except x509.UnreadableError as error:
        raise messages.NOT_A_CERTIFICATE(file=path, reason=error) from None


def _take_space(descriptor: int) -> None:
    """Take the space of a file, so that a full disk shows before the space is needed."""
    try:
        os.posix_fallocate(descriptor, 0, ROOM)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:  # not every file system can
            raise


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
