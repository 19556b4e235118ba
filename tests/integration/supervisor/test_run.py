"""`secretenv run` with a secret in a file: the command and everything about it are real, only AWS is absent."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import CHILD, PYTHON, SECRETENV, Program
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile


def test_command_gets_exactly_the_keys_of_the_secret(start: Callable[..., Program], tmp_path: Path) -> None:
    """`env -i secretenv run --once` gives the command the secret's keys and nothing else, not even LC_CTYPE."""
    file = tmp_path / "s.json"
    file.write_text('{"ALPHA": "1", "BETA": "two words"}')
    program = start(
        "/usr/bin/env", "-i", SECRETENV, "run", "--once", "--secret", f"file://{file}", "--", "/usr/bin/env"
    )
    assert program.ends() == 0
    assert sorted(program.lines) == ["ALPHA=1", "BETA=two words"]
    assert program.err == ""


def test_supervised_command_inherits_all_but_our_own_settings(run: Callable[..., Program], secret: SecretFile) -> None:
    """The command inherits everything but SECRETENV_*."""
    variables = {"SECRETENV_LOG_LEVEL": "debug", "OTHER": "kept"}
    program = run(secret.option, "--", "/usr/bin/env", variables=variables)
    assert program.ends() == 0
    names = {line.partition("=")[0] for line in program.lines}
    assert names == {"PATH", "HOME", "TEST_MARK", "TMPDIR", "OTHER", "VALUE"}


@pytest.mark.parametrize("once", [[], ["--once"]], ids=["supervised", "once"])
def test_arguments_reach_the_command_untouched(
    run: Callable[..., Program], secret: SecretFile, once: list[str]
) -> None:
    """COMMAND is executed as given: no shell, no re-quoting; options end at the first word that is not one."""
    words = [
        "a b",
        "",
        "$HOME",
        "'single'",
        '"double"',
        "back\\slash",
        "--interval",
        "--",
        "-x",
        "naïve ☃",
        "new\nline",
    ]
    script = "import os,sys; sys.stdout.write(repr([os.fsencode(w) for w in sys.argv[1:]]))"
    program = run(secret.option, *once, "--", PYTHON, "-c", script, *words)
    assert program.ends() == 0
    assert program.out == repr([os.fsencode(word) for word in words])


def test_bytes_that_are_no_text_reach_the_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """Arguments are bytes to the system, and stay the same bytes."""
    program = run(secret.option, "--", "/usr/bin/printf", "%s", os.fsdecode(b"\xff\xfe"))
    assert program.ends() == 0
    assert os.fsencode(program.out) == b"\xff\xfe"


def test_once_keeps_the_pid(run: Callable[..., Program], secret: SecretFile) -> None:
    """`run --once` replaces this process by the command (exec)."""
    program = run(secret.option, "--once", "--", PYTHON, CHILD, "--show", "VALUE", "--status", "3")
    assert program.ends() == 3
    assert program.lines == [f"ready {program.pid} VALUE=one"]


@pytest.mark.parametrize("once", [[], ["--once"]], ids=["supervised", "once"])
def test_the_command_is_no_subreaper(run: Callable[..., Program], secret: SecretFile, once: list[str]) -> None:
    """What secretenv is for itself the command is not: orphans go where they would without secretenv."""
    script = "import ctypes; n = ctypes.c_int(7); ctypes.CDLL(None).prctl(37, ctypes.byref(n)); print(n.value)"
    program = run(secret.option, *once, "--", PYTHON, "-c", script)  # 37: PR_GET_CHILD_SUBREAPER
    assert program.ends() == 0, program.err
    assert program.out == "0\n"


def test_new_version_restarts_the_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """A new version: the old command is dead before the new one starts, and secretenv keeps its pid."""
    program = run(secret.option, "--interval=100ms", "--", PYTHON, CHILD, "--show", "VALUE")
    program.shows("ready")
    secret.put({"VALUE": "two"})
    program.shows("VALUE=two")
    first, second = (line.split()[1] for line in program.lines if line.startswith("ready"))
    assert program.lines == [f"ready {first} VALUE=one", "got TERM", "bye", f"ready {second} VALUE=two"]
    assert first != second
    assert program.process.poll() is None
    program.send(signal.SIGTERM)
    assert program.ends() == 0


def test_an_equal_version_does_not_restart(run: Callable[..., Program], secret: SecretFile) -> None:
    """Only a changed version restarts; a file's version is a hash of its content."""
    program = run(secret.option, "--interval=50ms", "--log-level=debug", "--", PYTHON, CHILD)
    program.shows("ready")
    program.logs("no new version", times=2)
    secret.put({"VALUE": "one"})
    program.logs("no new version", times=program.err.count("no new version") + 2)
    assert program.out.count("ready") == 1


def test_missing_settings_are_named_in_one_error(start: Callable[..., Program]) -> None:
    """Every missing setting is named in one error, with where it can come from; status 125."""
    program = start(SECRETENV, "run", "--", "true")
    assert program.ends() == 125
    for name in ("CERT", "KEY", "ENDPOINT", "ROLE_ALIAS", "SECRET"):
        assert f"--{name.lower().replace('_', '-')}" in program.err
        assert f"SECRETENV_{name}" in program.err
    assert "hint:" in program.err
    assert "Traceback" not in program.err


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        pytest.param(["nowhere-at-all"], 127, "not found", id="not-found"),
        pytest.param(["/nowhere/at/all"], 127, "not found", id="path-not-found"),
        pytest.param(["/tmp"], 126, "/tmp: is a directory", id="directory"),
        pytest.param(["./plain"], 126, "permission denied", id="not-executable"),
        pytest.param(["./orphan"], 127, "interpreter is missing", id="interpreter-missing"),
        pytest.param(["./script"], 0, "", id="script-without-first-line"),
        pytest.param([""], 127, "empty string", id="empty"),
        pytest.param([" "], 127, "not found", id="blank"),
        pytest.param(["eval", "date"], 127, "hint: use sh -c '...'", id="a-word-of-the-shell"),
        pytest.param(
            ["sleep 0"], 127, "not run by a shell: pass each word as its own argument", id="a-line-in-one-word"
        ),
    ],
)
@pytest.mark.parametrize("once", [[], ["--once"]], ids=["supervised", "once"])
def test_status_of_a_command_that_cannot_be_started(
    run: Callable[..., Program],
    secret: SecretFile,
    tmp_path: Path,
    words: list[str],
    status: int,
    says: str,
    once: list[str],
) -> None:
    """126 cannot be executed; 127 not found; a script without #! goes to the shell, as from any execvp."""
    (tmp_path / "plain").write_text("text")
    for name, text in {"orphan": "#!/nowhere/sh\n", "script": "exit 0\n"}.items():
        file = tmp_path / name
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    program = run(secret.option, *once, "--", *words)
    assert program.ends() == status
    assert says in program.err
    assert "Traceback" not in program.err


def test_a_hostile_module_in_the_working_directory_is_not_imported(
    start: Callable[..., Program], secret: SecretFile, tmp_path: Path
) -> None:
    """Nothing is imported from the working directory or from PYTHONPATH, whichever way secretenv is started."""
    for name in ("requests", "boto3", "typer", "signal", "json", "ssl", "certifi", "sitecustomize2"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\nraise SystemExit(99)\n")
    for words in ([SECRETENV], [PYTHON, "-m", "secretenv"]):
        for variables in ({}, {"PYTHONPATH": str(tmp_path)}):
            if variables and words[0] == PYTHON:
                continue  # -m itself imports from PYTHONPATH before any line of ours
            program = start(*words, "run", "--once", secret.option, "--", "true", variables=variables)
            assert program.ends() == 0, program.err
    assert not (tmp_path / "imported").exists()


def test_supervisor_is_small_and_alone(run: Callable[..., Program], secret: SecretFile) -> None:
    """Between checks only the supervisor and the command live; it has one thread and no libssl."""
    program = run(secret.option, "--", PYTHON, CHILD)
    program.shows("ready")
    until(lambda: len(program.family()) == 2)
    process = Path("/proc") / str(program.pid)
    assert "Threads:\t1\n" in (process / "status").read_text()
    maps = (process / "maps").read_text()
    assert "libssl" not in maps
    assert "libcrypto" not in maps
    assert "_ssl" not in maps


def test_supervisor_imports_the_standard_library_only(start: Callable[..., Program], secret: SecretFile) -> None:
    """What the supervisor process has imported, when it ends, is the standard library and the light rooms of ours."""
    script = """if True:
        import os, sys
        leave = os._exit
        def show(status):
            os.write(1, f"{os.getpid()} {' '.join(sorted(sys.modules))}\\n".encode())
            leave(status)
        os._exit = show
        from secretenv.__main__ import main
        main()
    """
    program = start(PYTHON, "-c", script, "run", secret.option, "--", "true")
    assert program.ends() == 0
    (line,) = (line for line in program.lines if line.startswith(f"{program.pid} "))
    modules = set(line.split()[1:])
    foreign = {name for name in modules if name.partition(".")[0] not in {*sys.stdlib_module_names, "secretenv"}}
    # What the installation's .pth files import at the start of every interpreter is not ours.
    bare = start(PYTHON, "-c", "import sys; print(*sys.modules)")
    bare.ends()
    assert foreign - set(bare.out.split()) == set()
    heavy = {"ssl", "socket", "typing", "dataclasses", "logging", "subprocess", "random", "datetime", "asyncio"}
    assert modules & heavy <= set(bare.out.split())


def test_a_command_that_ends_ends_secretenv(run: Callable[..., Program], secret: SecretFile) -> None:
    """A command that exits by itself ends secretenv with its status."""
    assert run(secret.option, "--", "sh", "-c", "exit 41").ends() == 41


def test_death_by_a_signal_is_passed_on(run: Callable[..., Program], secret: SecretFile) -> None:
    """Killed by signal N: secretenv dies of the same signal."""
    assert run(secret.option, "--", "sh", "-c", "kill -KILL $$").ends() == -signal.SIGKILL
