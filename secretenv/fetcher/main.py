"""One fetch, as a process of its own: certificate, credentials, secrets, variables.

It reads its task from standard input and leaves its answer on standard output, in the forms that `protocol` describes.
When to fetch, and what to do with the answer, is the supervisor's business.

A thread does the work and the first one waits: what hangs in a lookup or a handshake cannot hold up the answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time

from secretenv.defects import unexpected
from secretenv.errors import CertificateError, CredentialsError, FetcherError, SecretenvError, SecretError
from secretenv.fetcher import file_secret, variables
from secretenv.identity.hardening import forbid_dumps, silence_interpreter, silence_libraries
from secretenv.protocol import BUDGET, GO, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from secretenv.credentials import Credentials
    from secretenv.errors import Link
    from secretenv.fetcher.secretsmanager import Reader
    from secretenv.settings import Device, Secret

ENOUGH = 60.0  # seconds that old credentials must have left to be used when no new ones are to be had


class Fetch:
    """The steps of one fetch, and what is to be handed on even if it fails.

    Args:
        task: what came on standard input.
        at: is told each step: the link of the chain, and where.
    """

    def __init__(self, task: Task, at: Callable[[Link, str], None]) -> None:
        self._at = at
        self._device = task.device
        self._secrets = task.secrets
        self.credentials = task.credentials
        self.warnings: list[str] = []

    def run(self) -> dict[str, Any]:
        """Return variables, origins and versions.

        Raises:
            SecretenvError: a link of the chain broke.
        """
        wanted = {secret.key: secret for secret in self._secrets}
        local = {name: secret for name, secret in wanted.items() if secret.local}
        remote = {name: secret for name, secret in wanted.items() if name not in local}
        found = {}
        for name, secret in local.items():
            self._at("file", secret.id)
            found[name] = file_secret.read(secret)
        if remote:
            found |= zip(remote, self._remote(list(remote.values())), strict=True)
        self._at("content", "")
        readings = [found[secret.key].for_secret(secret) for secret in self._secrets]
        found_variables, origins, warnings = variables.variables(readings)
        self.warnings += warnings
        versions = {name: found[name].version for name in wanted}
        return {"variables": found_variables, "origins": origins, "versions": versions}

    def _remote(self, secrets: Sequence[Secret]) -> Sequence[variables.Reading]:
        """Read the secrets of Secrets Manager."""
        from secretenv.identity.provider_errors import several

        silence_libraries()
        _trace_lookups(self._at)
        prepared = _Prepared(self._device, secrets)
        self.credentials = self._current(prepared)
        reader = prepared.reader()
        self._at("secret", several([secret.id for secret in secrets]))
        try:
            return reader.read(secrets, self.credentials)
        except SecretError as error:
            if error.link != "credentials":
                raise
        # AWS does not know them, or no longer: a role's sessions were revoked, or our clock is wrong.
        self.credentials = None
        self.credentials = self._exchange(prepared)
        self._at("secret", several([secret.id for secret in secrets]))
        try:
            return reader.read(secrets, self.credentials)
        except SecretError as error:
            if error.link == "credentials":
                self.credentials = None
            raise

    def _current(self, prepared: _Prepared) -> Credentials:
        """Return credentials to use: those handed on while they are good, else new ones."""
        old = self.credentials
        if old and old.still_good(time.time()):
            return old
        try:
            return self._exchange(prepared)
        except (CertificateError, CredentialsError) as error:
            # A pair that does not load now may be half renewed: it did load when these credentials were fetched.
            if old and error.may_pass(running=True) and old.left(time.time()) > ENOUGH:
                self.warnings.append(f"no new credentials, the old ones are used while they last: {error}")
                return old
            raise

    def _exchange(self, prepared: _Prepared) -> Credentials:
        """Return new credentials for the certificate."""
        self._at("certificate", self._device.cert)
        from secretenv.identity import certificate, provider

        prepared.start()  # now: OpenSSL reads the roots without Python's lock
        context, warnings = certificate.load(self._device)
        self.warnings += [warning for warning in warnings if warning not in self.warnings]
        context.at = self._at
        return provider.exchange(self._device, context)


class _Prepared:
    """The reader of secrets, made in a thread: boto3 is imported while the exchange waits for the network."""

    def __init__(self, device: Device, secrets: Sequence[Secret]) -> None:
        self._device = device
        self._secrets = secrets
        self._outcome: Reader | BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._make, daemon=True)
            self._thread.start()

    def reader(self) -> Reader:
        """Return the `secretsmanager.Reader`, or raise what making it raised."""
        if self._thread is None:
            self._make()
        else:
            self._thread.join()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None  # noqa: S101
        return self._outcome

    def _make(self) -> None:
        try:
            from secretenv.fetcher import secretsmanager

            self._outcome = secretsmanager.Reader(self._device, self._secrets)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._outcome = error


class _Output:
    """Writes lines of JSON; nothing follows the answer."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._answered = False
        self.step: tuple[Link, str] = ("fetcher", "")

    def at(self, link: Link, where: str) -> None:
        """Write which step comes next."""
        self.step = (link, where)
        self._write({"link": link, "at": where}, last=False)

    def answer(self, fields: Mapping[str, Any]) -> None:
        """Write the answer."""
        self._write(fields, last=True)

    def _write(self, fields: Mapping[str, Any], *, last: bool) -> None:
        import json

        line = json.dumps(fields).encode() + b"\n"
        with self._lock:
            if self._answered:
                return
            self._answered = last
            while line:
                line = line[os.write(self._descriptor, line) :]


def main() -> None:
    """Run the process: it ends here, with 0 once the answer is written."""
    output = _Output(_take_standard_output())
    forbid_dumps()
    os.environ.pop("SSLKEYLOGFILE", None)
    silence_interpreter()
    if GO in signal.pthread_sigmask(signal.SIG_BLOCK, ()):
        if GO not in signal.sigpending():
            _get_ready()
        signal.sigwait({GO})
        while not os.fstat(0).st_size:  # somebody sent it to each process of a service: nothing was asked for yet
            signal.sigwait({GO})
    _work(output, sys.stdin.buffer.read)
    # Not the interpreter's own end: threads may hang, and there is nothing to put away.
    os._exit(0)


def _get_ready() -> None:
    """Import what a fetch needs in a thread: who is to fetch from files alone need not wait for it."""

    def load() -> None:
        # What fails here fails once more where it is needed, and is told there.
        with contextlib.suppress(BaseException):
            from secretenv.fetcher import secretsmanager  # noqa: F401
            from secretenv.identity import provider  # noqa: F401

    with contextlib.suppress(RuntimeError):  # no thread is to be had: later, then
        threading.Thread(target=load, daemon=True).start()


def _work(output: _Output, read_task: Callable[[], bytes], budget: float = BUDGET) -> None:
    """Do the task within the budget and write the answer."""
    fetches: list[Fetch] = []
    outcome: dict[str, Any] = {}

    def work() -> None:
        import json

        try:
            fetches.append(Fetch(Task.from_json(json.loads(read_task())), output.at))
            outcome["answer"] = fetches[0].run()
        except SecretenvError as error:
            outcome["error"] = error.to_json()
        except BaseException as error:  # noqa: BLE001 - whatever it is, its text may hold a value
            outcome["error"] = unexpected(error, FetcherError, "the fetcher").to_json()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(budget)
    if not outcome:
        link, where = output.step
        message = f"the fetch took longer than {budget:g} s at the step {link}" + (f" ({where})" if where else "")
        outcome["error"] = FetcherError(message, transient=True, link=link, hint="check the network").to_json()
    handed_on = fetches[0].credentials if fetches else None
    output.answer(
        {
            **outcome,
            "warnings": fetches[0].warnings if fetches else [],
            "credentials": handed_on.to_json() if handed_on else None,
        }
    )


def _take_standard_output() -> int:
    """Return a descriptor of our own for standard output, where a stray print of a library goes nowhere from now on."""
    ours = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return ours


def _trace_lookups(at: Callable[[Link, str], None]) -> None:
    """Tell when a name is being looked up, and when that is over: nothing else can say it of a lookup that hangs."""
    import socket

    look_up = socket.getaddrinfo

    def traced(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        at("DNS", str(host))
        found = look_up(host, port, *args, **kwargs)
        at("connection", f"{host}:{port}")
        return found

    socket.getaddrinfo = traced


if __name__ == "__main__":
    main()
