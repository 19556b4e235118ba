"""A machine with the real systemd as its init, in its own namespaces: it starts units unchanged.

Its root is this machine's, with changes kept in memory; it has only the units that a test puts there. Network and
kernel are shared.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.container import NAMESPACE, PROJECT, Container
from tests.running import CHILD, SECRETENV, without_times
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.running import Program

INIT = "/lib/systemd/systemd"

# $1: an empty folder. What is mounted is gone with the namespace.
_ROOT = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
root=$1/root
mount -t overlay none -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mount -t cgroup2 none "$root/mnt"
"""

needs_systemd = pytest.mark.skipif(
    os.geteuid() != 0
    or not Path(INIT).exists()
    or subprocess.run([*NAMESPACE, "sh", "-c", _ROOT, "sh", "/mnt"], check=False, capture_output=True).returncode != 0,
    reason="needs root, systemd (apt install systemd), namespaces, overlayfs and the second version of cgroups",
)

# $2: a name for its cgroup; $3: the folder to show as /run/out; $4: the folder with what goes into the root; $5 and $6:
# this Python's folders; $7: the project.
_BOOT = (
    _ROOT
    + r"""
mkdir "$root/mnt/$2"
echo $$ > "$root/mnt/$2/cgroup.procs"
umount "$root/mnt"
for folder in "$root/etc/systemd/system" "$root/opt"; do rm -rf "$folder"; mkdir -p "$folder"; done
mount -t proc none "$root/proc"
mount -t sysfs -o ro none "$root/sys"
mount -t tmpfs -o mode=755 none "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for folder in dev/shm run tmp; do mount -t tmpfs -o mode=1777 none "$root/$folder"; done
chmod 755 "$root/run"
share() { mkdir -p "$2"; mount --bind "$1" "$2"; }
share "$3" "$root/run/out"
share "$5" "$root/opt/python"
share "$6" "$root/opt/packages"
share "$7/secretenv" "$root/opt/source/secretenv"
cp -R "$4/." "$root"
chown -R 0:0 "$root/etc/secretenv"
cd "$root"
mkdir -p old
pivot_root . old
exec unshare --cgroup sh -c '
    umount -l /old
    mount -t cgroup2 none /sys/fs/cgroup
    mount --make-rshared /
    exec env -i container=test TEST_MARK="$TEST_MARK" SYSTEMD_UNIT_PATH=/etc/systemd/system PATH=/usr/bin:/bin \
        /lib/systemd/systemd --system --log-target=null --show-status=0
'
"""
)

# A cgroup outlives its processes.
_REMOVE = r"""
set -eu
mount --make-rprivate /
mount -t cgroup2 none "$1"
[ ! -d "$1/$2" ] || find "$1/$2" -depth -type d -exec rmdir {} +
"""

_TARGETS = ("default", "sysinit", "basic", "shutdown", "network-online", "time-sync", "multi-user")


class Machine:
    """A booted machine.

    Args:
        start: the fixture.
        folder: an empty one.
        files: what goes into its root: each file's path and text, those of `etc/secretenv` readable as `modes` say.
        modes: of files.
    """

    def __init__(
        self, start: Callable[..., Program], folder: Path, files: Mapping[str, str], modes: Mapping[str, int]
    ) -> None:
        self._name = f"secretenv-{uuid.uuid4().hex}"  # of its control group: the suite may run twice at a time
        self._work, self._out, added = (folder / name for name in ("work", "out", "added"))
        for each in (self._work, self._out, added):
            each.mkdir(parents=True)
        targets = {f"etc/systemd/system/{name}.target": "[Unit]\nDefaultDependencies=no\n" for name in _TARGETS}
        for path, text in {**_installation(), **targets, **files}.items():
            file = added / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            file.chmod(modes.get(path, 0o755 if "/bin/" in path else 0o644))
        (added / "opt/secretenv/bin/python").symlink_to(f"/opt/python/bin/{_PYTHON}")
        packages = next(path for path in sys.path if path.startswith(sys.prefix) and path.endswith("-packages"))
        words = [str(self._work), self._name, str(self._out), str(added), sys.base_prefix, packages, str(PROJECT)]
        self._container = Container(start(*NAMESPACE, "sh", "-c", _BOOT, "sh", *words))
        until(lambda: self.systemctl("is-system-running").stdout.strip() == "running", what=self._container.program.err)

    def systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run systemctl on it."""
        inside = ["nsenter", "--target", str(self._container.init), "--all", "--root", "systemctl", *words]
        return subprocess.run(inside, check=False, capture_output=True, text=True)

    def shown(self, unit: str, *names: str) -> list[str]:
        """Return properties of a unit."""
        lines = self.systemctl("show", unit, *(f"--property={name}" for name in names)).stdout.splitlines()
        found = dict(line.split("=", 1) for line in lines)
        return [found[name] for name in names]

    def log(self, name: str) -> str:
        """Return what a unit wrote to /run/out, without times."""
        file = self._out / name
        return without_times(file.read_text("utf-8")) if file.exists() else ""

    def kill(self, pid: int) -> None:
        """SIGKILL a process, by its pid as the machine sees it."""
        inside = ["nsenter", "--target", str(self._container.init), "--all", "kill", "-KILL", str(pid)]
        subprocess.run(inside, check=True)

    def file(self, path: str) -> Path:
        """Return where one of its files is seen from here."""
        return Path(f"/proc/{self._container.init}/root", path)

    def edit(self, path: str, old: str, new: str) -> None:
        """Put a text of one of its files in place of another."""
        file = self.file(path)
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")

    def put(self, path: str, text: str) -> None:
        """Write a file of its own."""
        self.file(path).write_text(text, "utf-8")

    def status(self, pid: int, field: str) -> str:
        """Return a field of /proc/PID/status, of a pid as the machine sees it."""
        text = self.file(f"proc/{pid}/status").read_text("utf-8")
        return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"{field}:"))

    def off(self) -> None:
        """Switch it off, and leave nothing."""
        program = self._container.program
        program.process.kill()
        program.ends()
        remove = [*NAMESPACE, "sh", "-c", _REMOVE, "sh", str(self._work), self._name]
        until(lambda: subprocess.run(remove, check=False, capture_output=True).returncode == 0, what="no cgroup left")


# For a unit's Environment=: this Python's own libpython, which it looks for at its old place first.
PYTHON_FINDS = "LD_LIBRARY_PATH=/opt/python/lib"

_PYTHON = f"python3.{sys.version_info.minor}"


def _installation() -> dict[str, str]:
    """Return the files of an environment at /opt/secretenv, of a myapp, and of the Python that both use."""
    script = Path(SECRETENV).read_text("utf-8").partition("\n")[2]
    return {
        "opt/secretenv/pyvenv.cfg": "home = /opt/python/bin\n",
        "opt/secretenv/bin/secretenv": f"#!/opt/secretenv/bin/python\n{script}",
        f"opt/secretenv/lib/{_PYTHON}/site-packages/here.pth": "/opt/packages\n/opt/source\n",
        "opt/child.py": Path(CHILD).read_text("utf-8"),
        "usr/bin/myapp": f"#!/bin/sh\nexec /opt/python/bin/{_PYTHON} /opt/child.py --show VALUE\n",
    }
