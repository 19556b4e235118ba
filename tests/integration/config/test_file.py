"""The settings file on a disk that hangs."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.config import file
from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/fuse").exists(), reason="needs root and /dev/fuse to mount a disk that hangs"
)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk that never answers."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"hanging", bytes(tmp_path), b"fuse", 0, options):
        os.close(device)
        pytest.skip(f"cannot mount here: {os.strerror(ctypes.get_errno())}")
    yield tmp_path
    os.close(device)  # whoever waits gets an error now
    libc.umount2(bytes(tmp_path), 2)


def test_a_disk_that_hangs(hanging: Path) -> None:
    """A settings file that was named is not waited for longer than the limit, nor is one that is looked for."""
    for chosen, environ in ((str(hanging / "config.toml"), {}), ("", {"XDG_CONFIG_HOME": str(hanging)})):
        with pytest.raises(SettingsError, match=r"was not read within 0\.2 s") as error:
            file.load(chosen, environ, seconds=0.2)
        assert "hang" in error.value.hint
