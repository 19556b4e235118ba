"""Systems on which a plain script works: no thread can be started, or stacks are larger than there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.test_several_secrets import alias
from tests.kernels import WITH_LIMITS, WITHOUT_THREADS
from tests.running import PYTHON, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program

SYSTEMS = {
    "without threads": WITHOUT_THREADS,
    "stacks as large as the address space": [PYTHON, "-c", WITH_LIMITS, "300000000", "300000000"],
    "stacks without a limit": [PYTHON, "-c", WITH_LIMITS, "-1", "-1"],
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("batch", [False, True])
def test_each_command_works(start: Callable[..., Program], world: World, system: str, batch: bool) -> None:  # noqa: FBT001
    """`run`, `check`, `export` and `credentials` work there, with several secrets too."""
    names = [world.name, *(f"{world.name}-{number}" for number in range(5))]
    arns = [world.arn, *(world.sandbox.secret(name, {f"V{name[-1]}": "1"}) for name in names[1:])]
    role = alias(world, arns, batch=batch)
    variables = {**world.variables(secret=" ".join(names), alias=role), "SECRETENV_BATCH": str(batch)}
    programs = [
        start(*SYSTEMS[system], SECRETENV, *words, variables=variables)
        for words in (["run", "--", "env"], ["check"], ["export"], ["credentials"])
    ]
    assert [program.ends() for program in programs] == [0] * 4, [(each.out, each.err) for each in programs]
    for program in (programs[0], programs[2]):
        assert all(f"V{number}=" in program.out for number in range(5))
