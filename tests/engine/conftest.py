"""One engine for all of these tests, the images in it, and a device of the sandbox for each test."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.container import PROJECT, give, write_device
from tests.engine.base_images import bases, make_base, make_plain
from tests.engine.daemon import Container, Daemon, missing
from tests.functional.conftest import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretenv.sandbox import Sandbox
    from tests.running import Program

UID = 10001  # of the examples' containers
TARGET = "/etc/secretenv"
_SAID = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was built and run."""
    if said := config.stash.get(_SAID, None):
        terminalreporter.section("built and run by the engine")
        terminalreporter.write_line("\n".join(said))


@pytest.fixture(scope="session")
def daemon(pytestconfig: pytest.Config) -> Iterator[Daemon]:
    """Return the engine, with a plain Debian in it."""
    if reason := missing():
        pytest.skip(reason)
    with Daemon() as running:
        pytestconfig.stash[_SAID] = running.said
        make_plain(running)
        yield running


@pytest.fixture(scope="session")
def checkout(daemon: Daemon) -> Path:
    """Return the project as somebody else finds it: without what git does not know or is told to ignore."""
    folder = daemon.folder / "checkout"
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    return folder


def build(daemon: Daemon, checkout: Path, example: str, tag: str) -> str:
    """Build an example's Dockerfile, unchanged, on images that are made for it; return the tag."""
    dockerfile = f"examples/{example}/Dockerfile"
    for base in sorted(bases(checkout / dockerfile)):
        make_base(daemon, base)
    daemon.build(checkout, dockerfile, tag)
    return tag


@pytest.fixture(scope="session")
def image(daemon: Daemon, checkout: Path) -> str:
    """Return the image of examples/docker."""
    return build(daemon, checkout, "docker", "myapp")


@pytest.fixture(scope="session")
def node_image(daemon: Daemon, checkout: Path) -> str:
    """Return the image of examples/node."""
    return build(daemon, checkout, "node", "mynodeapp")


@pytest.fixture
def world(sandbox: Sandbox) -> World:
    """Return a world of the test's own in the sandbox."""
    return World(sandbox)


@pytest.fixture
def device(tmp_path: Path, world: World) -> Path:
    """Return the folder that is mounted: settings, certificate, key, of the container's user alone."""
    folder = write_device(tmp_path / "device", world)
    give(folder, UID)
    return folder


@pytest.fixture
def run_image(
    daemon: Daemon, start: Callable[..., Program], device: Path, world: World
) -> Iterator[Callable[..., Container]]:
    """Return a function that runs an image as its Dockerfile says, with these options and this command.

    The folder of the device is mounted; a check comes each half second.
    """
    started: list[Container] = []

    def begin(
        tag: str,
        *command: str,
        options: tuple[str, ...] = (),
        start: Callable[..., Program] = start,
        **variables: str,
    ) -> Container:
        name = f"test-{uuid.uuid4().hex[:8]}"
        given = {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": world.sandbox.url,
            "SECRETENV_INTERVAL": "500ms",
            **variables,
        }
        words = ["run", "--name", name, "--network=host", "--volume", f"{device}:{TARGET}:ro", *options]
        words += [word for key, value in given.items() for word in ("--env", f"{key}={value}")]
        started.append(Container(daemon, name, [*words, tag, *command], start, told=not command))
        return started[-1]

    yield begin
    for each in started:
        each.remove()
