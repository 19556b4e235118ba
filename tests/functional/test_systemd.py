"""`examples/systemd/` as it stands, started by the real systemd, with the sandbox."""

from __future__ import annotations

import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.container import PROJECT
from tests.functional.conftest import MARKER
from tests.machine import PYTHON_FINDS, Machine, needs_systemd
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.functional.conftest import World
    from tests.running import Program

UNIT = "secretenv@myapp.service"


@pytest.fixture
def machine(start: Callable[..., Program], world: World, tmp_path: Path) -> Iterator[Machine]:
    """Return a machine with the unit and a device's folder; a drop-in for what no device has."""
    given, device = world.variables(), world.sandbox.first
    settings = (
        f'[device]\nca = "/etc/secretenv/ca.pem"\nendpoint = "{given["SECRETENV_ENDPOINT"]}"\n'
        f'role_alias = "{given["SECRETENV_ROLE_ALIAS"]}"\n'
        f'[run]\nregion = "{given["SECRETENV_REGION"]}"\n[[secret]]\nid = "{world.name}"\n'
    )
    output = "".join(f"Standard{each}=append:/run/out/log\n" for each in ("Output", "Error"))
    files = {
        "etc/systemd/system/secretenv@.service": (PROJECT / "examples/systemd/secretenv@.service").read_text("utf-8"),
        f"etc/systemd/system/{UNIT}.d/sandbox.conf": (
            f"[Service]\nEnvironment=AWS_ENDPOINT_URL_SECRETS_MANAGER={world.sandbox.url} {PYTHON_FINDS}\n{output}"
        ),
        "etc/secretenv/myapp/config.toml": settings,
        "etc/secretenv/ca.pem": Path(world.sandbox.ca).read_text("utf-8"),
        "etc/secretenv/myapp/device.pem.crt": device.cert.read_text("utf-8"),
        "etc/secretenv/myapp/private.pem.key": device.key.read_text("utf-8"),
    }
    modes = {f"etc/secretenv/myapp/{each}": 0o600 for each in ("config.toml", "device.pem.crt", "private.pem.key")}
    booted = Machine(start, tmp_path / "machine", files, modes)
    yield booted
    booted.off()


@needs_systemd
def test_the_life_of_a_service(machine: Machine, world: World) -> None:
    """The unit starts the program with root's key, hardened and enabled; reload brings new values; stop is in order."""
    first = world.rotate("one")
    begun = machine.systemctl("enable", "--now", "secretenv@myapp")
    assert begun.returncode == 0, begun.stderr + machine.log("log")
    active, pid, status = machine.shown(UNIT, "ActiveState", "MainPID", "StatusText")
    assert (active, status.partition(" with ")) == ("active", ("running", " with ", f"{world.name} {first}"))
    until(lambda: "VALUE=one" in machine.log("log"))
    assert "secretenv: " not in machine.log("log")
    command = int(machine.log("log").split()[1])
    for each in (int(pid), command):
        assert machine.status(each, "Uid").split()[0] != "0"
        assert [machine.status(each, name) for name in ("NoNewPrivs", "Seccomp", "CapBnd")] == ["1", "2", "0" * 16]

    version = world.rotate("two")
    assert machine.systemctl("reload", UNIT).returncode == 0
    until(lambda: "VALUE=two" in machine.log("log"), what=machine.log("log"))
    until(lambda: machine.shown(UNIT, "StatusText") == [f"running with {world.name} {version}"])
    assert machine.shown(UNIT, "MainPID", "ActiveState", "NRestarts") == [pid, "active", "0"]

    assert machine.systemctl("stop", UNIT).returncode == 0
    assert machine.shown(UNIT, "Result", "ActiveState") == ["success", "inactive"]
    # One TERM each for the rotation and the stop, and no HUP for the reload.
    said = [line for line in machine.log("log").splitlines() if not line.startswith("secretenv: ")]
    assert [line.split()[0] for line in said] == ["ready", "got", "bye"] * 2
    assert "got HUP" not in said


PLAIN = """
[Service]
ExecStart=/bin/sh -c 'grep -h SigIgn /proc/self/status; echo by $$SYSTEMD_EXEC_PID $$$$'
StandardOutput=append:/run/out/{name}
"""


@needs_systemd
def test_a_service_finds_what_it_finds_without_secretenv(machine: Machine) -> None:
    """SIGPIPE is ignored, as systemd does for services, and SYSTEMD_EXEC_PID names the program; with --once too."""
    run = "/opt/secretenv/bin/secretenv run --secret file:///etc/secretenv/secret.json"
    for name, before in (("bare", ""), ("run", f"{run} -- "), ("once", f"{run} --once -- ")):
        unit = PLAIN.format(name=name).replace("ExecStart=", f"Environment={PYTHON_FINDS}\nExecStart={before}")
        machine.put("etc/secretenv/secret.json", '{"VALUE": "one"}')
        machine.put(f"etc/systemd/system/{name}.service", unit)
        machine.systemctl("daemon-reload")
        assert machine.systemctl("start", name).returncode == 0
        until(lambda name=name: "by " in machine.log(name), what=name)  # type: ignore[misc]
    logs = {name: machine.log(name).splitlines() for name in ("bare", "run", "once")}
    assert logs["run"][0] == logs["once"][0] == logs["bare"][0]
    assert int(logs["bare"][0].split()[1], 16) & 1 << (signal.SIGPIPE - 1)
    for lines in logs.values():
        _, named, pid = lines[1].split()
        assert named == pid


@needs_systemd
def test_what_goes_wrong_in_a_service(machine: Machine, world: World) -> None:
    """A crash is a failure and tried again later; after a failed start `systemctl status` says why."""
    assert machine.systemctl("start", UNIT).returncode == 0
    until(lambda: "VALUE=one" in machine.log("log"))
    machine.kill(int(machine.log("log").split()[1]))
    until(lambda: machine.shown(UNIT, "SubState", "Result") == ["auto-restart", "signal"])

    machine.systemctl("stop", UNIT)
    alias = world.variables()["SECRETENV_ROLE_ALIAS"]
    machine.edit("etc/secretenv/myapp/config.toml", alias, "unknown")
    assert machine.systemctl("start", UNIT).returncode == 1
    status, text = machine.shown(UNIT, "ExecMainStatus", "StatusText")
    assert status == "125"
    assert text.startswith("the credentials provider ")
    assert "refused with status 403: Access Denied" in text


REFUSING = """
[Service]
ExecStart=
ExecStart=/opt/secretenv/bin/secretenv run --refresh-signal HUP --require VALUE -- sh -c \\
    'echo "start $$VALUE"; [ "$$VALUE" = bad ] && exit 3; exec sleep 1000'
"""


@needs_systemd
def test_a_bad_rotation_of_a_service(machine: Machine, world: World) -> None:
    """The service stays active with the old values, and `systemctl status` names the version that is refused."""
    machine.put(f"etc/systemd/system/{UNIT}.d/refusing.conf", REFUSING)
    machine.systemctl("daemon-reload")
    first = world.rotate("one")
    assert machine.systemctl("start", UNIT).returncode == 0
    until(lambda: "start one" in machine.log("log"), what=machine.log("log"))
    bad = world.rotate("bad")
    assert machine.systemctl("reload", UNIT).returncode == 0
    until(lambda: machine.log("log").count("start one") == 2, what=machine.log("log"))
    wanted = f"running with {world.name} {first}; refused: the new version {world.name} {bad} (exit status 3)"
    until(lambda: machine.shown(UNIT, "StatusText") == [wanted], what=str(machine.shown(UNIT, "StatusText")))
    assert machine.shown(UNIT, "ActiveState", "NRestarts") == ["active", "0"]
    assert bad in machine.systemctl("status", UNIT).stdout


SHORT = "[Service]\nEnvironment=SECRETENV_TRIAL=0 SECRETENV_CACHE_AFTER=500ms\n"


@needs_systemd
def test_a_boot_without_aws(machine: Machine, world: World) -> None:
    """The unit's own lines seal the values, hardened as it is, and start the program with them where AWS is away."""
    machine.put(f"etc/systemd/system/{UNIT}.d/short.conf", SHORT)
    machine.systemctl("daemon-reload")
    version = world.rotate("one")
    assert machine.systemctl("start", UNIT).returncode == 0
    cache = machine.file("var/lib/private/myapp/secretenv.cache")
    until(cache.exists, what=f"a cache: {machine.log('log')}")
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert MARKER.encode() not in cache.read_bytes()
    assert machine.systemctl("stop", UNIT).returncode == 0

    world.sandbox.faults.set("credentials:close")
    assert machine.systemctl("start", UNIT).returncode == 0, machine.log("log")
    until(lambda: machine.log("log").count("VALUE=one") == 2, what=machine.log("log"))
    assert "warning: cache: starting with the values of the cache, " in machine.log("log")
    active, status = machine.shown(UNIT, "ActiveState", "StatusText")
    assert active == "active"
    # Before and after the first look, which fails.
    words = (f"running with {world.name} {version}; values of ", "; the command keeps its values, ")
    assert any(each in status for each in words)
    assert status.endswith((" ago, from the cache", " old"))

    newer = world.rotate("two")
    world.sandbox.faults.clear()
    assert machine.systemctl("reload", UNIT).returncode == 0
    until(lambda: "VALUE=two" in machine.log("log"), what=machine.log("log"))
    until(lambda: machine.shown(UNIT, "StatusText") == [f"running with {world.name} {newer}"])
    assert machine.shown(UNIT, "NRestarts") == ["0"]
    assert MARKER not in machine.log("log")
