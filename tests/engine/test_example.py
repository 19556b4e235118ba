"""examples/docker on a real engine: built as it stands, from a clean checkout, and run as its first lines say."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.container import give
from tests.engine.conftest import TARGET
from tests.functional.conftest import MARKER
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.engine.daemon import Container, Daemon
    from tests.functional.conftest import World
    from tests.running import Program
    from tests.screen import Screen

pytestmark = pytest.mark.engine

GRACE = 10  # seconds that `docker stop` gives by itself

# Says what it got, and which of the usual signals it gets; sleeps in short pieces, for sh waits for them.
SHELL = 'for s in TERM INT QUIT; do trap "echo got $s; %s" $s; done; echo "ready $VALUE"; while :; do sleep 0.1; done'
ENDS = ("sh", "-c", SHELL % "exit 5")
IGNORES = ("sh", "-c", SHELL % ":")


def test_the_image(daemon: Daemon, image: str) -> None:
    """The image is not root's, starts secretenv, is stopped by TERM whatever its base says, and holds no settings."""
    config = json.loads(daemon.docker("inspect", "--format", "{{json .Config}}", image).stdout)
    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert (config["Entrypoint"], config["Cmd"]) == (["secretenv", "run", "--"], ["myapp"])
    assert [word.split("=")[0] for word in config["Env"]] == ["PATH"]


def test_rotation_and_stop(run_image: Callable[..., Container], image: str, world: World) -> None:
    """The example gets its secret, is restarted for a new version, and ends at once and with 0 by `docker stop`."""
    container = run_image(image, options=("--read-only", "--tmpfs", "/tmp"))
    container.program.shows("VALUE")
    assert "uid 10001, with" in container.program.out
    assert "SECRETENV" not in container.program.out
    world.rotate("two")
    container.program.shows("uid 10001, with", times=2)
    assert container.stop() < GRACE / 2
    assert container.ends() == 0
    assert container.program.lines[-1] == "myapp: bye"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--read-only",), id="read-only root"),
        pytest.param(("--cap-drop", "ALL", "--security-opt", "no-new-privileges"), id="no capabilities"),
        pytest.param(("--memory", "64m", "--pids-limit", "6"), id="little memory and few processes"),
        pytest.param(("--init",), id="an init of the engine's"),
        pytest.param(("--user", "123456:654321"), id="a user that nobody knows"),
        pytest.param(("--ipc", "private", "--pid", "host"), id="process 1 is another's"),
    ],
)
def test_in_each_box(
    run_image: Callable[..., Container], image: str, world: World, device: Path, options: tuple[str, ...]
) -> None:
    """The secret arrives, a rotation restarts the command and `docker stop` is passed on, however it is confined."""
    if "--user" in options:
        for file in (device, *device.iterdir()):
            file.chmod(0o555 if file.is_dir() else 0o444)
    container = run_image(image, *ENDS, options=options)
    container.program.shows("ready one")
    world.rotate("two")
    container.program.shows("ready two")
    assert container.inspect("{{.State.OOMKilled}}") == "false"
    assert container.stop() < GRACE / 2
    assert container.ends() == 5
    assert container.program.lines == ["ready one", "got TERM", "ready two", "got TERM"]


def test_a_pause_over_a_due_check(run_image: Callable[..., Container], image: str, world: World) -> None:
    """A check that becomes due while the container is paused is made when it goes on; nothing is lost or doubled."""
    container = run_image(image, *ENDS)
    container.program.shows("ready one")
    container.docker("pause")
    seen, due = world.reads, time.monotonic() + 2
    world.rotate("two")
    until(lambda: time.monotonic() > due, what="four checks that are due")
    assert world.reads <= seen + 1  # a request on its way is answered all the same
    container.docker("unpause")
    container.program.shows("ready two")
    container.stop()
    assert container.ends() == 5
    assert container.program.lines == ["ready one", "got TERM", "ready two", "got TERM"]


@pytest.mark.parametrize(
    "options",
    [
        (),
        pytest.param(
            ("--stop-signal", "QUIT"),
        ),
    ],
    ids=["TERM", "QUIT"],
)
def test_a_stop_in_a_restart(
    run_image: Callable[..., Container], image: str, world: World, options: tuple[str, ...]
) -> None:
    """`docker stop` while a restart waits for the old command: that is killed when it was to be, and none follows."""
    container = run_image(image, *IGNORES, options=options, SECRETENV_KILL_TIMEOUT="2s")
    container.program.shows("ready one")
    world.rotate("two")
    container.program.shows("got TERM")
    assert container.stop() < GRACE / 2
    assert container.ends() == 137
    assert container.program.out.count("ready") == 1


def test_a_command_that_signals_process_1(run_image: Callable[..., Container], image: str) -> None:
    """A TERM that the command sends to process 1 comes back to it and begins the shutdown, as under tini."""
    script = 'trap "echo got TERM; exit 5" TERM; kill -TERM 1; sleep 3 & wait'
    container = run_image(image, "sh", "-c", script)
    assert container.ends() == 5
    assert container.program.lines == ["got TERM"]


STATUSES = {
    "nothing wrong": (("true",), 0),
    "the command's own": (("sh", "-c", "exit 3"), 3),
    "not executable": (("/etc/passwd",), 126),
    "not found": (("no-such-program",), 127),
    "killed by KILL": (("sh", "-c", "kill -KILL $$"), 137),
    "killed by TERM": (("sh", "-c", "kill -TERM $$"), 143),
}


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["process 1", "under an init"])
@pytest.mark.parametrize("case", STATUSES)
def test_statuses(run_image: Callable[..., Container], image: str, case: str, options: tuple[str, ...]) -> None:
    """The container's status is the command's, 128+N after signal N, and 126 or 127 if it cannot be started."""
    command, status = STATUSES[case]
    container = run_image(image, *command, options=options)
    assert container.ends() == status, container.program.err
    assert container.inspect("{{.State.ExitCode}}") == str(status)


@pytest.mark.parametrize("closed", ["files", "folder"])
def test_settings_of_root_alone(run_image: Callable[..., Container], image: str, device: Path, closed: str) -> None:
    """Settings that the container's user cannot read end the container with 125, and the log says which file."""
    give(device, 0)
    if closed == "files":
        device.chmod(0o755)
    container = run_image(image)
    assert container.ends() == 125
    assert f"{TARGET}/config.toml cannot be read: permission denied" in container.program.err.lower()


def test_a_terminal(run_image: Callable[..., Container], image: str, screen: Callable[..., Screen]) -> None:
    """`docker run -it`: the command has the terminal, a Ctrl-C reaches it once, and its status is the client's."""
    screens = []

    def at_a_terminal(*words: str, variables: Mapping[str, str]) -> Program:
        screens.append(screen(*words, variables=variables))
        return screens[0].program

    container = run_image(image, "sh", "-c", f"tty; {SHELL % 'exit 5'}", options=("-it",), start=at_a_terminal)
    screens[0].shows("ready one")
    assert "/dev/pts/" in screens[0].text
    screens[0].type("\x03")
    assert container.ends() == 5
    screens[0].read()
    assert screens[0].text.count("got INT") == 1


def test_no_secrets_beside_the_command(run_image: Callable[..., Container], image: str) -> None:
    """`docker exec` gets the container's variables and not the secrets; `docker inspect` and the log show none."""
    container = run_image(image)
    container.program.shows("VALUE")
    variables = dict(line.split("=", 1) for line in container.run_inside("env").splitlines())
    assert variables["SECRETENV_INTERVAL"] == "500ms"
    assert not {"VALUE", "PASSWORD"} & variables.keys()
    assert "VALUE" in container.run_inside("sh", "-c", "secretenv export --format json --only VALUE")
    everything = container.docker("inspect") + container.docker("logs") + container.program.err
    assert MARKER not in everything + container.docker("top")


@pytest.mark.parametrize("options", [("--read-only",), ("--user", "0:0")], ids=["its user", "root"])
def test_status(run_image: Callable[..., Container], image: str, device: Path, options: tuple[str, ...]) -> None:
    """`docker exec NAME secretenv status` shows process 1, on a read-only root too, and no value."""
    if "--user" in options:
        give(device, 0)  # root does not trust the files of others
    container = run_image(image, *ENDS, options=options)
    container.program.shows("ready one")
    (found,) = json.loads(container.run_inside("secretenv", "status", "--json"))
    assert (found["pid"], found["phase"], found["program"]) == (1, "running", "sh")
    assert container.run_inside("secretenv", "status", "--check").startswith("SECRETENV OK - sh (1): running")
    assert MARKER not in json.dumps(found) + container.run_inside("secretenv", "status")


def test_a_start_without_aws(daemon: Daemon, run_image: Callable[..., Container], image: str, world: World) -> None:
    """With a new volume as compose.yaml says, a new container starts with what the last one has sealed."""
    options = ("--read-only", "--tmpfs", "/tmp", "--volume", "cache:/var/lib/secretenv")
    cached = {"SECRETENV_CACHE": "/var/lib/secretenv/myapp.cache", "SECRETENV_CACHE_AFTER": "500ms"}
    try:
        first = run_image(image, *ENDS, options=options, SECRETENV_TRIAL="0", **cached)
        first.program.shows("ready one")
        until(
            lambda: "myapp.cache" in first.run_inside("ls", "/var/lib/secretenv").splitlines(), what=first.program.err
        )
        first.stop()
        first.remove()
        world.sandbox.faults.set("credentials:close")
        second = run_image(image, *ENDS, options=options, **cached)
        second.program.shows("ready one")
        second.program.logs("starting with the values of the cache, ")
        second.stop()
        assert second.ends() == 5
        second.remove()
    finally:
        daemon.docker("volume", "rm", "--force", "cache", check=False)
