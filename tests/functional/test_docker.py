"""`examples/docker/` as it stands: what the Dockerfile starts, as PID 1 of namespaces of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from secretenv.config.options import BY_KEY
from tests.container import PROJECT, give, needs_namespaces, read_dockerfile, run_container, write_device
from tests.running import CHILD, SECRETENV, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.container import Container
    from tests.functional.conftest import World
    from tests.running import Program

EXAMPLE = PROJECT / "examples" / "docker"
IMAGE = read_dockerfile(EXAMPLE / "Dockerfile")
SERVICE: dict[str, Any] = yaml.safe_load((EXAMPLE / "compose.yaml").read_text("utf-8"))["services"]["myapp"]
(MOUNT,) = SERVICE["volumes"]
UID = int(IMAGE.user.split(":")[0])
# What compose.yaml has as comments: lines of YAML, not sentences.
COMMENTED = re.compile(r"^( *)# ( *(?:- )?[A-Za-z_]+:(?: \S+)?)$", re.MULTILINE)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """Return the folder that is mounted, readable by the container's user alone."""
    folder = tmp_path / "device"
    folder.mkdir()
    (folder / "secret.json").write_text('{"VALUE": "one"}', "utf-8")
    return folder


@pytest.fixture
def container(start: Callable[..., Program], device: Path, tmp_path: Path) -> Callable[..., Container]:
    """Return a function that starts a container as the Dockerfile and compose.yaml say, with this command."""
    root = tmp_path / "root"
    root.mkdir()

    def begin(*command: str, **variables: str) -> Container:
        return run_container(
            start, IMAGE, (device, MOUNT["target"]), root, {**SERVICE["environment"], **variables}, command
        )

    return begin


@needs_namespaces
def test_the_example_with_a_certificate(container: Callable[..., Container], device: Path, world: World) -> None:
    """The image's own command gets its secret by a mounted certificate, is no root, restarts, and ends by TERM."""
    write_device(device, world)
    give(device, UID)
    started = container(AWS_ENDPOINT_URL_SECRETS_MANAGER=world.sandbox.url)
    program = started.program
    program.shows("VALUE")
    assert program.lines[0].split(", with")[0].endswith(f"uid {UID}")
    assert "SECRETENV" not in program.out
    assert program.err == ""
    assert (status_of(started.init, "NoNewPrivs"), status_of(started.init, "CapEff")) == ("1", "0" * 16)
    world.rotate("two")
    started.stop(signal.SIGUSR2)
    program.shows("VALUE", times=2)
    started.stop(signal.SIGTERM)
    assert program.ends() == 0
    assert program.lines[-1] == "myapp: bye"


STATUSES = {
    "its own": ("exit 7", 7),
    "killed by USR1": ("kill -USR1 $$", 128 + signal.SIGUSR1),
    "read-only root": ("touch /etc/x /x 2>&1", 1),
}


@needs_namespaces
@pytest.mark.parametrize("case", STATUSES)
def test_statuses(container: Callable[..., Container], device: Path, case: str) -> None:
    """The container ends with the command's own status, and with 128+N after a signal."""
    give(device, UID)
    script, status = STATUSES[case]
    program = container("sh", "-c", script, SECRETENV_SECRET=f"file://{MOUNT['target']}/secret.json").program
    assert program.ends() == status, program.err
    assert program.out.count("Read-only file system") == 2 * (case == "read-only root")


@needs_namespaces
def test_a_key_of_root_alone(container: Callable[..., Container], device: Path) -> None:
    """A mounted key that the container's user cannot read ends the container with 125, and the log says which file."""
    for name in ("device.pem.crt", "private.pem.key"):
        shutil.copy(PROJECT / "README.md", device / name)
        (device / name).chmod(0o600)
    target = MOUNT["target"]
    program = container(
        SECRETENV_CERT=f"{target}/device.pem.crt",
        SECRETENV_KEY=f"{target}/private.pem.key",
        SECRETENV_ENDPOINT="c1example.credentials.iot.eu-west-1.amazonaws.com",
        SECRETENV_ROLE_ALIAS="alias",
        SECRETENV_SECRET="prod/myapp",
    ).program
    assert program.ends() == 125
    assert f"{target}/device.pem.crt cannot be read: permission denied" in program.err.lower()


@needs_namespaces
def test_a_command_that_ignores_term(container: Callable[..., Container], device: Path) -> None:
    """`docker stop`: TERM, and after the grace period KILL; orphans are reaped before, and nothing is left after."""
    give(device, UID)
    shutil.copy(CHILD, device / "child.py")
    script = f"for i in 1 2 3; do (sleep 0.05 &) ; done; exec python3 {MOUNT['target']}/child.py --ignore TERM"
    started = container("sh", "-c", script, SECRETENV_SECRET=f"file://{MOUNT['target']}/secret.json")
    program = started.program
    program.shows("ready")
    until(lambda: len(started.processes()) == 1, what=f"the command alone; there is {started.processes()}")
    started.stop(signal.SIGTERM)
    program.shows("got TERM")
    assert program.process.poll() is None
    started.stop(signal.SIGKILL)
    assert program.ends() != 0
    until(lambda: not program.family(), what="nothing left")


def test_the_dockerfile_is_linted() -> None:
    """The Dockerfile passes hadolint."""
    linter = Path(SECRETENV).with_name("hadolint")
    found = subprocess.run([linter, EXAMPLE / "Dockerfile"], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_dockerfile_copies_what_is_there() -> None:
    """What the Dockerfile copies is in a checkout; the program can be executed; the user is no root."""
    assert all((PROJECT / name).exists() for name in IMAGE.copied)
    assert os.access(PROJECT / IMAGE.copied[-1], os.X_OK)
    assert (IMAGE.entrypoint, IMAGE.command) == (["secretenv", "run", "--"], ["myapp"])
    assert UID > 0
    assert not IMAGE.variables


def test_compose_says_what_the_dockerfile_does() -> None:
    """compose.yaml builds this Dockerfile, mounts the settings read-only, and hardens what needs no rights."""
    build = SERVICE["build"]
    assert (EXAMPLE / build["context"]).resolve() == PROJECT
    assert PROJECT / build["dockerfile"] == EXAMPLE / "Dockerfile"
    assert MOUNT["read_only"] is SERVICE["read_only"] is True
    assert f"{MOUNT['target']}/config.toml" in BY_KEY["config"].shown_default
    assert SERVICE["cap_drop"] == ["ALL"]
    assert not {"init", "entrypoint", "command", "user", "stop_signal", "privileged"} & SERVICE.keys()
    assert all(name in {option.variable for option in BY_KEY.values()} for name in SERVICE["environment"])
    kill_timeout = float(BY_KEY["kill_timeout"].parse(BY_KEY["kill_timeout"].default))
    assert float(BY_KEY["interval"].parse(SERVICE["stop_grace_period"])) > kill_timeout


def test_the_cache_of_compose() -> None:
    """Uncommented, the lines of compose.yaml put the cache on a volume, in a folder that the image's user can write."""
    text = COMMENTED.sub(r"\1\2", (EXAMPLE / "compose.yaml").read_text("utf-8"))
    described = yaml.safe_load(text)
    mount, volume = described["services"]["myapp"]["volumes"]
    assert mount == MOUNT
    assert volume == {"type": "volume", "source": "cache", "target": "/var/lib/secretenv"}
    assert described["volumes"] == {"cache": None}
    added = described["services"]["myapp"]["environment"].items() - SERVICE["environment"].items()
    assert added == {("SECRETENV_CACHE", "/var/lib/secretenv/myapp.cache")}
    dockerfile = (EXAMPLE / "Dockerfile").read_text("utf-8")
    assert f"install --directory --owner={UID} --group={UID} --mode=0700 {volume['target']}\n" in dockerfile
    assert "pip install --no-cache-dir '.[cache]'" in dockerfile
