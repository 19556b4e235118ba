"""examples/docker/compose.yaml on a real engine."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.container import give, write_device
from tests.engine.conftest import UID
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.daemon import Daemon
    from tests.functional.conftest import World

pytestmark = pytest.mark.engine

# Debian's, which is the first generation. It knows all that the example uses, but for one word of the second.
COMPOSE = "/usr/bin/docker-compose"
needs_compose = pytest.mark.skipif(not Path(COMPOSE).exists(), reason="needs Debian's docker-compose: apt install it")


class Project:
    """The example in a checkout, as compose runs it."""

    def __init__(self, daemon: Daemon, checkout: Path, world: World) -> None:
        self.daemon = daemon
        self._folder = checkout
        example = checkout / "examples" / "docker"
        self.device = write_device(example / "device", world)
        give(self.device, UID)
        described: dict[str, Any] = yaml.safe_load((example / "compose.yaml").read_text("utf-8"))
        (volume,) = described["services"]["myapp"]["volumes"]
        assert volume.pop("bind") == {"create_host_path": False}
        daemon.said.append(
            "compose-1.29.yaml is compose.yaml without create_host_path, which docker-compose 1.29 refuses"
        )
        (example / "compose-1.29.yaml").write_text(yaml.safe_dump(described), "utf-8")
        here = {
            "build": {"network": "host"},
            "network_mode": "host",
            "environment": {"AWS_ENDPOINT_URL_SECRETS_MANAGER": world.sandbox.url, "SECRETENV_INTERVAL": "1s"},
        }
        (example / "here.yaml").write_text(yaml.safe_dump({"services": {"myapp": here}}), "utf-8")

    def compose(self, *words: str) -> str:
        """Run compose on it and return what it says."""
        files = ["--file", "examples/docker/compose-1.29.yaml", "--file", "examples/docker/here.yaml"]
        call = [COMPOSE, "--ansi=never", *files, *words]
        done = subprocess.run(
            call, cwd=self._folder, check=False, capture_output=True, text=True, env=self.daemon.variables
        )
        if words[0] in {"up", "down"}:
            self.daemon.tell(["docker-compose", *call[2:]], done.stdout + done.stderr, done.returncode)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def inside(self, script: str) -> None:
        """Run a script in the container."""
        self.compose("exec", "-T", "myapp", "sh", "-c", script)

    def shows(self, text: str, times: int = 1) -> None:
        """Wait until the log of the service has the text so often."""
        until(lambda: self.compose("logs").count(text) >= times, what=text)


@pytest.fixture
def project(daemon: Daemon, checkout: Path, image: str, world: World) -> Iterator[Project]:
    """Return the example in a checkout; its image is built of what `image` left in the engine."""
    made = Project(daemon, checkout, world)
    yield made
    made.compose("down", "--rmi", "local")
    shutil.rmtree(made.device)


@needs_compose
def test_up_rotate_crash_and_stop(project: Project, world: World) -> None:
    """`up` builds and starts; a rotation restarts the command, a crash the container; a stop is quick.

    The signal for a check comes from inside, as the example says: after one of `docker kill` Docker restarts nothing.
    """
    project.compose("up", "--detach")
    project.shows("uid 10001, with")
    world.rotate("two")
    project.shows("uid 10001, with", times=2)
    before = world.reads
    project.inside("kill -USR2 1")
    until(lambda: world.reads > before, what="a check that was asked for")
    project.inside("kill -KILL $(cat /proc/1/task/1/children)")
    project.shows("uid 10001, with", times=3)
    begin = time.monotonic()
    project.compose("stop")
    assert time.monotonic() - begin < 10
    assert "myapp: bye" in project.compose("logs").splitlines()[-1]
