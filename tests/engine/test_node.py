"""examples/node on a real engine: secretenv in the image of a program that is not Python."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.container import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.daemon import Container, Daemon
    from tests.functional.conftest import World

pytestmark = pytest.mark.engine


def test_the_image(daemon: Daemon, node_image: str) -> None:
    """The image is stopped by TERM and is not root's."""
    config = json.loads(daemon.docker("inspect", "--format", "{{json .Config}}", node_image).stdout)
    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")


def test_what_secretenv_adds(daemon: Daemon, node_image: str) -> None:
    """Python and secretenv add as much to the base image as the Dockerfile says."""

    def size(image: str, folder: str) -> int:
        words = [
            "run",
            "--rm",
            "--user=0",
            "--network=host",
            "--entrypoint=du",
            image,
            "--summarize",
            "--block-size=1M",
        ]
        return int(daemon.docker(*words, folder).stdout.split()[0])

    python, ours = re.findall(r"(\d+) MB", (PROJECT / "examples/node/Dockerfile").read_text("utf-8"))
    assert size(node_image, "/usr") - size("node:22-bookworm-slim", "/usr") == pytest.approx(int(python), rel=0.2)
    assert size(node_image, "/opt") == pytest.approx(int(ours), rel=0.2)


def test_rotation_and_stop(run_image: Callable[..., Container], node_image: str, world: World) -> None:
    """A program of node gets its secret and nothing of secretenv's, is restarted, and ends in order."""
    container = run_image(node_image, options=("--read-only", "--tmpfs", "/tmp"))
    container.program.shows("uid 10001, with")
    names = container.program.lines[0].partition(", with ")[2].split()
    assert names == ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "HOME", "HOSTNAME", "PASSWORD", "PATH", "VALUE"]
    world.rotate("two")
    container.program.shows("uid 10001, with", times=2)
    assert container.stop() < 5
    assert container.ends() == 0
    assert container.program.lines[-1] == "myapp: bye"
