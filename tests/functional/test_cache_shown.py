"""What people see of a cache: `status`, `check`, `check --offline` and `cache forget`, about real runs and files."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.conftest import MARKER
from tests.running import SECRETENV
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.functional.cached import Cached
    from tests.functional.conftest import World
    from tests.running import Program

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def ask(start: Callable[..., Program], world: World, cached: Cached) -> Callable[..., tuple[int, str]]:
    """Return a function that runs a command on the device, and returns its exit status and all that it wrote."""

    def asked(*words: str, before: tuple[str, ...] = (), **given: Any) -> tuple[int, str]:
        variables = {**world.variables(**given), "SECRETENV_CACHE": str(cached.file)}
        program = start(*before, SECRETENV, *words, variables=variables)
        status = program.ends()
        assert "Traceback" not in program.err
        assert MARKER not in program.out + program.err
        return status, program.out + program.err

    return asked


def metric(text: str, name: str) -> float:
    """Return the one value of a metric."""
    (value,) = re.findall(rf"^{name}\{{[^\n]*\}} (\S+)$", text, re.MULTILINE)
    return float(value)


def test_the_status_of_a_run_from_the_cache(cached: Cached, world: World, ask: Callable[..., tuple[int, str]]) -> None:
    """Until AWS confirms the values they are the cache's, which is a warning for monitoring; then nothing of it is."""
    cached.fill()
    world.sandbox.faults.set("credentials:status=503")
    program = cached.run("--cache-after=0")
    program.shows("start one")
    pid = str(program.pid)

    def status() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(ask("status", pid, "--json")[1])[0]
        return found

    until(lambda: status()["failing"], what="a look that fails")
    found = status()
    assert [secret["source"] for secret in found["secrets"]] == ["cache"]
    assert (found["cache"]["file"], found["cache"]["in_use"]) == (str(cached.file), True)
    people = ask("status", pid)[1]
    assert "from the cache" in people
    assert f"  cache {cached.file}: its values are not confirmed by AWS yet, sealed " in people
    code, line = ask("status", pid, "--check")
    assert code == 1, line
    assert "values of the cache, not confirmed by AWS yet" in line
    metrics = ask("status", pid, "--prometheus")[1]
    assert metric(metrics, "secretenv_cache_in_use") == 1
    assert metric(metrics, "secretenv_cache_sealed_at_timestamp_seconds") == found["cache"]["sealed_at"]
    world.sandbox.faults.clear()
    program.send(signal.SIGUSR2)
    program.logs("AWS confirms the values of the cache")
    until(lambda: not status()["cache"]["in_use"], what="the status after the look")
    assert [secret["source"] for secret in status()["secrets"]] == ["aws"]
    assert metric(ask("status", pid, "--prometheus")[1], "secretenv_cache_in_use") == 0
    assert ask("status", pid, "--check")[0] == 0


def test_check(cached: Cached, ask: Callable[..., tuple[int, str]]) -> None:
    """Before the first start it is not there; then it opens; a net that is not there breaks the chain."""
    status, said = ask("check")
    assert status == 0
    assert f"skip  cache             {cached.file}: not there yet" in said
    raw = cached.fill()
    status, said = ask("check")
    assert status == 0
    assert f"ok    cache             {cached.file}: opens, and belongs to these settings; confirmed by AWS " in said
    cached.file.write_bytes(raw[:-1])
    status, said = ask("check")
    assert status == 1
    assert f"broken: cache: the cache {cached.file} was sealed with another key" in said
    assert cached.file.read_bytes() == raw[:-1]


@as_root
def test_check_on_a_read_only_disk(cached: Cached, ask: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """Root may write anywhere, but not there."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    mount = 'mount -t tmpfs -o ro none "$0" && exec "$@"'
    if subprocess.run(["unshare", "--mount", "sh", "-c", mount, str(folder), "true"], check=False).returncode:
        pytest.skip("needs mount namespaces")
    cached.file = folder / "app.cache"
    status, said = ask("check", before=("unshare", "--mount", "sh", "-c", mount, str(folder)))
    assert status == 1
    assert f"broken: cache: the cache {cached.file} cannot be written: Read-only file system" in said


def test_check_without_a_cache(start: Callable[..., Program], world: World) -> None:
    """Without --cache there is no row."""
    program = start(SECRETENV, "check", variables=world.variables())
    assert program.ends() == 0
    assert not re.search("^....  cache ", program.out, re.MULTILINE)


def test_offline_is_what_a_run_does(cached: Cached, world: World, ask: Callable[..., tuple[int, str]]) -> None:
    """With AWS away the verdict is what a run does: no cache, no start; a cache, a start with its values."""
    status, said = ask("check", "--offline")
    assert status == 1
    assert said.splitlines()[-2].startswith("without a network, the command would not start: cache: there is no cache")
    world.sandbox.faults.set("credentials:close")
    assert cached.run("--start-timeout=1s", "--cache-after=0").ends() == 125
    world.sandbox.faults.clear()
    cached.fill()
    world.sandbox.faults.set("credentials:close")
    before = world.exchanges
    status, said = ask("check", "--offline", "--cache-after=0")
    assert status == 0
    assert re.search(
        r"^without a network, the command would start with values from \d+(\.\d)? s ago, at once$", said, re.MULTILINE
    )
    status, raw = ask("check", "--offline", "--json")
    document = json.loads(raw)
    assert (status, document["ok"], document["offline"]["after"]) == (0, True, 10.0)
    assert world.exchanges == before
    program = cached.run("--cache-after=0")
    program.shows("start one")
    program.send(signal.SIGTERM)
    assert program.ends() == 0


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("filled", [True, False])
def test_offline_opens_no_socket(
    cached: Cached,
    ask: Callable[..., tuple[int, str]],
    tmp_path: Path,
    filled: bool,  # noqa: FBT001
) -> None:
    """No process of the check opens a socket of any network, whatever it finds."""
    if filled:
        cached.fill()
    trace = tmp_path / "trace"
    status, said = ask("check", "--offline", before=("strace", "-f", "-e", "trace=%network", "-o", str(trace)))
    assert "without a network, " in said
    assert status == (0 if filled else 1)
    calls = trace.read_text("utf-8")
    assert "exited with" in calls
    assert not re.search(r"\bAF_(?!UNIX)|sendto|sendmsg", calls), calls


@as_root
def test_offline_without_any_network(cached: Cached, ask: Callable[..., tuple[int, str]]) -> None:
    """In a network namespace without even a loopback it says the same."""
    if subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("needs network namespaces")
    cached.fill()
    status, said = ask("check", "--offline", before=("unshare", "--net"))
    assert status == 0
    assert said.splitlines()[-1].startswith("without a network, the command would start with values ")


def test_forget(cached: Cached, start: Callable[..., Program], tmp_path: Path) -> None:
    """It needs nothing but the path; a second time there is nothing to remove; both are a success."""
    cached.fill()
    file = tmp_path / "config.toml"
    file.write_text('[run]\ncache = "app.cache"\n[device]\nendpoint = "x.example"\n', "utf-8")
    for words in ((f"--cache={cached.file}",), (f"--config={file}",)):
        program = start(SECRETENV, "cache", "forget", *words)
        assert program.ends() == 0
        assert program.err == ""
        if words[0].startswith("--cache"):
            assert re.fullmatch(rf"removed the cache {cached.file}, sealed 20\S+Z\n", program.out)
        else:
            assert program.out == f"there was no cache {cached.file}\n"
    assert not cached.file.exists()


def test_forget_while_it_is_used(cached: Cached, world: World, ask: Callable[..., tuple[int, str]]) -> None:
    """The run goes on, and writes the cache again when a secret changes."""
    program = cached.run()
    program.shows("start one")
    program.logs("the cache holds the values")
    assert ask("cache", "forget")[0] == 0
    world.rotate("two")
    program.send(signal.SIGUSR2)
    program.shows("start two")
    until(cached.file.exists, what="a new cache")
    program.send(signal.SIGTERM)
    assert program.ends() == 0


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another file": (lambda path: path.write_text("my letters"), "is not a cache that secretenv wrote"),
    "a link": (lambda path: path.symlink_to("/dev/null"), "is not a regular file, but a symbolic link"),
    "a FIFO": (os.mkfifo, "is not a regular file, but a FIFO"),
    "a folder": (lambda path: path.mkdir(), "is not a regular file, but a directory"),
}


@pytest.mark.parametrize(("make", "words"), OTHERS.values(), ids=OTHERS)
def test_forget_something_else(
    cached: Cached, ask: Callable[..., tuple[int, str]], make: Callable[[Path], object], words: str
) -> None:
    """A path that was mistyped removes nothing."""
    make(cached.file)
    status, said = ask("cache", "forget")
    assert status == 1
    assert f"{cached.file} {words}" in said
    assert os.path.lexists(cached.file)


def test_forget_the_key(ask: Callable[..., tuple[int, str]], world: World, secret: SecretFile) -> None:
    """The device's own files are left alone, and so is a file of a user that is no cache."""
    key = world.variables()["SECRETENV_KEY"]
    status, said = ask("cache", "forget", f"--cache={key}")
    assert status == 1
    assert key in said
    assert os.path.lexists(key)
    assert ask("cache", "forget", f"--cache={secret.path}")[0] == 1
    assert secret.path.exists()


@as_root
def test_forget_the_cache_of_another_user(cached: Cached, ask: Callable[..., tuple[int, str]]) -> None:
    """Root's secretenv neither uses nor removes a file that another user made."""
    cached.fill()
    os.chown(cached.file, 65534, 65534)
    status, said = ask("cache", "forget")
    assert status == 1
    assert "belongs to user 65534" in said
    assert ask("check", "--offline")[0] == 1
    assert cached.file.exists()


def test_forget_nothing(start: Callable[..., Program]) -> None:
    """Without --cache it is not known what to remove."""
    program = start(SECRETENV, "cache", "forget")
    assert program.ends() == 2
    assert "missing: --cache FILE or SECRETENV_CACHE" in program.err
