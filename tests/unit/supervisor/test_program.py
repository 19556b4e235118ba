"""The program to run: where it is found, and what the system allows."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import CommandError, CommandNotFoundError
from secretenv.supervisor import program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return a PATH of three folders: with a folder `app`, a text `app` and a program `app` in them."""
    (tmp_path / "one" / "app").mkdir(parents=True)
    for name, mode in (("two", 0o644), ("three", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app").touch(mode)
    return os.pathsep.join(str(tmp_path / name) for name in ("one", "two", "three"))


def test_the_first_file_that_can_be_executed_is_run(path: str) -> None:
    """PATH is searched as execvp(3) does: what cannot be executed is passed over."""
    assert program.find("app", path) == f"{path.split(os.pathsep)[2]}/app"


def test_a_file_that_is_no_program_is_named(path: str, tmp_path: Path) -> None:
    """Where there is no better one, the first file of that name that cannot be executed is the error: 126."""
    (tmp_path / "four").mkdir()
    (tmp_path / "four" / "app").touch(0o644)
    for folders in ("two", "two:four"):
        with pytest.raises(CommandError, match="two/app: permission denied"):
            program.find("app", ":".join(str(tmp_path / name) for name in folders.split(":")))
    with pytest.raises(CommandError, match="one/app: is a directory"):
        program.find(str(tmp_path / "one" / "app"), path)


def test_a_folder_of_that_name_cannot_be_executed(tmp_path: Path, path: str) -> None:
    """A folder in PATH that has the command's name is refused like a file that may not be executed: 126."""
    with pytest.raises(CommandError, match="one/app: is a directory"):
        program.find("app", f"{tmp_path}/nowhere:{tmp_path}/one:{tmp_path}/two")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Return a folder of things that are no programs, each in a folder of its own too, to be one of PATH."""
    for name in ("folder", "fifo", "dangling", "loop", "plain"):
        (tmp_path / name).mkdir()
    (tmp_path / "folder/app").mkdir()
    os.mkfifo(tmp_path / "fifo/app")
    (tmp_path / "dangling/app").symlink_to("nowhere")
    (tmp_path / "loop/app").symlink_to("app")
    (tmp_path / "plain/app").touch(0o644)
    (tmp_path / "file").touch()
    (tmp_path / "good").mkdir()
    (tmp_path / "good/app").write_text("#!/bin/sh\n", "utf-8")
    (tmp_path / "good/app").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("last", ["", "nowhere", "good", "file"])
@pytest.mark.parametrize("first", ["folder", "fifo", "dangling", "loop", "plain", "file", "nowhere", ""])
def test_as_env_says(odd: Path, monkeypatch: pytest.MonkeyPatch, first: str, last: str) -> None:
    """Whatever is in PATH, an empty entry for the working directory too: found, 126 or 127 as env(1) and execvp(3)."""
    monkeypatch.chdir(odd / "dangling")
    for folders in ([first, last], [last, first], [first]):
        path = os.pathsep.join(str(odd / name) if name else "" for name in folders)
        assert (
            _as_env("app", path)
            == subprocess.run(
                ["env", "app"], env={"PATH": path}, check=False, executable="/usr/bin/env", stderr=subprocess.DEVNULL
            ).returncode
        )


@pytest.mark.parametrize(
    "name", ["folder/app", "fifo/app", "dangling/app", "loop/app", "plain/app", "file/app", "x" * 300]
)
def test_a_path_as_env_says(odd: Path, name: str) -> None:
    """The same for a name with a slash, for a name that is too long, and without a PATH."""
    for command, path in ((str(odd / name), "/"), (name.rpartition("/")[2], None)):
        variables = {} if path is None else {"PATH": path}
        expected = subprocess.run(
            ["/usr/bin/env", command], env=variables, check=False, stderr=subprocess.DEVNULL
        ).returncode
        assert _as_env(command, path) == expected


def _as_env(command: str, path: str | None) -> int:
    try:
        program.find(command, path)
    except (CommandError, CommandNotFoundError) as error:
        return error.status
    return 0


@pytest.mark.parametrize(
    ("command", "says", "hint"),
    [
        ("nowhere", "nowhere: not found in PATH", "check its name"),
        ("./nowhere", "./nowhere: not found", "check its name"),
        ("sleep 0", "sleep 0: not found", "not run by a shell"),
        ("a\0b", "a\0b: not found in PATH", "check its name"),
        ("", "the command is an empty string", "give a program name"),
        ("eval", "eval: not found in PATH; it is part of a shell's language, not a program", "sh -c '...'"),
        ("source", "source: not found in PATH; it is part of a shell's language, not a program", "sh -c '...'"),
        ("[[", "[[: not found in PATH; it is part of a shell's language, not a program", "sh -c '...'"),
        ("A=x", "A=...: not found in PATH; it is part of a shell's language, not a program", "env in front"),
        ("a-b=x", "a-b=x: not found in PATH", "check its name"),
        ("evaluate", "evaluate: not found in PATH", "check its name"),
    ],
)
def test_what_is_said_of_no_program(command: str, says: str, hint: str) -> None:
    """The error names the command as it was given, and the next step."""
    with pytest.raises(CommandNotFoundError) as caught:
        program.find(command, None)
    assert caught.value.message == says
    assert hint in caught.value.hint


def test_a_variable_that_is_too_large() -> None:
    """One variable may have 128 KiB with its name, the sign and the final NUL."""
    program.check_size(["app"], {b"BIG": b"x" * ((128 << 10) - 5)})
    with pytest.raises(CommandError, match="the variable BIG is 131073 bytes long") as caught:
        program.check_size(["app"], {b"BIG": b"x" * ((128 << 10) - 4)})
    assert caught.value.link == "environment"


def test_an_environment_that_is_too_large() -> None:
    """All together may have a quarter of the stack limit, 6 MiB at most and 128 KiB at least."""
    many = {b"%d" % number: b"x" * (100 << 10) for number in range(70)}
    with pytest.raises(CommandError, match="the command's environment and arguments are"):
        program.check_size(["app"], many)
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    few = {b"A": b"x" * (120 << 10), b"B": b"x" * (120 << 10)}
    program.check_size(["app"], few)
    resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, hard))
    try:
        with pytest.raises(CommandError, match="the system allows at most 126976"):
            program.check_size(["app"], few)
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


@pytest.mark.parametrize(
    ("number", "says", "status"),
    [
        (errno.ENOENT, "/app: no such file or directory, or its interpreter is missing", 127),
        (errno.EACCES, "/app: permission denied", 126),
    ],
)
def test_a_refusal_of_the_kernel(number: int, says: str, status: int) -> None:
    """A file that was found and is refused: 127 where something of it is missing, else 126."""
    refused = program.refusal("/app", number)
    assert (refused.message, refused.status) == (says, status)
