"""What the integration tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.held import HELD, Held
from tests.integration.fetcher.fetching import VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretenv.sandbox import Sandbox
    from tests.running import Program


@pytest.fixture
def aws(sandbox: Sandbox) -> Sandbox:
    """Return the sandbox with values in its first secret that must not be seen."""
    sandbox.rotate("sandbox/app", VALUE)
    sandbox.reset()
    return sandbox


@pytest.fixture
def hold(start: Callable[..., Program], tmp_path: Path) -> Iterator[Callable[..., Held]]:
    """Return a function that starts `secretenv run` with these words after it, and holds its command line."""
    started: list[Held] = []

    def run(*words: str, **options: object) -> Program:
        return start(*HELD, "run", *words, **options)

    def begin(*words: str, **options: object) -> Held:
        started.append(Held(run, tmp_path, *words, **options))
        return started[-1]

    yield begin
    for each in started:
        each.close()
