"""A container engine of the tests' own: Debian's dockerd in a temporary folder, of which nothing stays."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.container import PROJECT
from tests.running import Program, alive
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

# By its path: a `docker` earlier in PATH may be the client of another engine.
DOCKER = "/usr/bin/docker"
NEEDED = {
    "dockerd": "docker.io",
    DOCKER: "docker.io",
    "runc": "runc",
    "debootstrap": "debootstrap",
    "git": "git",
}
# Where the engine writes whatever its options say. It finds these folders empty, and leaves nothing in them.
FIXED = ("/etc/docker", "/run/docker")

# $1 to $2: folders of which the engine gets its own; then the engine. Mounts are its own too, and gone with it. It ends
# when the tests are killed.
_START = r"""
set -eu
for folder in "$1" "$2"; do mount -t tmpfs none "$folder"; done
shift 2
exec setpriv --pdeathsig TERM "$@"
"""


def release() -> dict[str, str]:
    """Return what /etc/os-release says, empty if it is not there."""
    try:
        text = Path("/etc/os-release").read_text("utf-8")
    except FileNotFoundError:
        return {}
    return dict(word.split("=", 1) for word in shlex.split(text, comments=True) if "=" in word)


def missing() -> str:
    """Return why no engine can be started here, empty if nothing stands in the way."""
    if os.geteuid() != 0 or release().get("ID") != "debian":
        return "a container engine needs root on a Debian"
    if not (PROJECT / ".git").exists():
        return "the images are built from a checkout of the project: this is not one"
    packages = sorted({package for program, package in NEEDED.items() if not shutil.which(program)})
    return f"a container engine needs: apt install {' '.join(packages)}" if packages else ""


class Daemon:
    """A running dockerd without a bridge: its containers share this machine's network.

    A context manager, used once.

    Attributes:
        folder: of all that it writes.
        said: what was built and run so far, as one types it, with the last lines of its output.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        # Not in the folder of pytest: a socket's path has 107 characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="secretenv-engine-"))
        self.address = f"unix://{self.folder}/docker.sock"
        self.cgroup = self.folder.name  # of its own, and so easily removed
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            AssertionError: it does not answer.
        """
        for folder in map(Path, FIXED):
            if not folder.exists():
                folder.mkdir()
                self._made.append(folder)
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "docker.pid"}
        words = ["dockerd", "--host", self.address, *(f"--{key}={self.folder}/{name}" for key, name in places.items())]
        words += ["--iptables=false", "--bridge=none", "--exec-opt=native.cgroupdriver=cgroupfs"]
        # The usual limit is above that of many a machine, and refused there.
        words += [f"--cgroup-parent=/{self.cgroup}", "--default-ulimit=nofile=1024:1024"]
        # The machine's own containerd, if it has one, serves this engine too: under these names.
        words += [f"--containerd-namespace={self.cgroup}", f"--containerd-plugins-namespace={self.cgroup}-plugins"]
        self._program = Program(["unshare", "--mount", "sh", "-c", _START, "sh", *FIXED, *words], self.folder)
        try:
            until(lambda: self._program.process.poll() is not None or self.docker("info", check=False).returncode == 0)
            assert self._program.process.poll() is None, self._program.err
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, and see that nothing is left.

        Raises:
            AssertionError: a process had to be killed, or a mount is left.
        """
        self._program.send(signal.SIGTERM)  # it stops what still runs
        with suppress(AssertionError):
            self._program.ends()
        killed = [*self._program.clean(), *_remove_cgroups(self.cgroup)]
        mounts = [line for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines() if self.cgroup in line]
        shutil.rmtree(self.folder)
        for folder in self._made:
            folder.rmdir()
        assert (killed, mounts) == ([], []), "left by the engine"

    def words(self, *words: str) -> list[str]:
        """Return the words that start the client."""
        return [DOCKER, "--host", self.address, *words]

    def docker(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the client and return what it said.

        Raises:
            AssertionError: it did not end with 0, which is checked.
        """
        done = subprocess.run(self.words(*words), check=False, capture_output=True, text=True, env=self.variables)
        assert not check or done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
        return done

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a client: nothing of the tester's settings."""
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "DOCKER_HOST": self.address}

    def build(self, checkout: Path, dockerfile: str, tag: str) -> None:
        """Build a Dockerfile of a checkout, with the machine's network."""
        words = ["build", "--network=host", "--file", dockerfile, "--tag", tag, "."]
        done = subprocess.run(
            self.words(*words), cwd=checkout, check=False, capture_output=True, text=True, env=self.variables
        )
        self.tell(["docker", *words], done.stdout, done.returncode)
        assert done.returncode == 0, done.stdout + done.stderr

    def tell(self, words: Sequence[str], output: str, status: int) -> None:
        """Keep what was run, for the end of the tests."""
        last = "".join(f"    {line}\n" for line in output.splitlines()[-4:])
        self.said.append(f"$ {shlex.join(words)}\n{last}    (status {status})")


def _remove_cgroups(name: str) -> list[int]:
    """Remove the control groups of this name in all hierarchies; return the processes that were killed for it."""
    killed = []
    for top in (*Path("/sys/fs/cgroup").glob(name), *Path("/sys/fs/cgroup").glob(f"*/{name}")):
        for group in sorted((top, *(path for path in top.rglob("*") if path.is_dir())), reverse=True):
            while pids := [int(pid) for pid in (group / "cgroup.procs").read_text("ascii").split()]:
                killed += [pid for pid in pids if pid not in killed]
                for pid in pids:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            until(lambda group=group: _removed(group), what=f"{group} removed")  # type: ignore[misc]
    return killed


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


class Container:
    """A started container.

    Args:
        daemon: where.
        name: by which the engine knows it.
        words: of the client, that start it.
        start: starts the client.
        told: whether it is shown at the end of the tests.

    Attributes:
        name: by which the engine knows it.
        program: the client that started it: its output and its status are the container's.
    """

    def __init__(
        self, daemon: Daemon, name: str, words: Sequence[str], start: Callable[..., Program], *, told: bool
    ) -> None:
        self.daemon = daemon
        self.name = name
        self._words = words
        self._told = told
        self.program = start(*daemon.words(*words), variables=daemon.variables)

    def docker(self, command: str, *words: str) -> str:
        """Run a command of the client on it: `kill`, `pause`, ..., with options before the name."""
        return self.daemon.docker(command, *words, self.name).stdout

    def inspect(self, what: str) -> str:
        """Return what the engine knows of it, by a template of Go."""
        return self.docker("inspect", "--format", what).strip()

    def run_inside(self, *words: str) -> str:
        """Return the output of `docker exec`."""
        return self.daemon.docker("exec", self.name, *words).stdout

    def stop(self) -> float:
        """`docker stop` it, and return the seconds that this took: 10 and more if it was killed."""
        begin = time.monotonic()
        self.docker("stop")
        return time.monotonic() - begin

    def ends(self) -> int:
        """Wait for its end and return its status."""
        status = self.program.ends()
        if self._told:
            self.daemon.tell(["docker", *self._words], self.program.out + self.program.err, status)
        return status

    def remove(self) -> None:
        """Leave nothing of it, and of its client."""
        self.daemon.docker("rm", "--force", self.name, check=False)
        until(lambda: not alive(self.program.pid) or self.program.process.poll() is not None)
