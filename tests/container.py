"""A container without an engine: what a Dockerfile says of its entry point, run in namespaces of its own.

The root is read-only and holds this machine's programs and this installation; network and kernel are shared, as a
container shares them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import SECRETENV, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.functional.conftest import World
    from tests.running import Program

PROJECT = Path(__file__).parents[1]
NAMESPACE = ["unshare", "--fork", "--kill-child", "--pid", "--mount"]

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode != 0,
    reason="needs root, and PID and mount namespaces",
)

# Where programs are found in the root that is made: first what the image puts into /usr/local/bin.
PATH = "/image:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# $1: an empty folder, which becomes the root; $2: UID:GID; $3: the mounted folder; $4: where it is mounted; $5: the
# program of the image. Then the folders to share, `--`, and the command.
_MAKE = r"""
set -eu
root=$1 user=$2 source=$3 target=$4 myapp=$5; shift 5
share() { mkdir -p "$root$1"; mount --bind "${2:-$1}" "$root$1"; mount -o remount,bind,ro "$root$1"; }
mount -t tmpfs -o mode=755 none "$root"
mkdir "$root/tmp" "$root/proc" "$root/dev" "$root/etc" "$root/image"
mount -t tmpfs -o mode=1777 none "$root/tmp"
mount -t proc none "$root/proc"
mount --rbind /dev "$root/dev"
cp /etc/hosts /etc/nsswitch.conf /etc/ld.so.cache "$root/etc" 2>/dev/null || true  # musl has not all of them
ln -s "$1/secretenv" "$root/image/secretenv"; shift
cp -p "$myapp" "$root/image/myapp"
for folder in /usr /bin /sbin /lib /lib64; do
    if [ -L $folder ]; then cp -P $folder "$root"; elif [ -d $folder ]; then share $folder; fi
done
while [ "$1" != -- ]; do share "$1"; shift; done
shift
share "$target" "$source"
mount -o remount,ro "$root"
exec chroot "$root" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all -- "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What the last stage of a Dockerfile says of a container's start."""

    entrypoint: list[str]
    command: list[str]
    user: str
    variables: dict[str, str]
    copied: list[str]  # from the build's context, into any stage


def read_dockerfile(path: Path) -> Image:
    """Return what a Dockerfile says; only the forms that ours uses are understood."""
    text = re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", "")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    copies = [rest.split()[:-1] for word, rest in steps if word == "COPY" and "--from" not in rest]
    last = max(number for number, (word, _) in enumerate(steps) if word == "FROM")
    final = dict(steps[last:])
    return Image(
        entrypoint=json.loads(final["ENTRYPOINT"]),
        command=json.loads(final["CMD"]),
        user=final["USER"],
        variables=dict(rest.split("=", 1) for word, rest in steps[last:] if word == "ENV"),
        copied=[name for names in copies for name in names],
    )


def write_device(folder: Path, world: World) -> Path:
    """Make the folder that the examples mount, for a device of the sandbox; USR2 asks for a check."""
    folder.mkdir(exist_ok=True)
    first = world.sandbox.first
    shutil.copy(first.cert, folder / "device.pem.crt")
    shutil.copy(first.key, folder / "private.pem.key")
    shutil.copy(world.sandbox.ca, folder / "ca.pem")
    (folder / "config.toml").write_text(
        '[device]\ncert = "device.pem.crt"\nkey = "private.pem.key"\nca = "ca.pem"\n'
        f'endpoint = "{world.sandbox.endpoint}"\nrole_alias = "{world.variables()["SECRETENV_ROLE_ALIAS"]}"\n'
        f'[run]\nregion = "{world.sandbox.region}"\nrefresh_signal = "USR2"\n[[secret]]\nid = "{world.name}"\n',
        "utf-8",
    )
    return folder


def give(folder: Path, uid: int) -> None:
    """Give a mounted folder to the container's user alone, as compose.yaml says of the key."""
    for file in (folder, *folder.iterdir()):
        os.chown(file, uid, uid)
        file.chmod(0o500 if file.is_dir() else 0o400)


class Container:
    """A started container: `program` is the engine's side of it, `init` its PID 1 as seen from here."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @property
    def init(self) -> int:
        """The pid, as we see it, of its process 1."""

        def found() -> list[int]:
            return [pid for pid in self.program.family() if status_of(pid, "NSpid").split()[1:] == ["1"]]

        return until(found)[0]

    def stop(self, signum: int) -> None:
        """Send process 1 a signal, as an engine does."""
        os.kill(self.init, signum)

    def processes(self) -> list[str]:
        """Return the names of all its processes, zombies marked with (Z), but for process 1."""
        namespace = str(Path(f"/proc/{self.init}/ns/pid").readlink())
        return [name for pid in _pids() if (name := _named(pid, namespace))]


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _named(pid: int, namespace: str) -> str:
    """Return the name of a process of a namespace, empty for its process 1 and for all others."""
    try:
        if str(Path(f"/proc/{pid}/ns/pid").readlink()) != namespace or status_of(pid, "NSpid").split()[-1] == "1":
            return ""
    except (OSError, IndexError):
        return ""
    name, state = status_of(pid, "Name"), status_of(pid, "State")
    return f"{name} (Z)" if state.startswith("Z") else name


def run_container(
    start: Callable[..., Program],
    image: Image,
    mounted: tuple[Path, str],
    root: Path,
    variables: Mapping[str, str],
    command: Sequence[str] = (),
) -> Container:
    """Start a container of an image.

    Args:
        start: the fixture.
        image: what to start.
        mounted: a folder and where it is mounted, read-only.
        root: an empty folder.
        variables: of the container, besides the image's own.
        command: instead of the image's.
    """
    folders = dict.fromkeys(str(folder) for folder in (sys.base_prefix, sys.prefix, PROJECT / "secretenv"))
    shared = [folder for folder in folders if not folder.startswith("/usr")]
    setup = ["sh", "-c", _MAKE, "make", str(root), image.user, str(mounted[0]), mounted[1]]
    words = [*setup, str(PROJECT / image.copied[-1]), str(Path(SECRETENV).parent), *shared, "--"]
    words += [*image.entrypoint, *(command or image.command)]
    everything = {"PATH": PATH, "HOME": "/", **image.variables, **variables}
    return Container(start(*NAMESPACE, *words, variables=everything))
