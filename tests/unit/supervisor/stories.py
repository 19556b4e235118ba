"""A lifecycle in a story: events go in, actions come out, and the story says what time it is."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from secretenv.cache_protocol import Known
from secretenv.errors import SecretenvError
from secretenv.protocol import Answer
from secretenv.settings import Device, Settings
from secretenv.supervisor.actions import End, Line, Notify, Prepare, Spawn, Stop, Sweep
from secretenv.supervisor.last_known_good import with_cache
from secretenv.supervisor.lifecycle import Lifecycle
from secretenv.supervisor.signals import SENT
from secretenv.supervisor.validation import ValidatedLife

if TYPE_CHECKING:
    from secretenv.supervisor.actions import Action
    from secretenv.supervisor.signals import Sender


TRANSIENT = SecretenvError("no answer", transient=True, link="connection")


PERMANENT = SecretenvError("refused", link="policy")


THROTTLED = SecretenvError("too many calls", transient=True, link="throttling")


def answer_with(version: str) -> Answer:
    """Return an answer with this version of the one secret."""
    made = Answer()
    made.versions = {"app": version}
    return made


def cached(answer: Answer, **given: Any) -> Known:
    """Return what a cache holds: confirmed three days ago, unless something else is given."""
    fields = {"refused": {}, "why": "", "age": 3 * 86400.0, "denied": None, "denials": 0}
    return Known(**{"answer": answer, **fields, **given})


A, B, C = answer_with("a"), answer_with("b"), answer_with("c")


def settings(**given: Any) -> Settings:
    """Return settings with the defaults of the command line but for what is given."""
    values: dict[str, Any] = {
        "device": Device.from_json({**dict.fromkeys(Device.fields(), ""), "batch": False}),
        "secrets": (),
        "require": (),
        "command": ("myapp",),
        "files_on_disk": False,
        "pristine": False,
        "keep": (),
        "drop": (),
        "prefer_inherited": (),
        "interval": 300.0,
        "once": False,
        "on_change": "restart",
        "restart_on": "version",
        "validate": (),
        "splay": 0.0,
        "kill_signal": signal.SIGTERM,
        "kill_timeout": 10.0,
        "trial": 10.0,
        "signal_group": False,
        "refresh_signal": 0,
        "start_timeout": 60.0,
        "cache": "",
        "cache_after": 10.0,
        "max_age": 30 * 86400.0,
        "status_file": "",
        "sd_notify": "wrapper",
        "log_level": "info",
        "log_format": "text",
        "warnings": (),
    }
    return Settings(**{**values, **given})


def life(chosen: Settings, **given: Any) -> Lifecycle:
    """Return the state machine for these settings."""
    kind = ValidatedLife if chosen.validates else Lifecycle
    return (with_cache(kind) if chosen.cache else kind)(chosen, **given)


class Story:
    """A lifecycle, its time, and what it asked for since the last question; lines and notices are kept apart."""

    def __init__(
        self,
        *,
        ignored: tuple[int, ...] = (),
        leader: bool = False,
        shared: bool = False,
        chance: float = 0.5,
        **given: Any,
    ) -> None:
        self.life = life(settings(**given), ignored=ignored, leader=leader, shared=shared, uniform=lambda: chance)
        self.now = 1000.0
        self.lines: list[str] = []
        self.told: list[Notify] = []
        self.asked = self._take(self.life.start(self.now))

    def _take(self, actions: list[Action]) -> list[Action]:
        self.lines += [action.message for action in actions if isinstance(action, Line)]
        self.told += [action for action in actions if isinstance(action, Notify)]
        return [action for action in actions if not isinstance(action, Line | Notify)]

    def happens(self, event: str, *values: Any) -> list[Action]:
        """Report an event and return the actions it leads to."""
        return self._take(getattr(self.life, event)(*values, self.now))

    def later(self, seconds: float) -> list[Action]:
        """Let time pass, with every tick on the way that is due, and return the actions."""
        end = self.now + seconds
        actions: list[Action] = []
        while (due := self.life.due()) is not None and due <= end:
            self.now = max(due, self.now)
            actions += self.happens("tick")
        self.now = end
        return actions

    def signal(self, name: str, origin: Sender = SENT) -> list[Action]:
        """Report a signal."""
        return self.happens("signalled", getattr(signal, f"SIG{name}"), origin)


def running(**given: Any) -> Story:
    """Return a story in which the command runs with version a."""
    story = Story(**given)
    assert story.happens("fetched", A) == [Spawn(answer=A)]
    return story


def stopping(**given: Any) -> Story:
    """Return a story in which the command was asked to stop for version b."""
    story = running(**given)
    story.later(300)
    assert story.happens("fetched", B) == [Prepare(answer=B)]
    kill_signal = given.get("kill_signal", signal.SIGTERM)
    assert story.happens("prepared", B) == [Stop(signum=kill_signal)]
    return story


def cleaning(**given: Any) -> Story:
    """Return a story in which the old command is dead and something of it is still there."""
    story = stopping(**given)
    assert story.happens("exited", 0) == [Sweep()]
    return story


def ended(status: int) -> End:
    """Return the action that ends secretenv as a command did."""
    return End(status=status, error=None)
