"""AWS Secrets Manager: secrets by GetSecretValue, the one action that the role has to allow, or by BatchGetSecretValue.

The only module of the fetcher that uses `boto3` and `botocore`. Only the credentials given to it are used: the
environment, profiles, files and the instance role are not consulted. What a refusal means is the business of
`secretsmanager_errors`, and why there was no answer that of `connection_errors`.
"""

from __future__ import annotations

import math
import os
import ssl
import threading
from datetime import datetime
from functools import partial
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialResolver
from botocore.credentials import Credentials as Keys
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    DataNotFoundError,
    HTTPClientError,
    InvalidRegionError,
    NoRegionError,
    ParamValidationError,
)
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.loaders import Loader

from secretenv import __version__
from secretenv.errors import SecretError
from secretenv.fetcher import batches, messages, wire
from secretenv.fetcher.regions import in_region, may_answer_elsewhere
from secretenv.fetcher.secret_ids import region_of, several
from secretenv.fetcher.secretsmanager_errors import is_missing, of_batch, of_secrets_manager
from secretenv.fetcher.variables import Reading, missing
from secretenv.identity import certificate, connecting, connection_errors, peer, proxy
from secretenv.identity.background import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from botocore.awsrequest import AWSResponse

    from secretenv.credentials import Credentials
    from secretenv.errors import SecretenvError
    from secretenv.settings import Device, Secret

AT_ONCE = 8
# This many secrets are worth one more connection: for each, botocore reads the roots again, 20 ms of a fast core.
SHARE = 3

_CONFIG = Config(
    proxies={},  # `proxy` decides
    retries={"total_max_attempts": 2, "mode": "standard"},
    user_agent_extra=f"secretenv/{__version__}",
    defaults_mode="legacy",  # "auto" of the environment would ask the instance's metadata service
    ignore_configured_endpoint_urls=True,  # they come with the settings, which refuse plain HTTP
)


class _Given:
    """The only provider in botocore's chain: the credentials that this module was given."""

    METHOD = "secretenv"
    CANONICAL_NAME = None

    def __init__(self) -> None:
        # Filled in before the first request: clients are made while the exchange waits for the network.
        self.keys = Keys("", "", method=self.METHOD)

    def load(self) -> Keys:
        return self.keys


class _MissingError(Exception):
    """An optional secret does not exist."""


class Reader:
    """Reads secrets. Its clients, one for each region, are made at once and used by several threads.

    Args:
        device: says where to ask, and whether in batches.
        secrets: those that will be read.
        send: sends a request of botocore and returns its answer, by the network if not given.

    Raises:
        CertificateError: the roots of AWS_CA_BUNDLE cannot be used.
        SecretError: no client can be created for a secret's region.
    """

    def __init__(
        self,
        device: Device,
        secrets: Sequence[Secret],
        send: Callable[..., AWSResponse] | None = None,
    ) -> None:
        self._device = device
        self._given = _Given()
        # Always said: botocore before 1.43.54 takes an empty variable for "do not verify".
        self._verify = certificate.bundle() or True
        self._send = send
        self._session = _session(self._given)
        connecting.use()
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        for secret in secrets:
            self._make_client(region_of(secret, device), secret)

    def read(self, secrets: Sequence[Secret], credentials: Credentials) -> list[Reading]:
        """Return what the secrets hold, in their order; the first that fails by that order fails all.

        Raises:
            SecretError: with the link `credentials` if AWS does not know or no longer accepts the credentials.
        """
        keys = self._given.keys
        keys.access_key, keys.secret_key = credentials.access_key_id, credentials.secret_access_key
        keys.token = credentials.session_token
        if self._device.batch:
            return self._in_batches(secrets)
        if len(secrets) == 1:
            return [self._one(secrets[0])]
        # Each region needs a connection anyway.
        workers = min(AT_ONCE, max(len(self._clients), math.ceil(len(secrets) / SHARE)))
        return side_by_side(self._one, secrets, workers)

    def url(self, region: str) -> str:
        """Return where the requests of a region go."""
        return str(self._clients[region].meta.endpoint_url)

    def _make_client(self, region: str, secret: Secret) -> None:
        """Make the client of a region unless it is there; botocore's sessions are for one thread at a time."""
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._client(region, secret)

    def _client(self, region: str, secret: Secret) -> Any:
        try:
            client = self._session.client(
                "secretsmanager",
                region_name=region or None,
                endpoint_url=self._device.secretsmanager_endpoint or None,
                config=_CONFIG,
                verify=self._verify,
            )
        except (NoRegionError, InvalidRegionError):
            message = messages.REGION_INVALID if region else messages.REGION_UNKNOWN
            raise message(secret=secret.id, region=region) from None
        except ssl.SSLError:
            raise messages.NO_TLS_CONTEXT(secret=secret.id, region=region) from None
        except (DataNotFoundError, JSONDecodeError, EOFError) as error:
            raise messages.NO_DATA(kind=type(error).__name__) from None
        except (BotoCoreError, ValueError, OSError) as error:
            raise messages.NO_CLIENT(secret=secret.id, region=region, kind=type(error).__name__) from None
        url = client.meta.endpoint_url  # only botocore knows where the requests of a region go
        if not url.lower().startswith("https:"):
            try:
                connecting.keep_inside(url)
            except ValueError:
                raise messages.NOT_HTTPS(secret=secret.id) from None
        send = self._send or wire.Wire(self._verify, proxy.proxies(url), AT_ONCE).send
        client.meta.events.register("before-send", send)
        return client

    def _one(self, secret: Secret) -> Reading:
        """Read one secret."""
        return self._or_elsewhere(secret, lambda: self._in(region_of(secret, self._device), secret))

    def _or_elsewhere(self, secret: Secret, read: Callable[[], Reading]) -> Reading:
        """Read a secret, or a replica where its own region does not answer.

        Raises:
            SecretError: that of its own region; where a replica failed too, with its message.
        """
        try:
            return read()
        except SecretError as error:
            first = error
        for region in secret.fallback_region:
            if not may_answer_elsewhere(first):
                break
            try:
                self._make_client(region, secret)
                found = self._in(region, secret)
            except SecretError as error:
                first.message += f"; in {region}: {error.message}"
                continue
            if found.content is None:  # what is optional is missing only where its own region says so
                first.message += f"; in {region}: it does not exist"
            else:
                note = messages.READ_ELSEWHERE.format(secret=secret.id, region=region, link=first.link)
                return found.with_note(note)
        raise first

    def _in(self, region: str, secret: Secret) -> Reading:
        """Read one secret in a region."""
        identifier = in_region(secret.id, region) if region in secret.fallback_region else secret.id
        try:
            answer = self._ask(
                region,
                [identifier],
                lambda response: self._refused(secret, region, response),
                "get_secret_value",
                SecretId=identifier,
                VersionStage=secret.version_stage,
            )
        except _MissingError:
            return missing(secret)
        return _reading(secret, answer, self._host(region))

    def _in_batches(self, secrets: Sequence[Secret]) -> list[Reading]:
        """Read the secrets with as few calls as possible."""
        calls = batches.calls({each.id: region_of(each, self._device) for each in secrets}, self._device.region)
        wanted = {secret.id: secret for secret in secrets}

        def read(call: tuple[str, list[str]]) -> list[Reading]:
            return self._each_of([wanted[secret_id] for secret_id in call[1]], lambda: self._batch(*call))

        found = {reading.secret.id: reading for readings in side_by_side(read, calls, AT_ONCE) for reading in readings}
        return [found[secret.id] for secret in secrets]

    def _each_of(self, secrets: Sequence[Secret], ask: Callable[[], Mapping[str, Any]]) -> list[Reading]:
        """Return the readings of the secrets of one batch; replicas are read one by one.

        Args:
            secrets: those that are asked for.
            ask: makes the call, and returns its entries.
        """
        entries: Mapping[str, Any] = {}
        failure: SecretError | None = None
        try:
            entries = ask()
        except SecretError as error:
            failure = error

        def out_of(secret: Secret) -> Reading:
            if failure:
                raise failure
            return self._out_of(entries, secret)

        return [self._or_elsewhere(each, partial(out_of, each)) for each in secrets]

    def _batch(self, region: str, ids: list[str]) -> dict[str, Any]:
        """Return the entries of values and errors that are the answer to a batch, by the ids of their secrets."""
        values: list[Any] = []
        errors: list[Any] = []
        page: dict[str, str] = {}
        for _ in range(batches.PAGES):
            answer = self._ask(
                region,
                ids,
                lambda response: of_batch(ids, response),
                "batch_get_secret_value",
                SecretIdList=ids,
                **page,
            )
            if not answer.keys() & {"SecretValues", "Errors"}:
                raise _not_an_answer(ids, self._host(region), "it holds no secrets")
            meta = answer.get("ResponseMetadata")
            values += [entry for entry in answer.get("SecretValues") or () if entry]
            errors += [{**entry, "ResponseMetadata": meta} for entry in answer.get("Errors") or () if entry]
            token = answer.get("NextToken")
            if not token:
                return batches.by_id(values, errors)
            page = {"NextToken": str(token)}
        raise _not_an_answer(ids, self._host(region), f"no end after {batches.PAGES} pages")

    def _out_of(self, entries: Mapping[str, Any], secret: Secret) -> Reading:
        """Return the reading of one secret of a batch, or raise the error that is in its place."""
        region = region_of(secret, self._device)
        entry = entries.get(secret.id)
        if entry is None:
            raise messages.LEFT_OUT(secret=secret.id)
        if "SecretId" in entry:  # only errors have it
            error = {"Code": entry.get("ErrorCode") or "", "Message": entry.get("Message")}
            response = {"Error": error, "ResponseMetadata": entry["ResponseMetadata"]}
            refused = self._refused(secret, region, response)
            if isinstance(refused, _MissingError):
                return missing(secret)
            raise refused
        return _reading(secret, entry, self._host(region))

    def _refused(self, secret: Secret, region: str, response: Mapping[str, Any]) -> SecretenvError | _MissingError:
        """Return what a refusal of one secret means."""
        if secret.optional and is_missing(response):
            return _MissingError()
        thing = self._device.thing_name
        return of_secrets_manager(secret.id, secret.version_stage, region, response, thing_name=thing)

    def _host(self, region: str) -> str:
        return self.url(region).partition("://")[2]

    def _ask(
        self,
        region: str,
        ids: Sequence[str],
        refused: Callable[[Mapping[str, Any]], Exception],
        operation: str,
        **parameters: Any,
    ) -> Any:
        """Return the answer to a call.

        Args:
            region: where to call.
            ids: the secrets that are asked for.
            refused: makes an error of botocore's `ClientError.response`.
            operation: the client's method.
            parameters: the call's.

        Raises:
            SecretError: there is none.
        """
        try:
            return getattr(self._clients[region], operation)(**parameters)
        except ClientError as error:
            raise refused(error.response) from None
        except ParamValidationError:
            raise messages.ID_INVALID(secrets=several(ids)) from None
        except (UnreachableError, HTTPClientError) as error:
            # The request's own address: the client's own is not always where its rules lead.
            host = urlsplit(error.kwargs.get("endpoint_url", "")).netloc or self._host(region)
            raise _no_answer(ids, _explain(error, host)) from None
        except wire.TooLargeError:
            raise _not_an_answer(ids, self._host(region), "it is larger than any secret") from None
        except ImportError:
            raise  # botocore loads some of its modules when they are needed
        except Exception as error:  # noqa: BLE001 - botocore's parsers let many kinds through
            raise _not_an_answer(ids, self._host(region), type(error).__name__) from None


def _explain(error: Exception, host: str) -> SecretenvError:
    """Return why there was no answer."""
    way = proxy.decide(f"https://{host}")
    return connection_errors.explain(
        error,
        host,
        tunnelling=connection_errors.tunnelling(error),
        variable=way.variable if way else "",
        issuer=lambda: peer.issuer(host),
    )


def _session(given: _Given) -> boto3.session.Session:
    """Return a session that looks at no file of `~/.aws`, no profile and no credentials but the given ones."""
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    core.register_component("credential_provider", CredentialResolver([given]))
    # The default one reads models from ~/.aws/models and AWS_DATA_PATH first.
    core.register_component("data_loader", Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False))
    return boto3.session.Session(botocore_session=core)


def _reading(secret: Secret, answer: Any, host: str) -> Reading:
    """Return the reading of an answer, or raise an error if it is not one."""
    version, text, binary = (answer.get(name) for name in ("VersionId", "SecretString", "SecretBinary"))
    content = text if isinstance(text, str) else binary
    if not isinstance(version, str) or not version or not isinstance(content, str | bytes):
        raise _not_an_answer([secret.id], host, "it holds no secret")
    made = answer.get("CreatedDate")  # of the version, not of the secret
    created = made.timestamp() if isinstance(made, datetime) else None
    return Reading(secret=secret, content=content, version=version, created=created, note="")


def _not_an_answer(ids: Sequence[str], host: str, reason: str) -> SecretenvError:
    return messages.NOT_AN_ANSWER(secrets=several(ids), host=host, reason=reason)


def _no_answer(ids: Sequence[str], error: SecretenvError) -> SecretError:
    """Return an error of a connection as one of these secrets."""
    # The link `endpoint` is the credentials provider's.
    link = "connection" if error.link == "endpoint" else error.link
    return SecretError(f"{several(ids)}: {error.message}", hint=error.hint, transient=error.transient, link=link)
