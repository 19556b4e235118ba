"""`secretenv sandbox` as a process: what it prints, what its command gets, how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from secretenv.errors import CommandNotFoundError
from secretenv.sandbox.command import serve
from secretenv.sandbox.faults import FORMS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = [
    sys.executable,
    "-c",
    "import sys; from secretenv.sandbox.command import serve; sys.exit(serve(sys.argv[1:]))",
]

READ = """
import os, sys, boto3, requests
env = os.environ
url = f"https://{env['SECRETENV_ENDPOINT']}/role-aliases/{env['SECRETENV_ROLE_ALIAS']}/credentials"
got = requests.get(url, cert=(env["SECRETENV_CERT"], env["SECRETENV_KEY"]), verify=env["SECRETENV_CA"], timeout=20)
keys = got.json()["credentials"]
client = boto3.client("secretsmanager", region_name=env["SECRETENV_REGION"], aws_access_key_id=keys["accessKeyId"],
                      aws_secret_access_key=keys["secretAccessKey"], aws_session_token=keys["sessionToken"])
print(client.get_secret_value(SecretId=env["SECRETENV_SECRET"])["SecretString"])
"""

# Ends with 40 and the number of INTs that came within a second; 0 if the sandbox was gone by then.
COUNT = """
import os, signal, sys
if sys.argv[1] == "apart":
    os.setpgid(0, 0)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("ready", flush=True)
count = 0
while signal.sigtimedwait([signal.SIGINT], 1):
    count += 1
raise SystemExit(40 + count if os.path.exists(os.environ["SECRETENV_CERT"]) else 0)
"""


@pytest.fixture
def surroundings() -> dict[str, str]:
    """An environment without AWS or secretenv settings, and a broken profile that must not matter."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "SECRETENV_"))}
    return {**kept, "AWS_PROFILE": "there-is-none"}


@contextmanager
def serving(surroundings: dict[str, str], *command: str) -> Iterator[subprocess.Popen[str]]:
    """Run the sandbox; a test that fails leaves no process behind, and one that is done with it no folder."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*SERVE, *command], env=surroundings, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
            process.terminate()
            process.wait(20)
        finally:
            process.kill()


def printed(process: subprocess.Popen[str]) -> tuple[list[str], dict[str, str]]:
    """Read what it prints: the comments, and the variables as a shell understands them."""
    assert process.stdout
    lines: list[str] = []
    while not lines or "AWS_ENDPOINT_URL_SECRETS_MANAGER" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr and process.stderr.read()
    exports = "".join(line for line in lines if line.startswith("export "))
    shell = subprocess.run(
        ["env", "-i", "/bin/sh", "-c", exports + "exec env -0"], check=True, capture_output=True, text=True
    )
    variables = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    return [line for line in lines if line.startswith("#")], {
        name: text for name, text in variables.items() if name.startswith(("SECRETENV_", "AWS_"))
    }


def read_secret(surroundings: dict[str, str], variables: dict[str, str]) -> dict[str, str]:
    """Read the secret as a device with these variables does."""
    clean = {name: text for name, text in surroundings.items() if name != "AWS_PROFILE"}
    words = [sys.executable, "-c", READ]
    done = subprocess.run(words, env={**clean, **variables}, check=True, capture_output=True, text=True)
    content: dict[str, str] = json.loads(done.stdout)
    return content


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_a_signal(surroundings: dict[str, str], number: signal.Signals) -> None:
    """Without a command it prints the variables, serves, and ends with 0 and nothing left behind."""
    with serving(surroundings) as process:
        _comments, variables = printed(process)
        folder = Path(variables["SECRETENV_CERT"]).parent
        assert read_secret(surroundings, variables)["GREETING"] == "hello"

        process.send_signal(number)

        assert process.wait(20) == 0
        assert process.stderr
        assert process.stderr.read() == ""
    assert not folder.exists()


def test_a_signal_during_the_start_ends_it_too(surroundings: dict[str, str]) -> None:
    """A Ctrl-C that comes before the variables are printed does not tear the start apart."""
    with serving(surroundings) as process:
        until(lambda: "SigBlk:\t0000000000000000" not in Path(f"/proc/{process.pid}/status").read_text())
        process.send_signal(signal.SIGINT)

        assert process.wait(20) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_the_printed_line_rotates_the_secret(surroundings: dict[str, str]) -> None:
    """The command of the first comment, pasted into another shell, makes a new version."""
    with serving(surroundings) as process:
        comments, variables = printed(process)
        found = re.search(r"a new version: (.*)$", comments[0])
        assert found

        done = subprocess.run(
            ["/bin/sh", "-c", found[1]], env=surroundings, check=False, capture_output=True, text=True
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert read_secret(surroundings, variables)["GREETING"] == "hello again"


def test_the_aws_cli_rotates_the_secret(surroundings: dict[str, str], tmp_path: Path) -> None:
    """The line for the aws CLI has all that it needs; proved by a stand-in that takes its options."""
    stand_in = tmp_path / "aws"
    stand_in.write_text(
        f"#!{sys.executable}\n"
        "import sys, boto3\n"
        "options = dict(zip(sys.argv[3::2], sys.argv[4::2]))\n"
        "client = boto3.client(sys.argv[1], endpoint_url=options['--endpoint-url'], region_name=options['--region'])\n"
        "getattr(client, sys.argv[2].replace('-', '_'))("
        "SecretId=options['--secret-id'], SecretString=options['--secret-string'])\n"
    )
    stand_in.chmod(0o755)
    clean = {name: text for name, text in surroundings.items() if name != "AWS_PROFILE"}
    with serving(surroundings) as process:
        comments, variables = printed(process)
        line = comments[1].removeprefix("# or: ")
        assert "aws secretsmanager put-secret-value" in line

        subprocess.run(
            ["/bin/sh", "-c", line], env={**clean, "PATH": f"{tmp_path}:{os.defpath}"}, check=True, capture_output=True
        )

        assert read_secret(surroundings, variables)["GREETING"] == "hello again"


def test_the_command_gets_the_variables(surroundings: dict[str, str]) -> None:
    """With a command: what a device sets and the way to rotate are added, no operator's keys, nothing is printed."""
    show = f'test -e "$SECRETENV_CERT" && exec {shutil.which("env")}'
    done = subprocess.run(
        [*SERVE, "sh", "-c", show], env=surroundings, check=True, capture_output=True, text=True, timeout=60
    )
    got = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    assert {name for name in got if name.startswith(("SECRETENV_", "AWS_", "SANDBOX_"))} == {
        "SECRETENV_CERT",
        "SECRETENV_KEY",
        "SECRETENV_CA",
        "SECRETENV_ENDPOINT",
        "SECRETENV_ROLE_ALIAS",
        "SECRETENV_REGION",
        "SECRETENV_SECRET",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_PROFILE",  # the caller's own
        "SANDBOX_FAULTS",
        "SANDBOX_ROTATE",
    }
    assert done.stderr == ""
    assert not Path(got["SECRETENV_CERT"]).parent.exists()


def test_the_command_can_rotate(surroundings: dict[str, str]) -> None:
    """`sh "$SANDBOX_ROTATE" VALUE` makes a new version from within the command."""
    script = 'sh "$SANDBOX_ROTATE" \'{"GREETING": "it\'\\\'\'s new"}\' >/dev/null && unset AWS_PROFILE && exec '
    words = [*SERVE, "sh", "-c", script + '"$@"', "sh", sys.executable, "-c", READ]
    done = subprocess.run(words, env=surroundings, check=False, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"GREETING": "it's new"}


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_it_ends_with_the_commands_status(surroundings: dict[str, str], script: str, status: int) -> None:
    """The status is the command's own, 128+N if signal N killed it."""
    assert subprocess.run([*SERVE, "sh", "-c", script], env=surroundings, check=False, timeout=60).returncode == status


def test_a_signal_is_passed_on_to_the_command(surroundings: dict[str, str]) -> None:
    """TERM reaches the command, whose answer decides; everything is removed afterwards."""
    script = 'trap "exit 9" TERM; echo "$SECRETENV_CERT"; while :; do sleep 1; done'
    with serving(surroundings, "sh", "-c", script) as process:
        assert process.stdout
        certificate = Path(process.stdout.readline().strip())
        assert certificate.exists()

        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 9
    assert not certificate.parent.exists()


@pytest.mark.parametrize(("group", "status"), [("ours", 41), ("apart", 40)])
def test_ctrl_c_of_the_terminal_is_the_commands(surroundings: dict[str, str], group: str, status: int) -> None:
    """Ctrl-C reaches the command from the terminal alone, and the sandbox stays until the command has ended."""
    primary, replica = os.openpty()
    seen: list[bytes] = []
    # The first terminal that a session leader opens becomes its controlling terminal.
    begin = ["sh", "-c", 'exec 0<>"$0" 1>&0 2>&0; exec "$@"', os.ttyname(replica)]
    with subprocess.Popen(
        [*begin, *SERVE, sys.executable, "-c", COUNT, group], env=surroundings, start_new_session=True
    ) as process:
        try:
            os.set_blocking(primary, False)
            until(lambda: b"ready" in _shown(primary, seen), what="the command's ready")
            os.write(primary, b"\x03")

            assert process.wait(20) == status
        finally:
            process.kill()
            os.close(primary)
            os.close(replica)


def _shown(terminal: int, seen: list[bytes]) -> bytes:
    """Return what a terminal has shown by now."""
    with suppress(BlockingIOError):
        seen.append(os.read(terminal, 1024))
    return b"".join(seen)


def test_a_command_that_is_not_there() -> None:
    """A command that cannot be found is an error before anything starts."""
    with pytest.raises(CommandNotFoundError, match="no-such-command"):
        serve(["no-such-command"])


def test_without_the_extra() -> None:
    """Where moto is not installed the error names the extra to install."""
    program = (
        "import sys; sys.modules['moto'] = None\n"
        "from secretenv.errors import SecretenvError\n"
        "try:\n    import secretenv.sandbox.command\n"
        "except SecretenvError as error:\n    print(error.message, '|', error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert "moto" in done.stdout.partition("|")[0]
    assert "pip install '.[sandbox]'" in done.stdout.partition("|")[2]


# Says the status of an answer of Secrets Manager before and after the faults are switched off, and after a line that
# is no fault.
SWITCH = """
import os, urllib.error, urllib.request
def status():
    try:
        urllib.request.urlopen(urllib.request.Request(os.environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"]))
    except urllib.error.HTTPError as error:
        return error.code
for text in (None, "", "nonsense\\nsecretsmanager:status=429\\n"):
    if text is not None:
        with open(os.environ["SANDBOX_FAULTS"], "w") as file:
            file.write(text)
    print(status(), status())
"""


SERVE_FAULTY = (
    "import sys; from secretenv.sandbox.command import serve; sys.exit(serve(sys.argv[2:], sys.argv[1].split()))"
)


def test_help_on_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """`--fault help` lists the faults and starts nothing."""
    assert serve(["false"], ["help"]) == 0
    assert set(FORMS.values()) <= set(capsys.readouterr().out.split())


def test_serve_with_faults(surroundings: dict[str, str]) -> None:
    """`serve` begins with the faults that are given, and COMMAND switches them by the file SANDBOX_FAULTS."""
    words = [
        sys.executable,
        "-c",
        SERVE_FAULTY,
        "secretsmanager:status=503 credentials:close",
        sys.executable,
        "-c",
        SWITCH,
    ]
    done = subprocess.run(words, env=surroundings, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["503 503", "400 400", "429 429"]
    assert done.stderr.count("not a fault: 'nonsense'") == 1
    assert len(done.stderr.splitlines()) == 1


def test_the_printed_line_switches_faults(surroundings: dict[str, str]) -> None:
    """The command of the third comment, pasted into another shell, breaks the service, and the other mends it."""
    with serving(surroundings) as process:
        comments, variables = printed(process)
        found = re.fullmatch(r"# faults, one per line: (echo .*); to clear them: (: > .*)", comments[2].rstrip())
        assert found
        url = f"https://{variables['SECRETENV_ENDPOINT']}"
        pair = (variables["SECRETENV_CERT"], variables["SECRETENV_KEY"])
        switch = found[1].replace("black-hole", "close")
        subprocess.run(["/bin/sh", "-c", switch], check=True)
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(url, cert=pair, verify=variables["SECRETENV_CA"], timeout=20)
        subprocess.run(["/bin/sh", "-c", found[2]], check=True)
        assert requests.get(url, cert=pair, verify=variables["SECRETENV_CA"], timeout=20).status_code == 404
