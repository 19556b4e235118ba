"""`secretenv run` under a service manager: a real datagram socket takes the place of systemd's."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import CHILD, PYTHON, SECRETENV, Program
from tests.waiting import DEADLINE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import SecretFile

SHOWN = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS"]


class Manager:
    """The service manager's end: what it was told, and by which process."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.settimeout(DEADLINE)
        self.told: list[dict[str, str]] = []
        self.senders: set[int] = set()

    def next(self) -> dict[str, str]:
        """Return the next message, waiting for it."""
        text, ancillary, _, _ = self.socket.recvmsg(8192, socket.CMSG_SPACE(12))
        self.senders.add(int.from_bytes(ancillary[0][2][:4], "little"))
        self.told.append(dict(line.split("=", 1) for line in text.decode().split("\n")))
        return self.told[-1]

    def hears(self, word: str) -> dict[str, str]:
        """Return the next message with this word, passing over others."""
        while word not in (found := self.next()):
            pass
        return found

    @property
    def states(self) -> list[str]:
        """The states that were told so far."""
        return [word for message in self.told for word in message if word in {"READY", "RELOADING", "STOPPING"}]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Callable[..., Manager]]:
    """Return a function that opens the service manager's socket at a path or, with abstract, in the kernel's names."""
    opened: list[Manager] = []

    def make(*, abstract: bool = False) -> Manager:
        made = Manager(f"@secretenv-{uuid.uuid4().hex}" if abstract else str(tmp_path / "n"))
        opened.append(made)
        return made

    yield make
    for each in opened:
        each.socket.close()


def as_unit(*words: str) -> list[str]:
    """Return the command line of a process that is watched and was handed sockets, as systemd would start it."""
    return ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=0 WATCHDOG_PID=$$ exec "$@"', "sh", SECRETENV, "run", *words]


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_secretenv_speaks_for_the_command(
    start: Callable[..., Program], secret: SecretFile, manager: Callable[..., Manager], *, abstract: bool
) -> None:
    """READY after the start, RELOADING and READY around a restart, signs of life, STOPPING; all from the main process.

    The command finds neither socket nor watchdog, and sockets to listen on are addressed to it after each start.
    """
    systemd = manager(abstract=abstract)
    words = [secret.option, "--interval=100ms", "--", PYTHON, CHILD, *(f"--show={name}" for name in SHOWN)]
    variables = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "200000"}
    program = start(*as_unit(*words), variables=variables)
    starting = systemd.hears("EXTEND_TIMEOUT_USEC")
    assert int(starting["EXTEND_TIMEOUT_USEC"]) > 60_000_000
    ready = systemd.hears("READY")
    assert ready == {"READY": "1", "STATUS": f"running with file://{secret.path}"}
    secret.put({"VALUE": "two"})
    reloading = systemd.hears("RELOADING")
    assert 0 < int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    systemd.hears("READY")
    program.shows("ready", times=2)
    for _ in range(3):
        systemd.hears("WATCHDOG")
    program.send(signal.SIGTERM)
    systemd.hears("STOPPING")
    assert program.ends() == 0
    assert systemd.states == ["READY", "RELOADING", "READY", "STOPPING"]
    assert systemd.senders == {program.pid}
    for line in program.lines:
        if line.startswith("ready"):
            _, pid, *seen = line.replace("(not set)", "-").split()
            assert seen == [*(f"{name}=-" for name in SHOWN[:3]), f"LISTEN_PID={pid}", "LISTEN_FDS=0"]


def test_the_command_speaks_for_itself(
    start: Callable[..., Program], secret: SecretFile, manager: Callable[..., Manager]
) -> None:
    """--sd-notify command: the command has the socket and the watchdog, under its own pid; secretenv is silent."""
    systemd = manager()
    script = """if True:
        import os, socket
        text = f"READY=1\\nSTATUS={os.getpid()} {os.environ['WATCHDOG_PID']} {os.environ['LISTEN_PID']}"
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
    """
    words = as_unit(secret.option, "--sd-notify=command", "--", PYTHON, "-c", script)
    program = start(*words, variables={"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "200000"})
    assert program.ends() == 0
    assert len(set(systemd.hears("READY")["STATUS"].split())) == 1
    assert len(systemd.told) == 1
    assert program.pid not in systemd.senders
    systemd.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        systemd.next()


def test_once_passes_everything_on(
    start: Callable[..., Program], secret: SecretFile, manager: Callable[..., Manager]
) -> None:
    """--once: the pid stays, so all that was meant for it is meant for the command, untouched."""
    address = manager().address
    words = as_unit(secret.option, "--once", "--", PYTHON, CHILD, "--status=0", *(f"--show={name}" for name in SHOWN))
    program = start(*words, variables={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "9000000"})
    assert program.ends() == 0
    pid = program.pid
    values = [address, "9000000", pid, pid, 0]
    assert program.lines == [
        " ".join([f"ready {pid}", *(f"{name}={value}" for name, value in zip(SHOWN, values, strict=True))])
    ]


@pytest.mark.parametrize("fault", ["full", "vanished", "foreign"])
def test_nobody_reads(
    run: Callable[..., Program], secret: SecretFile, manager: Callable[..., Manager], tmp_path: Path, fault: str
) -> None:
    """A socket that is full, gone or of another kind holds up neither start, restart nor end."""
    systemd = manager()
    if fault == "full":
        fill(systemd)
    elif fault == "vanished":
        Path(systemd.address).unlink()
    address = "vsock:2:1234" if fault == "foreign" else systemd.address
    words = [secret.option, "--interval=100ms", "--log-level=debug", "--", PYTHON, CHILD, "--show=VALUE"]
    program = run(*words, variables={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"})
    program.shows("VALUE=one")
    secret.put({"VALUE": "two"})
    program.shows("VALUE=two")
    if fault == "full":
        systemd.hears("READY")  # what was filled in is empty of words; then comes what found no room
    else:
        program.logs("systemd")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert "Traceback" not in program.err


def fill(manager: Manager) -> None:
    """Fill the queue of a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.sendto(b"FILLED=1", manager.address)


def test_reload_checks_now(run: Callable[..., Program], secret: SecretFile, manager: Callable[..., Manager]) -> None:
    """`systemctl reload`, a HUP with --refresh-signal HUP: ends when the check has, with or without a new version."""
    systemd = manager()
    words = [secret.option, "--refresh-signal=HUP", "--", PYTHON, CHILD, "--show=VALUE"]
    program = run(*words, variables={"NOTIFY_SOCKET": systemd.address})
    systemd.hears("READY")
    program.send(signal.SIGHUP)
    systemd.hears("RELOADING")
    systemd.hears("READY")
    secret.put({"VALUE": "two"})
    program.send(signal.SIGHUP)
    systemd.hears("READY")
    until(lambda: "VALUE=two" in program.out)
    assert systemd.states == ["READY", "RELOADING", "READY", "RELOADING", "RELOADING", "READY"]
    assert "got HUP" not in program.out
