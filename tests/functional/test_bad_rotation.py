"""A bad rotation against the sandbox: the command goes back, the version is refused, the next one is tried."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.functional.conftest import MARKER
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program

# The command does not like the value `bad`.
COMMAND = 'echo "start $VALUE"; [ "$VALUE" = bad ] && exit 3; exec sleep 1000'


def test_a_bad_rotation(device_run: Callable[..., Program], world: World) -> None:
    """The command gets the old values back, once; checks that find the bad version read it, and start nothing."""
    words = ("--interval=100ms", "--log-format=json", "--refresh-signal=USR2", "--", "sh", "-c", COMMAND)
    program = device_run("--trial=1h", *words)
    program.shows("start one")
    version = world.rotate("bad")
    program.shows("start one", times=2)
    program.logs('"event": "restored"')
    assert program.err.count('"event": "trial_failed"') == 1
    assert f"the command did not survive the new version of {world.name} (exit status 3)" in program.err
    checked = world.reads + 10
    until(lambda: world.reads >= checked, what="ten checks more")
    assert program.lines == ["start one", "start bad", "start one"]

    program.send(signal.SIGUSR2)
    program.shows("start one", times=3)
    assert program.lines == ["start one", "start bad"] * 2 + ["start one"]

    world.rotate("two")
    program.shows("start two")
    assert program.lines[5:] == ["start two"]
    assert version in program.err
    assert MARKER not in program.raw_err
    program.send(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM
