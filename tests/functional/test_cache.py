"""Last known good: a device starts without AWS, and at once; with the sandbox and real processes."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.cache.main import perform
from secretenv.cache_protocol import CacheTask, Known
from secretenv.config import merge
from secretenv.protocol import Answer
from tests.functional.cached import COMMAND, WORDS
from tests.functional.conftest import MARKER
from tests.running import PYTHON, SECRETENV, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.cached import Cached
    from tests.functional.conftest import World
    from tests.running import Program

FAULTS = ["credentials:close", "credentials:reset", "credentials:black-hole", "credentials:portal=page",
          "credentials:portal=redirect", "credentials:status=503", "credentials:throttling", "secretsmanager:close",
          "secretsmanager:black-hole", "secretsmanager:portal=page"]  # fmt: skip


@pytest.mark.parametrize("after", ["0", "500ms"])
@pytest.mark.parametrize("fault", FAULTS)
def test_without_aws(cached: Cached, world: World, fault: str, after: str) -> None:
    """Whatever is in the way of AWS, the command starts; it gets new values when AWS can be reached."""
    cached.fill()
    world.sandbox.faults.set(fault)
    program = cached.run(f"--cache-after={after}")
    program.shows("start one")
    assert "starting with the values of the cache, " in program.err
    until(lambda: world.sandbox.faults.met, what="a look")
    world.rotate("two")
    world.sandbox.faults.clear()
    program.send(signal.SIGUSR2)
    program.shows("start two")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert MARKER not in program.raw_err


@pytest.mark.parametrize("after", ["0", "2s"])
@pytest.mark.parametrize("endpoint", ["nowhere.invalid", "localhost:1"], ids=["no DNS", "refused"])
def test_no_endpoint(cached: Cached, world: World, endpoint: str, after: str) -> None:
    """Without a name server, and where nobody listens."""
    given = {"SECRETENV_ENDPOINT": endpoint}
    settings = merge.read({"cache": str(cached.file)}, {**world.variables(), **given}, COMMAND[1:])
    answer = Answer()
    answer.variables, answer.versions = {"VALUE": "kept"}, {world.name: "1"}
    known = Known(answer=answer, refused={}, why="", age=0.0, denied=None, denials=0)
    assert perform(CacheTask.of("seal", settings, known)).error is None
    program = cached.begin(f"--cache={cached.file}", f"--cache-after={after}", *COMMAND, more=given)
    program.shows("start kept")
    program.send(signal.SIGTERM)
    assert program.ends() == 0


STRACE = ("strace", "-f", "-qq", "-e", "trace=openat,execve", "-o")
FILE = """
[run]
cache = "{file}"
cache_after = 0
"""


def can_trace() -> bool:
    """Return whether strace is here and may trace."""
    words = [*STRACE, "/dev/null", "true"]
    return shutil.which("strace") is not None and subprocess.run(words, check=False).returncode == 0


@pytest.mark.parametrize("where", ["flags", "variables", "settings file"])
@pytest.mark.skipif(not can_trace(), reason="strace is not here, or may not trace")
def test_nothing_of_aws_before_the_command(
    cached: Cached, start: Callable[..., Program], world: World, tmp_path: Path, where: str
) -> None:
    """With --cache-after 0 no AWS library is loaded before the command runs."""
    cached.fill()
    words: list[str] = []
    variables = world.variables()
    if where == "flags":
        words = [f"--cache={cached.file}", "--cache-after=0"]
    elif where == "variables":
        variables |= {"SECRETENV_CACHE": str(cached.file), "SECRETENV_CACHE_AFTER": "0"}
    else:
        settings = tmp_path / "config.toml"
        settings.write_text(FILE.format(file=cached.file), "utf-8")
        words = [f"--config={settings}"]
    trace = tmp_path / "trace"
    start(*STRACE, str(trace), SECRETENV, "run", *words, "--", "sleep", "1000", variables=variables)
    until(lambda: trace.exists() and "/botocore/" in trace.read_text("utf-8", "replace"), what="the later check")
    lines = trace.read_text("utf-8", "replace").splitlines()
    began = next(place for place, line in enumerate(lines) if "execve" in line and '["sleep", "1000"]' in line)
    of_aws = ("/botocore/", "/boto3/", "/requests/", "/urllib3/")
    assert not [line for line in lines[:began] if any(name in line for name in of_aws)]


# What is not used.


def flipped(content: bytes) -> bytes:
    """Return the content with another byte in its middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "flipped": flipped,
    "truncated": lambda content: content[:-1],
    "empty": lambda _: b"",
    "another beginning": lambda content: b"S" + content[1:],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("after", ["0", "10s"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file(cached: Cached, world: World, damage: str, after: str) -> None:
    """It is not used: one warning, a start from AWS, and a new file."""
    content = cached.fill()
    cached.file.write_bytes(DAMAGES[damage](content))
    world.rotate("two")
    program = cached.run(f"--cache-after={after}")
    program.shows("start two")
    program.logs("the cache holds the values")
    assert program.out.count("start") == 1
    assert program.err.count("secretenv: warning: cache: ") == 1
    assert cached.file.read_bytes()


def test_a_file_of_somebody(cached: Cached) -> None:
    """A text in its place is not lost: --cache may have been mistyped."""
    cached.file.write_text("127.0.0.1 localhost\n", "utf-8")
    program = cached.run("--cache-after=0")
    program.shows("start one")
    program.logs("is not a cache that secretenv wrote, but text: it is neither replaced nor removed")
    program.logs("fetch ended")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.err.count("secretenv: warning: cache: ") == 1
    assert cached.file.read_text("utf-8") == "127.0.0.1 localhost\n"


def test_a_damaged_file_without_aws(cached: Cached, world: World) -> None:
    """If AWS cannot be reached either, there is no start."""
    content = cached.fill()
    cached.file.write_bytes(flipped(content))
    world.sandbox.faults.set("credentials:close")
    program = cached.run("--cache-after=0", "--start-timeout=1s")
    assert program.ends() == 125
    assert program.out == ""


OTHERS: dict[str, tuple[str, ...]] = {
    "prefix": ("--prefix=APP_",),
    "role alias": ("--role-alias=other",),
    "thing": ("--thing-name=other",),
    "requirement": ("--require=VALUE",),
    "stage": ("--version-stage=AWSPREVIOUS",),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_file_of_other_settings(cached: Cached, world: World, other: str) -> None:
    """Other settings, other values: it is not used."""
    cached.fill()
    world.sandbox.faults.set("credentials:close")
    program = cached.run("--cache-after=0", "--start-timeout=1s", *OTHERS[other])
    assert program.ends() == 125
    assert program.out == ""
    assert "secretenv: warning: cache: " in program.err


def test_a_file_of_another_device(cached: Cached, world: World, run: Callable[..., Program]) -> None:
    """Another certificate with another key cannot open it."""
    cached.fill()
    variables = world.sandbox.environment(world.sandbox.device(), secret=world.name)
    world.sandbox.faults.set("credentials:close")
    words = (f"--cache={cached.file}", "--cache-after=0", "--start-timeout=1s")
    program = run(*words, *COMMAND, variables=variables)
    assert program.ends() == 125
    assert program.out == ""


def test_a_link(cached: Cached, tmp_path: Path) -> None:
    """A symbolic link is neither followed nor replaced."""
    content = cached.fill()
    kept = cached.file.rename(tmp_path / "kept")
    cached.file.symlink_to(kept)
    program = cached.run("--cache-after=0")
    program.shows("start one")
    program.logs("secretenv: warning: cache: ")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.err.count("secretenv: warning: cache: ") == 1
    assert cached.file.is_symlink()
    assert kept.read_bytes() == content


def test_roots_that_do_not_trust(cached: Cached, tmp_path: Path) -> None:
    """Whoever answers in place of AWS, with another certificate, refuses nothing: the cache is used at once."""
    cached.fill()
    roots = tmp_path / "roots.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=portal", "-keyout", "/dev/null"]
    subprocess.run([*words, "-out", str(roots)], check=True, capture_output=True)
    program = cached.run("--cache-after=10m", f"--ca={roots}")
    program.shows("start one")
    assert "is not trusted" in program.err


# A refusal.


def test_refused(cached: Cached, world: World) -> None:
    """Where AWS refuses, there is no start, and the file is marked: AWS is asked first from then on."""
    before = cached.fill()
    world.sandbox.faults.set("credentials:status=403")
    program = cached.run()
    assert program.ends() == 125
    assert program.out == ""
    assert cached.file.read_bytes() != before
    world.sandbox.faults.clear()
    world.rotate("two")
    program = cached.run("--cache-after=0")
    program.shows("start two")
    assert "start one" not in program.out
    program.logs("the cache holds the values")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    world.sandbox.faults.set("credentials:close")
    program = cached.run("--cache-after=0")
    program.shows("start two")
    assert "trying again" not in program.err, "the mark is gone"


def test_a_marked_file_without_aws(cached: Cached, world: World) -> None:
    """It is still used where AWS cannot be reached."""
    cached.fill()
    world.sandbox.faults.set("credentials:status=403")
    assert cached.run().ends() == 125
    world.sandbox.faults.set("credentials:close")
    program = cached.run("--cache-after=0", "--start-timeout=2s")
    program.shows("start one")


def test_refused_while_it_runs(cached: Cached, world: World) -> None:
    """A command that was started at once runs on when the check after the start is refused."""
    cached.fill()
    world.sandbox.faults.set("credentials:status=403")
    program = cached.run("--cache-after=0")
    program.shows("start one")
    program.logs("the command keeps its values, ")
    program.logs("the cache holds the values")
    world.sandbox.faults.clear()
    program.send(signal.SIGUSR2)
    program.logs("AWS confirms the values of the cache")
    assert program.out.count("start") == 1


# Changes.


def test_exit_once(cached: Cached, world: World) -> None:
    """With --on-change exit the next start has the new values, so the service manager starts it once, not for ever."""
    cached.fill()
    world.rotate("two")
    words = ("--cache-after=0", "--on-change=exit")
    program = cached.run(*words)
    assert program.ends() == 75
    assert program.lines == ["start one"]
    program = cached.run(*words)
    program.logs("AWS confirms the values of the cache")
    assert program.lines == ["start two"]


def test_exit_with_a_cache_that_cannot_be_written(cached: Cached, world: World) -> None:
    """Where the next start would have the old values again, secretenv starts the command itself."""
    content = cached.fill()
    world.rotate("two")
    aside = cached.file.with_suffix(".aside")
    script = f'echo "start $VALUE"; mv {cached.file} {aside}; mkdir {cached.file}; exec sleep 1000'
    program = cached.run("--cache-after=0", "--on-change=exit", command=("--", "sh", "-c", script))
    program.shows("start two")
    assert program.err.count("secretenv: warning: cache: ") == 1
    assert aside.read_bytes() == content


def test_a_command_that_dies_of_stale_values(cached: Cached, world: World) -> None:
    """It gets fresh ones without the service manager."""
    cached.fill()
    world.rotate("two")
    world.sandbox.faults.set("secretsmanager:latency=1s")
    script = 'echo "start $VALUE"; [ "$VALUE" = one ] && exit 3; exec sleep 1000'
    program = cached.run("--cache-after=0", command=("--", "sh", "-c", script))
    program.shows("start two")
    assert program.lines == ["start one", "start two"]
    assert "the command did not survive the values of the cache (exit status 3)" in program.err


def test_a_command_that_dies_of_current_values(cached: Cached, world: World) -> None:
    """Where AWS has no fresh ones, secretenv ends as the command did."""
    cached.fill()
    program = cached.run("--cache-after=0", command=("--", "sh", "-c", 'echo "start $VALUE"; exit 3'))
    assert program.ends() == 3
    assert program.lines == ["start one"]


def test_a_bad_version_over_starts(cached: Cached, world: World) -> None:
    """A version that failed its trial stays refused when secretenv is started again."""
    cached.fill()
    script = 'trap "exit 0" TERM; echo "start $VALUE"; [ "$VALUE" = bad ] && exit 3; while :; do sleep 0.1; done'
    command = ("--", "sh", "-c", script)
    program = cached.run("--trial=2s", command=command)
    program.shows("start one")
    world.rotate("bad")
    program.send(signal.SIGUSR2)
    program.shows("start one", times=2)
    program.logs("the cache holds the values")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    for after in ("0", "10s"):
        program = cached.run(f"--cache-after={after}", "--interval=200ms", command=command)
        program.shows("start one")
        program.logs("no new version", times=3)
        assert program.lines == ["start one"]
        program.send(signal.SIGTERM)
        assert program.ends() == 0


# What is in it.


def test_files_and_optional_secrets(cached: Cached, world: World) -> None:
    """Secret files and secrets that do not exist are in it too."""
    missing = f"{world.name}/none"
    world.sandbox.secret(missing, {"A": "b"})
    world.sandbox.operator.client("secretsmanager").delete_secret(SecretId=missing)
    secrets = (f"--secret-file=TOKEN={world.name}#PASSWORD", f"--secret=?{missing}", f"--secret={world.name}")
    script = 'echo "start $VALUE"; [ "$(cat "$TOKEN")" = "$PASSWORD" ] && echo same; exec sleep 1000'
    command = ("--", "sh", "-c", script)
    program = cached.run(*secrets, command=command)
    program.logs("the cache holds the values")
    assert f"secret {missing} does not exist; it is optional" in program.err
    program.send(signal.SIGTERM)
    program.ends()
    world.sandbox.faults.set("credentials:black-hole")
    program = cached.run("--cache-after=0", *secrets, command=command)
    program.shows("same")
    assert program.lines == ["start one", "same"]
    program.send(signal.SIGTERM)
    program.ends()


def test_no_value_in_a_file(cached: Cached, tmp_path: Path) -> None:
    """The values are in no file but as ciphertext, and credentials in none at all."""
    cached.fill()
    folder = cached.file.parent
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert MARKER.encode() not in content, path
            assert b"ASIA" not in content or path.suffix in {".out", ".err"}, path
    assert cached.file.stat().st_mode & 0o777 == 0o600


def test_once(cached: Cached, world: World) -> None:
    """With --once the values are sealed before the command takes over, and used where AWS does not answer."""
    program = cached.begin(f"--cache={cached.file}", "--once", "--", "sh", "-c", 'echo "start $VALUE"')
    assert program.ends() == 0
    assert cached.file.exists()
    world.sandbox.faults.set("credentials:close")
    words = (f"--cache={cached.file}", "--once", "--cache-after=300ms")
    program = cached.begin(*words, "--", "sh", "-c", 'echo "start $VALUE"')
    assert program.ends() == 0
    assert program.lines == ["start one"]


CHILDREN = """
import os
try:
    print(os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG))
except ChildProcessError:
    print("nobody")
"""


def test_once_leaves_no_process_to_the_command(cached: Cached, world: World) -> None:
    """A fetcher that was under way when the cache was used is gone when the command takes over, its zombie too."""
    cached.fill()
    world.sandbox.faults.set("credentials:black-hole")
    words = (f"--cache={cached.file}", "--once", "--cache-after=300ms")
    program = cached.begin(*words, "--", PYTHON, "-c", CHILDREN)
    assert program.ends() == 0
    assert program.lines == ["nobody"]


def test_a_short_job(cached: Cached) -> None:
    """The values of a command that ends well before its trial is over are sealed."""
    program = cached.begin(f"--cache={cached.file}", "--", "true")
    assert program.ends() == 0
    assert cached.file.exists()


def test_memory(cached: Cached, device_run: Callable[..., Program]) -> None:
    """A run that keeps a cache takes at most 512 KiB more than one that does not."""
    cached.fill()
    kept = []
    for program in (device_run(*WORDS, *COMMAND), cached.run("--cache-after=0")):
        program.shows("start one")
        for number in range(2, 4):
            program.send(signal.SIGUSR2)
            program.logs("fetch ended", times=number)
        kept.append(int(status_of(program.pid, "VmRSS").removesuffix(" kB")))
    assert kept[1] - kept[0] <= 512, kept


# Usage.


@pytest.mark.parametrize("words", [("--once", "--cache-after=0"), ("--cache-after=soon",), ("--max-age=0",)])
def test_wrong_words(cached: Cached, words: tuple[str, ...]) -> None:
    """An error in one sentence, status 125, and no process that was started early is left."""
    program = cached.run(*words)
    assert program.ends() == 125
    assert program.out == ""
    assert "secretenv: error: settings: --" in program.err
    until(lambda: not program.family())


def test_term_while_it_is_opened(cached: Cached) -> None:
    """TERM right after the start ends it, whatever is under way, and leaves no process."""
    cached.fill()
    program = cached.run("--cache-after=0")
    program.send(signal.SIGTERM)
    assert program.ends() in {0, -signal.SIGTERM}
    until(lambda: not program.family())
