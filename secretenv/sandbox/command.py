"""`secretenv sandbox`: a sandbox for people, until Ctrl-C or for the time of one command.

It prints or passes on the variables, makes the script that rotates the secret and the file that switches faults, and
handles signals. The sandbox itself is in `world`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from secretenv.config.quoting import name
from secretenv.guessing import of_a_shell
from secretenv.sandbox import messages
from secretenv.sandbox.faults import HELP, parse
from secretenv.sandbox.starting import started
from secretenv.sandbox.world import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from secretenv.errors import SettingsError
    from secretenv.sandbox import Sandbox

ENDING = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP})

# The program behind `rotate`: like the aws CLI's put-secret-value, but always there, since secretenv needs boto3.
_PUT = """\
import sys, boto3, botocore.config
url, region, key, secret_key, name, value = sys.argv[1:]
client = boto3.client("secretsmanager", endpoint_url=url, region_name=region, aws_access_key_id=key,
                      aws_secret_access_key=secret_key, config=botocore.config.Config(proxies={}))
print(client.put_secret_value(SecretId=name, SecretString=value)["VersionId"])
"""


def serve(command: list[str], faults: Sequence[str] = ()) -> int:
    """Run a sandbox for a command, or without one until a signal, and return the exit status.

    With a command: its status, 128+N if signal N killed it. The terminal's Ctrl-C reaches the command by itself; a
    signal that was sent to this process alone is passed on.

    Args:
        command: to be run with the variables of a device, plus SANDBOX_ROTATE and SANDBOX_FAULTS.
        faults: that are on at first, in the words of `faults`; `help` prints those words instead.

    Raises:
        SettingsError: one of the faults is not a fault.
        CommandNotFoundError: there is no such command.
        CommandError: it cannot be executed.
        SecretenvError: the system does not let the sandbox start.
    """
    if "help" in faults:
        sys.stdout.write(HELP)
        return 0
    for fault in faults:
        parse(fault)
    if command and not shutil.which(command[0]):
        if of_a_shell(command[0]):
            raise messages.SHELL_WORD(word=command[0].partition("=")[0])
        raise messages.NOT_FOUND(command=name(command[0]))
    # Blocked before the sandbox starts threads, which inherit the mask: signals stay pending for sigwait.
    with _blocked(ENDING | {signal.SIGCHLD}) as caller_mask, started() as sandbox:
        rotate, switch = write_rotate(sandbox), sandbox.folder / "faults"
        sandbox.faults.set(*faults)
        sandbox.faults.follow(switch, _complain)
        if command:
            added = {"SANDBOX_ROTATE": str(rotate), "SANDBOX_FAULTS": str(switch)}
            return _wait(_spawn(command, {**variables(sandbox), **added}, caller_mask))
        sys.stdout.write(describe(sandbox, rotate, switch))
        sys.stdout.flush()
        signal.sigwait(ENDING)
        return 0


def variables(sandbox: Sandbox) -> dict[str, str]:
    """Return the variables of a device, and those that exempt this machine from the caller's proxy."""
    found = sandbox.environment()
    if any(name.lower() in {"http_proxy", "https_proxy", "all_proxy"} for name in os.environ):
        direct = ["localhost", "127.0.0.1"]
        for name in ("NO_PROXY", "no_proxy"):
            found[name] = ",".join([*filter(None, [os.environ.get(name)]), *direct])
    return found


def describe(sandbox: Sandbox, rotate: Path, switch: Path) -> str:
    """Return the lines for another shell: how to use them, to rotate the secret, to switch faults; the variables."""
    value = shlex.quote('{"GREETING": "hello again", "DB_PASSWORD": "another"}')
    operator = sandbox.operator.environment()
    keys = " ".join(f"{name}={_quote(operator[name])}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    where = f"--region {sandbox.region} --endpoint-url {sandbox.url} --secret-id {SECRET}"
    aws = f"aws secretsmanager put-secret-value {where}"
    lines = [
        f"# in another shell, paste these lines and run: secretenv run -- env; for a new version: sh {rotate} {value}",
        f"# or: {keys} {aws} --secret-string {value}",
        f"# faults, one per line: echo credentials:black-hole > {switch}; to clear them: : > {switch}",
    ]
    lines += [f"export {name}={_quote(text)}" for name, text in variables(sandbox).items()]
    return "\n".join(lines) + "\n"


def write_rotate(sandbox: Sandbox) -> Path:
    """Write the script that gives the secret a new value: `sh rotate VALUE`, or with another one's name after it."""
    operator = sandbox.operator.environment()
    words = [sys.executable, "-I", "-c", _PUT, sandbox.url, sandbox.region]
    words += [operator["AWS_ACCESS_KEY_ID"], operator["AWS_SECRET_ACCESS_KEY"]]
    path = sandbox.folder / "rotate"
    path.write_text(
        "#!/bin/sh\n"
        "# rotate VALUE [SECRET]: give a secret of the sandbox a new version\n"
        "unset AWS_PROFILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE\n"
        f'exec {shlex.join(words)} "${{2:-{SECRET}}}" "$1"\n',
    )
    path.chmod(0o700)
    return path


def _complain(error: SettingsError) -> None:
    """Warn of a line in the file of faults that is not a fault."""
    sys.stderr.write(f"secretenv: warning: {error.message}; {error.hint}\n")


def _spawn(command: list[str], added: Mapping[str, str], mask: set[signal.Signals]) -> int:
    """Start the command with the caller's own signals and return its pid."""
    try:
        return os.posix_spawnp(
            command[0],
            command,
            {**os.environ, **added},
            setsigmask=mask,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # CPython ignores them
        )
    except FileNotFoundError as error:
        raise messages.NOT_FOUND(command=name(command[0])) from error
    except OSError as error:
        raise messages.NOT_EXECUTABLE(command=name(command[0]), reason=error.strerror) from error


def _wait(pid: int) -> int:
    """Wait for the command, pass on signals that other processes send, and return the status as a shell does."""
    while True:
        received = signal.sigwaitinfo(ENDING | {signal.SIGCHLD})
        if received.si_signo == signal.SIGCHLD:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        elif received.si_code <= 0:  # by kill(); what the terminal sends has reached the command already
            os.kill(pid, received.si_signo)


@contextmanager
def _blocked(signals: frozenset[signal.Signals]) -> Iterator[set[signal.Signals]]:
    """Hold these signals back, and yield the mask that was there before."""
    chld = signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored by the caller, it would hide the command's end
    before = {signal.Signals(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, signals)}
    try:
        yield before
    finally:
        # A second Ctrl-C during the clean-up has had its effect.
        while signal.sigtimedwait(signals, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGCHLD, chld)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
