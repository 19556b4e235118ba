"""Secrets as files through the installed command: at the start, at a rotation, for a TLS server, and after the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import FAILED
from secretenv.sandbox.authority import Authority, key_pem, make_key
from tests.functional.conftest import MARKER
from tests.running import PYTHON, SECRETENV
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import SecretFile
    from tests.functional.conftest import World
    from tests.running import Program

CHECK_NOW = ("--refresh-signal=USR1", "--interval=1h")
SHOW = "import os, sys; print(*(open(p).read() for p in sys.argv[1:] or [os.environ['KEY']])); sys.stdout.flush()"
WAIT = f"{SHOW}\nimport time; time.sleep(1000)"


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a folder in memory that only this user can change; nothing may be left in it."""
    folder = Path("/dev/shm") / f"test-{os.urandom(8).hex()}"
    folder.mkdir(0o700)
    yield folder
    left = [*folder.iterdir()]
    shutil.rmtree(folder)
    assert left == []


def end(program: Program) -> None:
    """End a run as a service manager does: only then can it remove its files."""
    program.send(signal.SIGTERM)
    program.ends()


def places_of(text: str, *folders: Path) -> list[Path]:
    """Return the files below these folders that hold a text."""
    found = []
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                if path.is_file() and not path.is_symlink() and text.encode() in path.read_bytes():
                    found.append(path)
            except OSError:
                continue
    return found


def test_by_flags(device_run: Callable[..., Program], world: World, memory: Path) -> None:
    """A path and the name of a variable; the secret's other keys are variables where they are asked for."""
    words = [
        f"--secret={world.name}",
        f"--secret-file=KEY={world.name}#PASSWORD",
        f"--secret-file={memory}/all={world.name}",
    ]
    program = device_run(
        *words, "--", "sh", "-c", f'cat "$KEY"; echo; cat {memory}/all; echo; echo $VALUE; ls -L {memory}'
    )
    assert program.ends() == 0, program.err
    assert program.lines == [MARKER, world.text("one"), "one", "all"]
    assert world.reads == 1


@pytest.mark.parametrize("batch", [(), ("--batch",)], ids=["", "batch"])
def test_any_bytes(run: Callable[..., Program], world: World, memory: Path, batch: tuple[str, ...]) -> None:
    """A binary secret is there byte for byte."""
    content = bytes(range(256)) * 4
    name = f"{world.name}/binary"
    world.sandbox.secret(name, content, readable=False)
    alias = world.sandbox.alias(world.name.replace("/", "-"), secrets=["*"])
    role = f"{alias}-role"
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}'
    world.sandbox.operator.client("iam").put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=document)
    words = [f"--secret-file={memory}/binary={name}", "--file-mode=0440", *batch]
    variables = {**world.variables(alias=alias), "SECRETENV_SECRET": ""}
    program = run(
        *words, "--", "sh", "-c", f"sha256sum < {memory}/binary; stat -Lc %a {memory}/binary", variables=variables
    )
    assert program.ends() == 0, program.err
    expected = subprocess.run(["sha256sum"], input=content, capture_output=True, check=True).stdout.decode().strip()
    assert program.lines == [expected, "440"]


def test_rotation_with_a_restart(
    device_run: Callable[..., Program], world: World, memory: Path, tmp_path: Path
) -> None:
    """By the settings file: the new command finds the new files, at the same paths; at the end they are gone."""
    file = tmp_path / "config.toml"
    table = f'[[secret]]\nid = "{world.name}"\nfiles = {{VALUE = "{memory}/value", PASSWORD = "KEY"}}\n'
    file.write_text(table)
    script = f'cat {memory}/value; echo " $KEY $(cat $KEY)"; exec sleep 1000'
    more = {"SECRETENV_SECRET": "", "XDG_RUNTIME_DIR": str(memory)}
    program = device_run(f"--config={file}", "--interval=200ms", "--", "sh", "-c", script, more=more)
    program.shows("one ")
    world.rotate("two")
    program.shows("two ")
    first, second = program.lines
    assert first.split()[1:] == second.split()[1:]
    program.logs(f"files changed: {memory}/value\n")
    end(program)
    assert [*memory.iterdir()] == []


@pytest.mark.parametrize("action", ["HUP", "ignore"])
def test_rotation_without_a_restart(
    device_run: Callable[..., Program], world: World, memory: Path, action: str
) -> None:
    """With a signal, or none, the files are new before anything else happens; the command goes on."""
    script = f"trap 'cat {memory}/value; echo' HUP; echo ready; while :; do sleep 0.05; done"
    words = [f"--secret-file={memory}/value={world.name}#VALUE", f"--on-change={action}", "--interval=200ms"]
    program = device_run(*words, "--", "sh", "-c", script)
    program.shows("ready")
    world.rotate("two")
    if action == "HUP":
        program.shows("two")
        program.logs("notified with HUP; the command's variables are still those of ")
    program.logs("its files are new")
    assert (memory / "value").read_text() == "two"
    assert program.out.count("ready") == 1
    end(program)


def test_an_optional_one(run: Callable[..., Program], secret: SecretFile, memory: Path) -> None:
    """A secret that is missing makes no file and no variable; when it goes the file goes as well."""
    text = secret.path
    script = f'echo "<$KEY>" $(ls {memory}); exec sleep 1000'
    words = [f"--secret-file=?KEY=file://{text}", f"--secret-file=?{memory}/a=file://{text}", "--interval=50ms"]
    program = run(*words, "--", "sh", "-c", script, variables={"XDG_RUNTIME_DIR": "/dev/shm"})
    program.shows("</dev/shm/secretenv-")
    assert program.lines[0].endswith("/KEY> a")
    text.unlink()
    program.shows("<>\n")
    assert [path.name for path in memory.iterdir() if path.exists() and path.name[:2] != ".."] == []
    end(program)


def test_killed(run: Callable[..., Program], secret: SecretFile, memory: Path) -> None:
    """SIGKILL leaves the files; the next start removes those that it does not write itself."""
    secret.put({"VALUE": MARKER})
    more = {"XDG_RUNTIME_DIR": str(memory)}
    words = [f"--secret-file=KEY=file://{secret.path}", f"--secret-file={memory}/a/b=file://{secret.path}"]
    first = run(*words, "--", PYTHON, "-c", WAIT, variables=more)
    first.shows(MARKER)
    first.send(signal.SIGKILL)
    first.ends()
    until(lambda: not first.family())
    assert len(places_of(MARKER, memory)) == 2
    again = run(
        *words[:1], f"--secret-file={memory}/a/c=file://{secret.path}", "--", PYTHON, "-c", WAIT, variables=more
    )
    again.shows(MARKER)
    assert len(places_of(MARKER, memory)) == 2
    end(again)
    shutil.rmtree(memory / "a")  # the first run had made it
    assert [*memory.iterdir()] == []


def test_once_keeps_them_for_its_command(run: Callable[..., Program], secret: SecretFile, memory: Path) -> None:
    """With --once the command keeps the lock: another start does not remove its files, only after its end."""
    more = {"XDG_RUNTIME_DIR": str(memory)}
    words = (f"--secret-file=KEY=file://{secret.path}", "--once", "--")
    first = run(*words, PYTHON, "-c", WAIT, variables=more)
    first.shows("one")
    assert run(*words, PYTHON, "-c", SHOW, variables=more).ends() == 0
    assert len([*memory.iterdir()]) == 2
    end(first)
    other = run(words[0], "--", PYTHON, "-c", SHOW, variables=more)
    assert other.ends() == 0
    assert [*memory.iterdir()] == []


def test_on_no_disk(
    run: Callable[..., Program], start: Callable[..., Program], secret: SecretFile, tmp_path: Path
) -> None:
    """The marker is on no disk but where a file was asked for, and not there any more after the end."""
    text = f"{MARKER}-{os.urandom(8).hex()}"
    secret.put({"VALUE": text})
    target = tmp_path / "asked" / "value"
    option = f"--secret-file={target}=file://{secret.path}#VALUE"
    refused = run(option, "--", "true")
    assert refused.ends() == FAILED
    assert "is not in memory" in refused.err
    program = run(option, "--files-on-disk", "--", PYTHON, "-c", f"print(open({str(target)!r}).read() != ''); input()")
    assert program.ends() != 0  # there is no input
    assert "True" in program.out
    assert places_of(text, tmp_path) == [secret.path]
    for words in (["check"], ["run", "--dry-run", "--", "true"], ["export", "--format=json"]):
        shown = start(SECRETENV, words[0], option, *words[1:], variables={"SECRETENV_FILES_ON_DISK": ""})
        assert shown.ends() in {0, 2}, shown.err
        assert not target.parent.exists()


# For nginx, whose own folders a test must not touch.
_NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr; events {{}}
http {{
    access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{
        listen unix:{folder}/socket ssl; ssl_certificate {files}/tls.crt; ssl_certificate_key {files}/tls.key;
        return 204;
    }}
}}
"""


def served(path: Path, roots: Path) -> bytes:
    """Return the certificate that a server shows, in DER; nothing while there is none."""
    context = ssl.create_default_context(cafile=str(roots))
    try:
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(5)
            plain.connect(str(path))
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                return tls.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


@pytest.mark.skipif(shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None, reason="nginx is not here")
def test_a_tls_server(device_run: Callable[..., Program], world: World, memory: Path, tmp_path: Path) -> None:
    """A web server gets certificate and key as files, is notified with HUP, and serves the new certificate."""
    authority = Authority("test")
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authority.pem)
    (tmp_path / "nginx.conf").write_text(_NGINX.format(folder=tmp_path, files=memory))
    table = f'[[secret]]\nid = "{world.name}"\nfiles = {{cert = "{memory}/tls.crt", key = "{memory}/tls.key"}}\n'
    (tmp_path / "config.toml").write_text(table)

    def rotate() -> bytes:
        key = make_key("ec")
        certificate = authority.server(key).decode()
        world.sandbox.rotate(world.name, {"cert": certificate, "key": key_pem(key).decode()})
        return ssl.PEM_cert_to_DER_cert(certificate)

    first = rotate()
    words = [f"--config={tmp_path}/config.toml", "--on-change=HUP", *CHECK_NOW]
    nginx = ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    program = device_run(*words, "--", *nginx, more={"SECRETENV_SECRET": ""})
    until(lambda: served(tmp_path / "socket", roots) == first)
    second = rotate()
    program.send(signal.SIGUSR1)
    until(lambda: served(tmp_path / "socket", roots) == second)
    assert first != second
    end(program)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--secret-file=a.key=app"], "neither a path nor the name of a variable"),
        (["--secret-file=app"], "has no target"),
        (["--secret-file=A=app", "--secret-file=A=other"], "two secrets would be written to A"),
        (["--secret=A=app", "--secret-file=A=app"], "A cannot hold both a file's path and a secret's value"),
        (["--secret-file=A=app", "--file-mode=0666"], "not a mode for a secret"),
        (["--secret-file=A=app", "--file-mode=rw"], "not a mode for a secret"),
    ],
)
def test_bad_words(run: Callable[..., Program], words: list[str], says: str) -> None:
    """They are refused before anything starts."""
    program = run(*words, "--", "true")
    assert program.ends() == FAILED
    assert says in program.err
    assert "hint: " in program.err
