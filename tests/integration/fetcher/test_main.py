"""The fetcher as a process: its answer, its silence and what it imports."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from secretenv.protocol import read_answer
from tests.waiting import until

from .fetching import FOLDER, MARKER, device, fetch, secret, start, task

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a secret's file."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps({"A": MARKER, "B": 1}))
    return path


def test_file(file: Path) -> None:
    """A file:// secret needs no AWS; its version is a hash of the content."""
    name = f"file://{file}"
    found = fetch(device(), secret(name))
    assert found.answer.variables == {"A": MARKER, "B": "1"}
    assert found.answer.origins == {"A": name, "B": name}
    assert found.answer.versions == {name: hashlib.sha256(file.read_bytes()).hexdigest()}
    assert found.answer.credentials is None
    assert found.steps == [("file", name), ("content", "")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param(b"\xff\xfe", "is not UTF-8 text", id="no text"),
        pytest.param(b"{" + b" " * (1 << 20) + b"}", "is larger than 1 MiB", id="too large"),
        pytest.param("folder", "cannot be read: not a regular file, but a directory", id="a folder"),
        pytest.param("fifo", "cannot be read: not a regular file, but a FIFO", id="a FIFO without a writer"),
    ],
)
def test_files_that_cannot_be_secrets(tmp_path: Path, content: bytes | str | None, words: str) -> None:
    """A file that is missing, unreadable or no text is an error that names it."""
    path = tmp_path / "secret"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir() if content == "folder" else os.mkfifo(path)
    error = fetch(device(), secret(f"file://{path}")).error
    assert words in error.message
    assert str(path) in error.message
    assert (error.link, error.transient) == ("file", False)
    assert error.hint


def test_content(file: Path) -> None:
    """A secret that cannot become variables is an error without its value."""
    file.write_text(f'{{"A": "{MARKER}", "A": "{MARKER}"}}')
    assert fetch(device(), secret(f"file://{file}")).error.link == "content"


def test_one_secret_with_two_stages(file: Path) -> None:
    """Each stage of a secret has its own version."""
    name = f"file://{file}"
    found = fetch(device(), secret(name), secret(name, version_stage="AWSPREVIOUS", prefix="OLD_"))
    assert set(found.answer.versions) == {name, f"{name} (AWSPREVIOUS)"}
    assert set(found.answer.variables) == {"A", "B", "OLD_A", "OLD_B"}


def test_light_with_files_alone(file: Path) -> None:
    """With file:// secrets alone nothing is imported that speaks to a network."""
    at_the_end = (
        "import os; end = os._exit\n"
        "def check(status):\n"
        "    heavy = {'requests', 'boto3', 'botocore', 'urllib3', 'ssl', 'socket', 'logging'} & set(sys.modules)\n"
        "    end(len(heavy))\n"
        "os._exit = check"
    )
    fetch(device(), secret(f"file://{file}"), program=at_the_end)


def test_what_the_supervisor_imports_of_it() -> None:
    """Reading an answer needs nothing heavy."""
    heavy = {"typing", "dataclasses", "ssl", "socket", "requests", "boto3", "logging", "threading"}
    program = (
        f"import sys; sys.path.insert(0, {FOLDER!r}); import secretenv.protocol; print(set(sys.modules) & {heavy!r})"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_stray_prints(file: Path) -> None:
    """A library's prints do not get into the answer."""
    program = (
        "from secretenv.fetcher import file_secret\n"
        "read = file_secret.read\n"
        "file_secret.read = lambda secret: print('noise', flush=True) or read(secret)"
    )
    process = start(task(device(), secret(f"file://{file}")), program)
    stdout, stderr = process.communicate(timeout=30)
    assert stderr == b"noise\n"
    assert read_answer(stdout).variables["B"] == "1"


@pytest.mark.parametrize("kind", ["ValueError", "SystemExit", "KeyboardInterrupt", "RecursionError"])
def test_defects(file: Path, kind: str) -> None:
    """An unexpected exception is reported by its type and place, and nothing of its text, which may hold a value."""
    program = "from secretenv.fetcher import file_secret\n"
    program += f"def broken(*_): raise {kind}({MARKER!r})\nfile_secret.read = broken"
    process = start(task(device(), secret(f"file://{file}")), program)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, b"")
    error = read_answer(stdout).error
    assert error is not None
    assert (error.link, error.transient) == ("fetcher", True)
    assert f"unexpected {kind} at fetcher/fetch.py:" in error.message
    assert MARKER.encode() not in stdout


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b"null", b'{"device": {}, "secrets": [], "credentials": null}'])
def test_task_that_cannot_be_read(given: bytes) -> None:
    """A task that cannot be read is an answer too."""
    process = start(given)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, b"")
    error = read_answer(stdout).error
    assert error is not None
    assert (error.link, error.transient) == ("fetcher", True)


def test_no_memory(file: Path) -> None:
    """A fetcher without memory is transient and says so, whichever room found none: here the file is not to blame."""
    program = "import os\ndef fail(*_): raise OSError(12, 'Cannot allocate memory')\n"
    program += "from secretenv import files; files.os = type('', (), {**vars(os), 'open': fail})"
    error = fetch(device(), secret(f"file://{file}"), program=program).error
    assert (error.link, error.transient) == ("fetcher", True)
    assert error.message == "the fetcher ran out of memory"


def test_no_room_for_the_answer(tmp_path: Path) -> None:
    """`ulimit -f` below the size of the answer is said, as a fault of the system that no retry can help."""
    big = tmp_path / "big.json"
    big.write_text(json.dumps({"BIG": "x" * 2000}))
    program = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    answer = tmp_path / "answer"
    with answer.open("wb") as out:
        process = start(task(device(), secret(f"file://{big}")), program, answer=out)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, b"")
    error = read_answer(answer.read_bytes()).error
    assert error is not None
    assert (error.link, error.transient) == ("fetcher", False)
    assert error.message == "the fetcher could not write its answer: File too large"
    assert "ulimit -f" in error.hint


def test_budget(file: Path) -> None:
    """A fetch that takes longer than its budget is a transient error that names the step, or the file."""
    program = "import threading; from secretenv.fetcher import file_secret\n"
    program += "file_secret.read = lambda secret: threading.Event().wait()"
    error = fetch(device(), secret(f"file://{file}"), program=program, how="main(budget=0.1)").error
    assert (error.link, error.transient) == ("file", True)
    assert error.message == f"{file} was not read within 0.1 s"


def test_killed(tmp_path: Path, file: Path) -> None:
    """A fetcher that is killed is blamed on the step that it had come to."""
    program = "import threading; from secretenv.fetcher import file_secret\n"
    program += "file_secret.read = lambda _: threading.Event().wait()"
    answer = tmp_path / "answer"
    with answer.open("wb") as out:
        process = start(task(device(), secret(f"file://{file}")), program, answer=out)
    until(lambda: b"file" in answer.read_bytes(), what="the step is written")
    process.kill()
    _, stderr = process.communicate()
    assert stderr == b""
    error = read_answer(answer.read_bytes(), "signal 9").error
    assert error is not None
    assert (error.link, error.transient) == ("file", True)
    assert error.message.endswith("signal 9")


def test_not_dumpable(file: Path) -> None:
    """The process leaves no core, and no other process of the user can look into it."""
    program = (
        "import ctypes, os; from secretenv.fetcher import file_secret\n"
        "file_secret.read = lambda _: os._exit(40 + ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"  # PR_GET_DUMPABLE
    )
    process = start(task(device(), secret(f"file://{file}")), program)
    process.communicate(timeout=30)
    assert process.returncode == 40
