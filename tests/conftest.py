"""Fixtures for all tests: programs that are cleared away after the test, and secrets in files."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.running import SECRETENV, Program
from tests.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from secretenv.sandbox import Sandbox

UNIT = Path(__file__).parent / "unit"

# Nothing is said about times: a loaded machine is no fault of the code.
settings.register_profile("full", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For the loop of an edit: each law on a few examples instead of a hundred.
settings.register_profile("quick", settings.get_profile("full"), max_examples=10)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a law gets, and stop ignoring signals."""
    settings.load_profile("quick" if _quick(config) else "full")
    _heed_signals()


def pytest_report_header(config: pytest.Config) -> str:
    """Say how much the laws are tried."""
    return f"laws: {settings().max_examples} examples each" + " (all of them: name the file)" * _quick(config)


def _quick(config: pytest.Config) -> bool:
    """Whether nothing but folders of unit tests is run. A file that is named gets its laws in full."""
    asked = [(config.invocation_params.dir / word).resolve() for word in config.args]
    return all(path.is_dir() and path.is_relative_to(UNIT) for path in asked)


def _heed_signals() -> None:
    """Undo a shell's `&` or nohup, which make this process ignore signals: programs under test would inherit that."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # This process still ignores it, as nohup wants; but a handler is not inherited.
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the soak, by far the longest test: at the end it would keep one core busy while the other idles."""
    items.sort(key=lambda item: "test_soak" not in item.nodeid)


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    """Return one sandbox for each file of tests, so that names in it need not be unique."""
    from secretenv.sandbox import Sandbox  # it brings moto, which takes a second to load; unit tests do without

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Iterator[Sandbox]:
    """Return the sandbox with its counters at zero, and reset its clock, hooks and faults after the test."""
    one_sandbox.reset()
    yield one_sandbox
    one_sandbox.on_request, one_sandbox.clock_offset, one_sandbox.credential_life = None, 0, None
    one_sandbox.faults.clear()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Return a function that starts a program; a process that outlives the program is killed and fails the test."""
    started: list[Program] = []

    def begin(*words: str, **options: object) -> Program:
        variables = options.pop("variables", None)
        program = Program(words, tmp_path, variables, **options)  # type: ignore[arg-type]
        started.append(program)
        return program

    yield begin
    running = [program.process.poll() is None for program in started]
    left = [program.clean() for program in started]
    ended = [pids for pids, ran in zip(left, running, strict=True) if not ran]
    assert not any(ended), f"processes that outlived a secretenv that had ended: {ended}"


@pytest.fixture
def run(start: Callable[..., Program]) -> Callable[..., Program]:
    """Return a function that starts `secretenv run` with these words after it."""

    def begin(*words: str, **options: object) -> Program:
        return start(SECRETENV, "run", *words, **options)

    return begin


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Callable[..., Screen]]:
    """Return a function that opens a terminal with a program; everything is ended after the test."""
    screens: list[Screen] = []

    def open_screen(*words: str, variables: Mapping[str, str] | None = None) -> Screen:
        made = Screen(tmp_path, *words, variables=variables)
        screens.append(made)
        return made

    yield open_screen
    for each in screens:
        each.close()


class SecretFile:
    """A secret in a file, as `--secret file://PATH` takes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.option = f"--secret=file://{path}"

    def put(self, values: object) -> None:
        """Write a new version in one step, so that no reader sees half of it."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(values if isinstance(values, str) else json.dumps(values), "utf-8")
        fresh.replace(self.path)


@pytest.fixture
def secret(tmp_path: Path) -> SecretFile:
    """Return a secret file with one key, VALUE."""
    made = SecretFile(tmp_path / "secret.json")
    made.put({"VALUE": "one"})
    return made
