"""The chain of one fetch: certificate, credentials, secrets, variables.

What is imported where matters: a fetch from files alone loads nothing that talks to a network, and boto3 is imported
while the exchange waits for it.
"""

from __future__ import annotations

import time

from secretenv.defects import as_error
from secretenv.errors import CertificateError, CredentialsError, FetcherError, SecretError
from secretenv.fetcher import file_secret, variables
from secretenv.identity.background import Background
from secretenv.identity.hardening import silence_libraries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from secretenv.credentials import Credentials
    from secretenv.errors import Link
    from secretenv.fetcher.secretsmanager import Reader
    from secretenv.identity.provider import Reply
    from secretenv.protocol import Answer, Task
    from secretenv.settings import Secret

ENOUGH = 60.0  # seconds that old credentials must have left to be used when new ones cannot be had


class Fetch:
    """The steps of one fetch.

    Args:
        task: what to fetch.
        answer: takes what is found; warnings and credentials to hand on are in it even if the fetch fails.
        at: called before each step with the link of the chain, and where.
        wire: what asks the credentials provider, `provider.ask` if not given.

    Attributes:
        starve: takes what a thread beside the fetch raises, before anyone else learns of it.
    """

    def __init__(
        self, task: Task, answer: Answer, at: Callable[[Link, str], None], wire: Callable[..., Reply] | None = None
    ) -> None:
        self._device = task.device
        self._secrets = task.secrets
        self._require = task.require
        self._answer = answer
        self._at = at
        self._wire = wire
        self.starve: Callable[[BaseException], object] = lambda _: None
        self._reader: Background[Reader] | None = None
        answer.credentials = task.credentials

    def run(self) -> None:
        """Put variables, origins and versions into the answer.

        Raises:
            SecretenvError: a link of the chain broke.
        """
        answer = self._answer
        # A secret that is asked for twice may be missing only where both say so.
        wanted = {secret.key: secret for secret in sorted(self._secrets, key=lambda secret: not secret.optional)}
        remote = {key: secret for key, secret in wanted.items() if not secret.local}
        found = {}
        for key, secret in wanted.items():
            if secret.local:
                self._at("file", secret.id)
                found[key] = file_secret.read(secret)
        if remote:
            silence_libraries()
            _trace_lookups(self._at)
            found |= zip(remote, self._remote(list(remote.values())), strict=True)
        self._at("content", "")
        readings = [found[secret.key].for_secret(secret) for secret in self._secrets]
        answer.variables, answer.origins, warnings = variables.variables(readings)
        answer.warnings += warnings
        variables.demand(self._require, answer.variables, self._secrets)
        if any(secret.files for secret in self._secrets):
            from secretenv.fetcher import secret_files

            answer.files, origins = secret_files.files(readings, answer.variables)
            answer.origins |= origins
        answer.warnings += [reading.note for reading in found.values() if reading.note]
        answer.versions = {key: found[key].version for key in wanted}

    def _remote(self, secrets: Sequence[Secret]) -> Sequence[variables.Reading]:
        """Read the secrets from Secrets Manager."""
        answer = self._answer
        answer.credentials = self._current(secrets)
        try:
            return self._read(secrets, answer.credentials)
        except SecretError as error:
            if error.link != "credentials":
                raise
        # AWS does not know them, or no longer accepts them: the role's sessions were revoked, or this clock is wrong.
        answer.credentials = None
        answer.credentials = self._exchange(secrets)
        try:
            return self._read(secrets, answer.credentials)
        except SecretError as error:
            if error.link == "credentials":
                answer.credentials = None
            raise

    def _read(self, secrets: Sequence[Secret], credentials: Credentials) -> Sequence[variables.Reading]:
        """Read the secrets with these credentials."""
        from secretenv.fetcher.secret_ids import several

        self._prepare(secrets)
        assert self._reader is not None  # noqa: S101
        reader = self._reader.result()
        self._at("secret", several([secret.id for secret in secrets]))
        return reader.read(secrets, credentials)

    def _current(self, secrets: Sequence[Secret]) -> Credentials:
        """Return credentials to use: those handed on while they are good, else new ones."""
        old = self._answer.credentials
        if old and old.still_good(time.time()):
            return old
        try:
            return self._exchange(secrets)
        except (CertificateError, CredentialsError) as error:
            # A pair that does not load now may be half renewed: it did load when these credentials were fetched.
            if old and error.may_pass(running=True) and old.left(time.time()) > ENOUGH:
                why = as_error(error, FetcherError, "the fetcher")
                self._answer.warnings.append(
                    f"could not get new credentials; using the old ones until they expire: {why}"
                )
                return old
            raise

    def _exchange(self, secrets: Sequence[Secret]) -> Credentials:
        """Return new credentials for the certificate."""
        self._at("certificate", self._device.cert)
        from secretenv.identity import certificate

        certificate.new_context()  # requests before 2.32.5 makes one as it loads, and its error would say less
        from secretenv.identity import provider

        self._prepare(secrets)  # now: OpenSSL reads the roots without Python's lock
        context, warnings = certificate.load(self._device, at=self._at)
        self._answer.warnings += [warning for warning in warnings if warning not in self._answer.warnings]
        context.at = self._at
        self._answer.certificate_end = context.ends
        return provider.exchange(self._device, context, wire=self._wire)

    def _prepare(self, secrets: Sequence[Secret]) -> None:
        """Have the reader of secrets made in a thread, unless that has begun: boto3 is slow to import."""

        def make() -> Reader:
            try:
                from secretenv.fetcher import secretsmanager

                return secretsmanager.Reader(self._device, secrets)
            except BaseException as error:
                self.starve(error)
                raise

        if self._reader is None:
            self._reader = Background(make)


def _trace_lookups(at: Callable[[Link, str], None]) -> None:
    """Report when a name is being looked up and when that is over: nothing else shows a lookup that hangs."""
    import socket

    look_up = socket.getaddrinfo

    def traced(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        at("DNS", str(host))
        found = look_up(host, port, *args, **kwargs)
        at("connection", f"{host}:{port}")
        return found

    socket.getaddrinfo = traced
