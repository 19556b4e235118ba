"""Last known good: a device starts without AWS, and at once; with the sandbox and real processes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from secretenv.cache.main import perform
from secretenv.cache_protocol import CacheTask, Known
from secretenv.config import merge
from secretenv.protocol import Answer
from tests.functional.cached import COMMAND
from tests.functional.conftest import MARKER
from tests.waiting import until

if TYPE_CHECKING:
    from tests.functional.cached import Cached
    from tests.functional.conftest import World

FAULTS = ["credentials:close", "credentials:reset", "credentials:black-hole", "credentials:portal=page",
          "credentials:portal=redirect", "credentials:status=503", "credentials:throttling", "secretsmanager:close",
          "secretsmanager:black-hole", "secretsmanager:portal=page"]  # fmt: skip


@pytest.mark.parametrize("after", ["0", "500ms"])
@pytest.mark.parametrize("fault", FAULTS)
def test_without_aws(cached: Cached, world: World, fault: str, after: str) -> None:
    """Whatever is in the way of AWS, the command starts; it gets new values when AWS can be reached."""
    cached.fill()
    world.sandbox.faults.set(fault)
    program = cached.run(f"--cache-after={after}")
    program.shows("start one")
    assert "starting with the values of the cache, " in program.err
    until(lambda: world.sandbox.faults.met, what="a look")
    world.rotate("two")
    world.sandbox.faults.clear()
    program.send(signal.SIGUSR2)
    program.shows("start two")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert MARKER not in program.raw_err


@pytest.mark.parametrize("after", ["0", "2s"])
@pytest.mark.parametrize("endpoint", ["nowhere.invalid", "localhost:1"], ids=["no DNS", "refused"])
def test_no_endpoint(cached: Cached, world: World, endpoint: str, after: str) -> None:
    """Without a name server, and where nobody listens."""
    given = {"SECRETENV_ENDPOINT": endpoint}
    settings = merge.read({"cache": str(cached.file)}, {**world.variables(), **given}, COMMAND[1:])
    answer = Answer()
    answer.variables, answer.versions = {"VALUE": "kept"}, {world.name: "1"}
    known = Known(answer=answer, refused={}, why="", age=0.0, denied=None, denials=0)
    assert perform(CacheTask.of("seal", settings, known)).error is None
    program = cached.begin(f"--cache={cached.file}", f"--cache-after={after}", *COMMAND, more=given)
    program.shows("start kept")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
