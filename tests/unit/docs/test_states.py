"""docs/architecture.md draws the states of the machine. `python -m tests.unit.docs.test_states` rewrites them."""

from __future__ import annotations

import itertools
import random
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.supervisor.phases import CLEANING, MOVES, RUNNING, STOPPING, WAITING
from tests.unit.docs import states
from tests.unit.supervisor.stories import PERMANENT, A, B, Story, cached, cleaning, running, stopping
from tests.unit.supervisor.test_last_known_good import NOT_TRUSTED, from_cache, outcome
from tests.unit.supervisor.test_lifecycle_laws import EVENTS, STATES, world

if TYPE_CHECKING:
    from secretenv.supervisor.lifecycle import Lifecycle
    from secretenv.supervisor.phases import Event, Phase

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"
PART = re.compile(r"(<!-- states -->\n)(.*?)(<!-- /states -->)", re.DOTALL)
TERM = ("signalled", signal.SIGTERM, "sent")


def after(story: Story, *events: Any) -> Story:
    """Return a story in which this has happened as well."""
    story.happens(*events)
    return story


CACHED = outcome(cached(A))

# For each edge a story that has come to its phase, and the event.
EDGES: dict[tuple[Phase, Event], tuple[Story, Any]] = {
    (WAITING, "first fetch"): (Story(), ("fetched", A)),
    (WAITING, "first fetch with --once"): (Story(once=True), ("fetched", A)),
    (WAITING, "first fetch given up"): (Story(), ("failed", PERMANENT)),
    (WAITING, "start from the cache"): (Story(cache="/c", cache_after=0.0), ("opened", CACHED)),
    (WAITING, "start from the cache with --once"): (
        after(Story(cache="/c", once=True, start_timeout=1.0), "opened", CACHED),
        ("failed", NOT_TRUSTED),
    ),
    (WAITING, "signal that ends the start"): (Story(), TERM),
    (RUNNING, "start refused"): (running(), ("spawn_failed", PERMANENT)),
    (RUNNING, "exit"): (running(), ("exited", 0)),
    (RUNNING, "exit in a trial"): (after(cleaning(), "gone"), ("exited", 1)),
    (RUNNING, "exit with values of the cache"): (from_cache(), ("exited", 1)),
    (RUNNING, "new version"): (after(running(), "fetched", B), ("prepared", B)),
    (STOPPING, "start refused"): (stopping(), ("spawn_failed", PERMANENT)),
    (STOPPING, "exit"): (stopping(), ("exited", 0)),
    (STOPPING, "exit in a shutdown"): (after(stopping(), *TERM), ("exited", 0)),
    (CLEANING, "all gone"): (cleaning(), ("gone",)),
    (CLEANING, "all gone, values to be fetched"): (after(from_cache(), "exited", 1), ("gone",)),
    (CLEANING, "all gone with --on-change exit"): (cleaning(on_change="exit"), ("gone",)),
    (CLEANING, "all gone in a shutdown"): (after(cleaning(), *TERM), ("gone",)),
}


def test_the_page_is_up_to_date() -> None:
    """The page has the graph and the table that the code's tables make."""
    found = PART.search(PAGE.read_text("utf-8"))
    assert found, "no marked part"
    assert found[2].strip() == states.fragment(), "run python -m tests.unit.docs.test_states"


@pytest.mark.parametrize("edge", MOVES, ids=" ".join)
def test_each_edge_can_be_produced(edge: tuple[Phase, Event]) -> None:
    """There is a history in which the machine goes along each edge of the graph."""
    story, event = EDGES[edge]
    assert story.life.phase == edge[0]
    story.happens(*event)
    assert story.life.phase == MOVES[edge]


def watched(life: Lifecycle, moves: set[tuple[str, str]]) -> Any:
    """Return a machine that writes down from which phase to which each of its events leads."""

    class Watched:
        def __getattr__(self, name: str) -> Any:
            found = getattr(life, name)
            if not callable(found):
                return found

            def event(*values: Any) -> Any:
                before = life.phase
                actions = found(*values)
                if life.phase != before:
                    moves.add((before, life.phase))
                return actions

            return event

    return Watched()


def test_each_transition_is_drawn() -> None:
    """Whatever happens in whatever order, no event leads from one phase to another where the graph has no edge."""
    chance = random.Random(12)
    moves: set[tuple[str, str]] = set()
    for state, on_change, _ in itertools.product(STATES, ("restart", "exit"), range(60)):
        made = world(*STATES[state], on_change=on_change)
        made.life = watched(made.life, moves)
        for event in chance.choices(list(EVENTS), k=8):
            EVENTS[event](made)
    of_the_cache = {(CLEANING, WAITING)}
    assert moves | of_the_cache == {(phase, target) for (phase, _), target in MOVES.items()}


def write() -> None:
    """Write the part into the page."""
    text = PAGE.read_text("utf-8")
    PAGE.write_text(PART.sub(lambda found: f"{found[1]}{states.fragment()}\n{found[3]}", text), "utf-8")


if __name__ == "__main__":
    write()
