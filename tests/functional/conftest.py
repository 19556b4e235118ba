"""One sandbox for all functional tests; each test makes the devices and secrets it needs in it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.cached import Cached

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretenv.sandbox import Sandbox
    from tests.running import Program

MARKER = "MARKER-0f3a-value-that-must-not-be-shown"


class World:
    """A device and a secret of a test's own in the common sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.name = f"test/{uuid.uuid4().hex[:12]}"
        self.arn = sandbox.secret(self.name, self.text("one"))
        sandbox.reset()

    @staticmethod
    def text(value: Any) -> str:
        """Return the secret's JSON, with a marker that must not be seen anywhere but in the command."""
        return json.dumps({"VALUE": value, "PASSWORD": MARKER})

    def rotate(self, value: Any) -> str:
        """Give the secret a new version with this VALUE."""
        return self.sandbox.rotate(self.name, self.text(value))

    def variables(self, **given: Any) -> dict[str, str]:
        """Return the device's variables; `given` goes to `Sandbox.environment`."""
        return self.sandbox.environment(**{"secret": self.name, **given})

    @property
    def exchanges(self) -> int:
        """How many attempts to exchange the certificate were seen."""
        return len(self.sandbox.exchanges)

    @property
    def reads(self) -> int:
        """How many requests for our secret were seen."""
        return sum(request.secret in {self.name, self.arn} for request in self.sandbox.requests)


@pytest.fixture
def aws(sandbox: Sandbox) -> Sandbox:
    """Return the sandbox under the name that it has for a device."""
    return sandbox


@pytest.fixture
def world(aws: Sandbox) -> World:
    """Return a world of the test's own in the sandbox."""
    return World(aws)


@pytest.fixture
def device_run(run: Callable[..., Program], world: World) -> Callable[..., Program]:
    """Return a function that starts `secretenv run` on the device, with `given` for `World.variables`."""

    def begin(*words: str, more: dict[str, str] | None = None, **given: Any) -> Program:
        return run(*words, variables={**world.variables(**given), **(more or {})})

    return begin


@pytest.fixture
def cached(device_run: Callable[..., Program], tmp_path: Path) -> Cached:
    """Return a device with a cache that is not there yet."""
    return Cached(device_run, tmp_path / "app.cache")
