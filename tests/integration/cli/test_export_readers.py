"""The output of `export`, read by its readers: shells, python-dotenv, docker, systemd, another Python."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import random
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.cli.export import render
from secretenv.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Text that means something to some reader; each piece also comes alone, and at both ends of a value.
PIECES: list[str] = [
    *"'\"`$\\ #=;!~*?%&|<>(){}[]^-+,:@é",
    *(chr(code) for code in (*range(1, 32), *range(127, 160))),
    *(
        "\r\n",
        " #",
        "''",
        '""',
        "'\\''",
        "$$",
        "${x}",
        "${x:-y}",
        "${x-}",
        "${",
        "${=:-$}",
        "$x",
        "$(x)",
        "$((1))",
        "`x`",
    ),
    *(
        "\\n",
        "\\r",
        "\\\\",
        "\\'",
        '\\"',
        "\\u0041",
        "\\x41",
        "\\101",
        "\\N{BULLET}",
        "\\\n",
        "\nexport A=1\n",
        "%s",
        "%%",
    ),
    *("\u00a0", "\u2028", "\u2029", "\u3000", "\ufeff", "\ufffd", "\ufffe", "\ufdd0", "\U0010ffff"),
]
CANDIDATES = [["sh"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["ksh"], ["mksh"]]
SHELLS = [[path, *words[1:]] for words in CANDIDATES if (path := shutil.which(words[0]))]
ENV = shutil.which("env") or "/usr/bin/env"


def generated(count: int) -> dict[str, str]:
    """Return that many values, the same ones each time: pieces, characters of every plane, long runs."""
    chance = random.Random(20210501)
    values = [*PIECES, *(f"{piece}a" for piece in PIECES), *(f"a{piece}" for piece in PIECES)]

    def part() -> str:
        kind = chance.randrange(10)
        if kind < 5:
            return chance.choice(PIECES)
        if kind < 7:
            return chance.choice("abcxyzABC019_./-")
        if kind == 7:
            return chance.choice(PIECES) * chance.choice([2, 3, 100, 300])
        code = chance.randrange(17) << 16 | chance.randrange(0x10000)
        return "" if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)

    while len(values) < count - 1:
        values.append("".join(part() for _ in range(chance.randrange(12))))
    values.append("'\\\n" * 40_000)  # close to the 128 KiB that one variable may have
    return {f"V{number:04}": value for number, value in enumerate(values)}


VALUES = generated(1000)


def carried(variables: Mapping[str, str], form: str) -> dict[str, str]:
    """Return those of the variables that a format does not refuse."""
    able = {}
    for name, value in variables.items():
        with contextlib.suppress(ContentError):
            render({name: value}, form)
            able[name] = value
    return able


def output_of(*words: str, folder: Path, variables: Mapping[str, str] | None = None) -> bytes:
    """Return the standard output of a program, which must succeed and write nothing to standard error."""
    environment = {"PATH": os.defpath, "HOME": str(folder), **(variables or {})}
    done = subprocess.run(
        words, capture_output=True, check=False, cwd=folder, env=environment, stdin=subprocess.DEVNULL
    )
    assert not done.stderr, done.stderr.decode()
    assert done.returncode == 0
    return done.stdout


def environment_in(raw: bytes) -> dict[str, str]:
    """Return the variables in the output of `env -0`."""
    return dict(entry.decode().split("=", 1) for entry in raw.split(b"\0") if entry)


def written(folder: Path, variables: Mapping[str, str], form: str) -> Path:
    """Return a file with the variables, as `export > file` makes it."""
    path = folder / form
    path.write_bytes(render(variables, form).encode())
    return path


def test_the_values_are_what_they_should_be() -> None:
    """1,000 values with quotes, newlines, $, backticks, all control characters and every plane of Unicode."""
    everything = "".join(VALUES.values())
    assert len(VALUES) == 1000
    assert {ord(character) >> 16 for character in everything} == set(range(17))
    assert {*map(chr, range(1, 32)), *map(chr, range(127, 160)), *"'\"`$\\"} <= set(everything)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize("how", ['eval "$(cat shell)"', ". ./shell"], ids=["eval", "dot"])
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: " ".join([Path(shell[0]).name, *shell[1:]]))
def test_shells(shell: list[str], how: str, locale: str, tmp_path: Path) -> None:
    """A shell, by eval or by `.`, in any locale, gives its programs the same 1,000 values byte for byte."""
    written(tmp_path, VALUES, "shell")
    raw = output_of(*shell, "-c", f"{how}; exec {ENV} -0", folder=tmp_path, variables={"LC_ALL": locale, "x": "wrong"})
    found = environment_in(raw)
    assert {name: found.get(name) for name in VALUES} == VALUES


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here to ask for its own variables")
def test_variables_of_the_shell(tmp_path: Path) -> None:
    """A variable that bash itself uses is carried like any other, or refused."""
    own = output_of("bash", "-c", "compgen -v", folder=tmp_path).decode().split()
    able = carried(dict.fromkeys(own, "a text"), "shell")
    assert {"PATH", "IFS", "HOME", "PS4"} <= able.keys()
    assert len(able) < len(own)
    written(tmp_path, able, "shell")
    found = environment_in(output_of("bash", "-c", f". ./shell; exec {ENV} -0", folder=tmp_path))
    assert {name: found.get(name) for name in able} == able


DOTENV = {**carried({**VALUES, "a.b": "", "1ST": "x", "PEM": "-----BEGIN X-----\nMII\n"}, "dotenv"), "LAST": "it's"}


def test_what_dotenv_carries() -> None:
    """Nearly every value that has no backslash at its end, no two in a row and no carriage return is carried."""
    assert len(DOTENV) > 500
    for value in (
        r"pa\ss",
        '{\n  "private_key": "-----BEGIN-----\\nMII\\n"\n}',
        'a "b"',
        "it's",
        "$x `x` #",
        "é\u2028",
    ):
        assert carried({"A": value}, "dotenv")


def test_python_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """python-dotenv returns the same values, with its interpolation on and a variable for each name in them."""
    dotenv = pytest.importorskip("dotenv")
    monkeypatch.setenv("x", "wrong")
    assert dotenv.dotenv_values(written(tmp_path, DOTENV, "dotenv")) == DOTENV


def test_dotenv_in_a_program(tmp_path: Path) -> None:
    """load_dotenv() of a program sets the same values, in any locale and whatever its environment has."""
    pytest.importorskip("dotenv")
    script = """if True:
        import dotenv, json, os, sys
        dotenv.load_dotenv(sys.argv[1])
        print(json.dumps(dict(os.environ)))"""
    # Even a variable without a name does not get into the values.
    odd = {"LC_ALL": "C", "": "wrong", "x": "wrong"}
    path = str(written(tmp_path, DOTENV, "dotenv"))
    found = json.loads(output_of(sys.executable, "-c", script, path, folder=tmp_path, variables=odd))
    assert {name: found.get(name) for name in DOTENV} == DOTENV


@pytest.mark.skipif(not shutil.which("node"), reason="no node here")
def test_node_env_file(tmp_path: Path) -> None:
    """`node --env-file` sets the same values."""
    path = written(tmp_path, DOTENV, "dotenv")
    words = [f"--env-file={path}", "-e", "console.log(JSON.stringify(process.env))"]
    found = json.loads(output_of(str(shutil.which("node")), *words, folder=tmp_path, variables={"x": "wrong"}))
    assert {name: found.get(name) for name in DOTENV} == DOTENV


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the readers of .env files that npm has: dotenv, the oldest and the newest, and dotenvx."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("no npm here")
    folder = tmp_path_factory.mktemp("npm")
    wanted = ["dotenv@latest", "oldest@npm:dotenv@16.0.0", "@dotenvx/dotenvx@latest"]
    # The user's own cache and settings of npm: a registry may be set there.
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *wanted],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        pytest.skip("npm cannot install dotenv here")
    return folder


@pytest.mark.parametrize("package", ["dotenv", "oldest", "@dotenvx/dotenvx"])
def test_packages_of_npm(packages: Path, package: str, tmp_path: Path) -> None:
    """The dotenv of npm, the oldest and the newest, and dotenvx return the same values."""
    path = written(tmp_path, DOTENV, "dotenv")
    script = """
        const [_, reader, file] = process.argv
        console.log(JSON.stringify(require(reader).parse(require("fs").readFileSync(file, "utf8"))))"""
    words = ["-e", script, f"{packages}/node_modules/{package}", str(path)]
    found = output_of(str(shutil.which("node")), *words, folder=tmp_path, variables={"x": "wrong"})
    assert json.loads(found) == DOTENV


@pytest.mark.skipif(not shutil.which("direnv"), reason="no direnv here")
def test_direnv(tmp_path: Path) -> None:
    """Direnv reads the same values, or refuses the file where it knows no values of several lines."""

    def read(variables: Mapping[str, str]) -> dict[str, str] | None:
        path = str(written(tmp_path, variables, "dotenv"))
        words = [str(shutil.which("direnv")), "dotenv", "json", path]
        done = subprocess.run(words, capture_output=True, check=False, cwd=tmp_path)
        return json.loads(done.stdout) if done.returncode == 0 else None

    # Values with both quotes are written without any, where direnv takes no blanks.
    odd = {name for name, value in DOTENV.items() if " " in value and {"'", '"'} <= set(value)}
    able = {name: value for name, value in DOTENV.items() if "\n" not in value and name not in odd}
    assert read(able) == able
    for name in DOTENV.keys() - able.keys():
        assert read({name: DOTENV[name]}) in (None, {name: DOTENV[name]})


def test_json_in_any_locale(tmp_path: Path) -> None:
    """A program that reads the object with an ASCII locale gets the same 1,000 values."""
    script = "import json, sys; print(json.dumps(json.load(open(sys.argv[1]))))"
    ascii_only = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    path = written(tmp_path, VALUES, "json")
    assert (
        json.loads(output_of(sys.executable, "-c", script, str(path), folder=tmp_path, variables=ascii_only)) == VALUES
    )


SYSTEMD = """if True:
    import ctypes, sys
    systemd = ctypes.CDLL(sys.argv[1])
    found = ctypes.POINTER(ctypes.c_char_p)()
    assert systemd.load_env_file(None, sys.argv[2].encode(), ctypes.byref(found)) == 0
    systemd.env_assignment_is_valid.restype = ctypes.c_bool
    for entry in iter(iter(found).__next__, None):
        if systemd.env_assignment_is_valid(entry):  # else the service manager drops it
            sys.stdout.buffer.write(entry + bytes(1))
"""


def test_systemd(tmp_path: Path) -> None:
    """The parser of systemd itself returns the same value, or the format refused it."""
    places = ("lib/*/systemd", "lib/systemd", "lib64/systemd")
    libraries = [path for place in places for path in Path("/usr").glob(f"{place}/libsystemd-shared-*.so")]
    if not libraries:
        pytest.skip("no libsystemd-shared here: systemd is not installed")
    able = carried(VALUES, "systemd")
    assert len(able) > 300
    words = ["-c", SYSTEMD, str(libraries[0]), str(written(tmp_path, able, "systemd"))]
    raw = output_of(sys.executable, *words, folder=tmp_path)
    assert environment_in(raw) == able


class _Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """As much of a Docker engine as `docker create` talks to; it keeps the environments that it is sent."""

    daemon_threads = True
    environments: list[dict[str, str]]


class _Calls(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """Answer the ping, by which versions are settled."""
        self._answer(200, b"")

    def do_POST(self) -> None:
        """Create no container, but say so."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, _Engine)
        self.server.environments.append(dict(entry.split("=", 1) for entry in asked["Env"]))
        self._answer(201, b'{"Id": "0123456789ab", "Warnings": []}')

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Api-Version", "1.43")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Callable[[bytes], dict[str, str]]]:
    """Return a function that reads a file with `docker create --env-file`, through an engine of the test."""
    program = shutil.which("docker")
    if not program or not subprocess.check_output([program, "--version"]).startswith(b"Docker version"):
        pytest.skip("no docker CLI here")
    # A socket's address has room for 107 bytes, which a tmp_path can be longer than.
    with tempfile.TemporaryDirectory() as short, _Engine(f"{short}/engine", _Calls) as engine:
        engine.environments = []
        thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def read(content: bytes) -> dict[str, str]:
            (tmp_path / "docker").write_bytes(content)
            host = f"--host=unix://{short}/engine"
            output_of(program, f"--config={tmp_path}", host, "create", "--env-file=docker", "image", folder=tmp_path)
            return engine.environments.pop()

        yield read
        engine.shutdown()
        thread.join()


def test_docker(docker: Callable[[bytes], dict[str, str]]) -> None:
    """The docker CLI sends its engine the same names and values, or the format refused them."""
    able = carried({**VALUES, "my-key": "x", "ü": "x", "a\u00a0b": "", "LONG": "x" * 65530}, "docker")
    assert len(able) > 300
    assert "LONG" in able
    assert docker(render(able, "docker").encode()) == able
    with pytest.raises(AssertionError, match="token too long"):
        docker(b"LONG=" + b"x" * 65531)
