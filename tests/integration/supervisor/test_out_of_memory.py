"""When memory runs out: the kernel kills a helper, and not the command."""

from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.running import CHILD, PYTHON, SECRETENV, alive
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.sandbox import Sandbox
    from tests.conftest import SecretFile
    from tests.held import Held
    from tests.running import Program

# The folder of all memory cgroups, and the file in it that has the limit: of version 1, of version 2.
MEMORY = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
LIMIT = 100 << 20
# Takes 75 MiB; the supervisor and a fetcher need some 40 MiB more.
LARGE = f"import os, sys; held = b'x' * (75 << 20); sys.argv[:] = ['child']; exec(open({CHILD!r}).read())"


@pytest.fixture
def small() -> Iterator[Path]:
    """Return a memory cgroup of 100 MiB."""
    for root, name in MEMORY:
        group = Path(root, f"secretenv-{uuid.uuid4().hex}")
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / name).exists():
            (group / name).write_text(str(LIMIT), "utf-8")
            yield group
            until(lambda group=group: not (group / "cgroup.procs").read_text())  # type: ignore[misc]
            group.rmdir()
            return
        group.rmdir()
    pytest.skip("needs root and a memory cgroup of its own")


def test_a_check_never_costs_the_command(
    start: Callable[..., Program], aws: Sandbox, small: Path, secret: SecretFile
) -> None:
    """Where there is too little memory for a check, the fetcher is killed: the command and its values stay."""
    enter = ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(small)]
    words = [SECRETENV, "run", "--refresh-signal=USR2", "--log-level=debug", "--", PYTHON, "-c", LARGE]
    program = start(*enter, *words, variables=aws.environment())
    pid = ready(program)
    for times in (1, 2):
        program.send(signal.SIGUSR2)
        program.logs("it was killed by signal 9", times)
        assert alive(pid)
    program.send(signal.SIGTERM)
    assert program.ends() == 0


def test_helpers_are_the_first_victims(
    start: Callable[..., Program], hold: Callable[..., Held], secret: SecretFile
) -> None:
    """The reader of the command line and the fetcher have 1000; the command has what the caller gave."""
    own = Path("/proc/self/oom_score_adj")
    before = own.read_text("utf-8")
    own.write_text("300", "utf-8")
    try:
        held = hold(secret.option, "--", PYTHON, CHILD)
    finally:
        if os.geteuid() == 0:
            own.write_text(before, "utf-8")
    for pid in (held.reader(), held.fetcher()):
        until(lambda pid=pid: _adjusted(pid) == 1000)  # type: ignore[misc]
    held.goes_on()
    assert _adjusted(ready(held.program)) == _adjusted(held.program.pid) == 300


def _adjusted(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text("utf-8"))
