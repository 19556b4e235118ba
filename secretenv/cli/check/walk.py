"""`secretenv check`: walk the chain link by link, show each step, and name the broken link.

The code of a fetch does the work, one step at a time and in this process. The walk goes on where it can: without a
certificate it still checks the network. No value and no credential is shown.
"""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secretenv.cli import messages
from secretenv.cli.check import probes
from secretenv.cli.check.cost import cost
from secretenv.cli.check.report import Step, closing, document, lines, table
from secretenv.cli.edges import by_edge
from secretenv.cli.isolation import exchange, in_time, isolate
from secretenv.defects import as_error
from secretenv.errors import CredentialsError, SecretenvError, SecretError
from secretenv.fetcher import file_secret, secret_files, variables
from secretenv.fetcher.secret_ids import region_of
from secretenv.guessing import shown_key
from secretenv.identity import certificate
from secretenv.identity.background import Background
from secretenv.protocol import BUDGET
from secretenv.settings import FILE_SCHEME
from secretenv.wording import many, span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from secretenv.credentials import Credentials
    from secretenv.errors import Link
    from secretenv.fetcher.secretsmanager import Reader
    from secretenv.identity import x509
    from secretenv.identity.certificate import At, Context
    from secretenv.identity.provider import Reply
    from secretenv.settings import Secret, Settings

# The links of the files and of the exchange, each group of which is skipped together.
FILES = ("certificate file", "key file", "roots file", "key", "certificate", "key permissions")
EXCHANGE = ("TLS", "clock", "exchange")
# After an error at one of these, no other secret of that region is read: each attempt would take as long again.
UNREACHABLE = {"DNS", "connection", "proxy", "TLS", "endpoint"}


def check(
    settings: Settings,
    show: Callable[[Step], None],
    clock: Callable[[], float] = time.time,
    budget: float = BUDGET,
    *,
    said: Sequence[str] = (),
) -> int:
    """Walk the chain, show each step, and return 0 if all is well, else 1.

    Args:
        settings: what a run would fetch.
        show: called with each step.
        clock: this machine's, in seconds since the epoch.
        budget: seconds to wait for each answer from the network.
        said: the settings in words, each with its source.
    """
    walk = _Walk(settings, show, clock, budget, said)
    try:
        walk.run()
        # A run needs it as well: an installation that lacks a file of it is broken.
        import secretenv.fetcher.main  # noqa: F401
    except Exception as error:  # noqa: BLE001 - its text may contain a value
        walk.fail(error)
    return int(walk.broken != "")


def main(
    settings: Settings, said: Sequence[str], *, as_json: bool = False, verbose: bool = False, budget: float = BUDGET
) -> int:
    """Check, print the result in the form that suits standard output, and return the exit status."""
    isolate()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the locale may lack a character
    return present(settings, sys.stdout, said, as_json=as_json, verbose=verbose, budget=budget)


def present(  # noqa: PLR0913 - what main passes on
    settings: Settings,
    out: TextIO,
    said: Sequence[str] = (),
    *,
    as_json: bool = False,
    verbose: bool = False,
    budget: float = BUDGET,
) -> int:
    """Check and write the result: JSON, a table for a terminal, or lines."""
    steps: list[Step] = []

    def walk(show: Callable[[Step], None]) -> int:
        def keep(step: Step) -> None:
            steps.append(step)
            show(step)

        return check(settings, keep, budget=budget, said=said)

    if as_json:
        status = walk(lambda _: None)
        out.write(document(steps, cost(settings)))
        return status
    status = walk(table(out, verbose=verbose) if out.isatty() else lines(out, verbose=verbose))
    out.write(closing(steps, cost(settings)))
    return status


class _Walk:
    """One walk along the chain, with the results so far and the first link that broke."""

    def __init__(
        self,
        settings: Settings,
        show: Callable[[Step], None],
        clock: Callable[[], float],
        budget: float,
        said: Sequence[str],
    ) -> None:
        self.broken = ""
        self._budget = self._patience = budget
        self._settings_in_words = tuple(said)
        self._settings, self._device = settings, settings.device
        self._show, self._clock = show, clock
        self._wanted = {secret.key: secret for secret in settings.secrets}
        self._context: Context
        self._said: x509.Certificate | None = None
        self._readings: dict[str, variables.Reading] = {}
        self._readers: dict[str, Reader] = {}
        self._unreachable: set[str] = set()
        self._surveyed: list[probes.Target] = []  # whose addresses have all been tried

    def fail(self, error: Exception) -> None:
        """Show the step at which this happened."""
        found = as_error(error, SecretenvError)
        self.broken = self.broken or found.link
        self._show(Step(found.link, ok=False, text=found.message, hint=found.hint))

    def run(self) -> None:
        """Take all steps."""
        device = self._device
        local = all(secret.local for secret in self._wanted.values())
        who = "" if local else f"role alias {device.role_alias} at {device.endpoint}, "
        secrets = many(len(self._wanted), "secret")
        text = f"{who}{secrets}, checked every {span(self._settings.interval)}"
        said = self._settings_in_words
        self._show(Step("settings", ok=True, text=text, warnings=self._settings.warnings, notes=said))
        credentials = None
        if local:
            self._show(
                Step("exchange", ok=None, text="not needed, nor are the steps that lead to it: all secrets are files")
            )
        else:
            usable = self._files()
            # The network is checked even if a file is broken.
            if self._network() and usable:
                credentials = self._exchange()
            else:
                self._skip(*EXCHANGE)
        for secret in self._wanted.values():
            self._read(secret, credentials)
        self._variables()
        self._rotations()

    def _attempt(self, work: Callable[[], Step]) -> bool:
        """Show the step that `work` returns or the error that it raises, and tell whether it succeeded."""
        try:
            step = work()
        except SecretenvError as error:
            self.fail(error)
            return False
        self._show(step)
        return True

    def _skip(self, *links: str, what: str = "") -> None:
        for link in links:
            self._show(Step(link, ok=None, text=f"{what}not tried: {self.broken} is broken"))

    def _files(self) -> bool:
        """Check the certificate, its key and the roots, and tell whether they can be used."""
        device, key = self._device, ""
        try:
            self._context = certificate.new_context()
        except SecretenvError as error:
            self.fail(error)
            self._skip(*FILES)
            return False

        def certificate_file() -> Step:
            self._said = certificate.said_by(certificate.read_certificate(device))
            return probes.certificate_file(device, self._said)

        def key_file() -> Step:
            nonlocal key
            key, step = probes.key_file(device)
            return step

        has_certificate = self._look("certificate file", device.cert, certificate_file)
        has_key = self._look("key file", certificate.key_file(device), key_file)
        has_roots = self._in_time(lambda at: probes.roots(device, self._context, at))
        fits = current = False
        if has_certificate and has_key:
            fits = self._fits(key)
        else:
            self._skip("key")
        if has_certificate:
            current = self._attempt(lambda: probes.dates(device, self._said, self._clock()))
        else:
            self._skip("certificate")
        allowed = False
        if has_key:
            allowed = self._look("key file", certificate.key_file(device), lambda: probes.permissions(device))
        else:
            self._skip("key permissions")
        return has_roots and fits and current and allowed

    def _look(self, link: Link, path: str, work: Callable[[], Step]) -> bool:
        """Attempt work that reads a file; all of them together may take as long as the budget."""

        def within(at: At) -> Step:
            at(link, path)
            return work()

        return self._in_time(within)

    def _fits(self, key: str) -> bool:
        return self._in_time(lambda at: probes.pair(self._device, self._context, key, at))

    def _in_time(self, work: Callable[[At], Step]) -> bool:
        begin = time.monotonic()
        # However long other files took: a disk that works answers within a second.
        done = self._attempt(lambda: in_time(work, max(self._patience, 1.0)))
        self._patience -= time.monotonic() - begin
        return done

    def _network(self) -> bool:
        """Resolve and connect to the endpoint or its proxy, and tell whether that succeeded."""
        found = self._surveyed

        def lookup() -> Step:
            found.append(probes.target(self._device.endpoint))
            looking = Background(lambda: probes.lookup(found[0]))
            return looking.result(self._budget, lambda span: probes.unresolved(found[0], span))

        if not self._attempt(lookup):
            self._skip("connection")
            return False
        return self._attempt(lambda: probes.connect(found[0]))

    def _exchange(self) -> Credentials | None:
        """Exchange the certificate, and show the TLS handshake and the other clock on the way."""
        from secretenv.identity import provider

        replies: list[tuple[Reply, float]] = []

        def ask(*given: Any) -> Reply:
            replies.append((provider.ask(*given), self._clock()))
            return replies[0][0]

        device, context = self._device, self._context
        found: Credentials | CredentialsError
        try:
            found = exchange(device, context, self._budget, self._clock, ask)
        except CredentialsError as error:
            found = error
        if isinstance(found, CredentialsError) and not context.handshaken:
            self.fail(found)
            self._skip("clock", "exchange")
            return None
        self._show(probes.handshake(context, device.endpoint))
        if replies:
            (_, headers, _), at = replies[0]
            self._attempt(lambda: probes.clocks(headers, at, device.endpoint))
        if isinstance(found, CredentialsError):
            if not replies:
                self._show(Step("clock", ok=None, text=f"{device.endpoint} sent no answer to compare it with"))
            self.fail(found)
            return None
        fingerprint = self._said.fingerprint if self._said else ""
        self._show(probes.exchanged(device, found, fingerprint))
        return found

    def _read(self, secret: Secret, credentials: Credentials | None) -> None:
        """Read a secret, from its file or from AWS."""
        if secret.local:
            path = secret.id.removeprefix(FILE_SCHEME)
            self._look("file", path, lambda: self._keep("file", file_secret.read(secret)))
        elif credentials is None:
            self._skip("secret", what=f"{secret.id}: ")
        else:
            self._ask(secret, credentials)

    def _ask(self, secret: Secret, credentials: Credentials) -> None:
        """Read a secret from Secrets Manager, unless its region could not be reached before."""
        from secretenv.fetcher import secretsmanager

        region = region_of(secret, self._device)
        if region in self._unreachable and not secret.fallback_region:
            self._skip("secret", what=f"{secret.id}: ")
            return

        def read() -> Step:
            if region not in self._readers:
                self._readers[region] = secretsmanager.Reader(self._device, [secret])
            try:
                found = Background(lambda: self._readers[region].read([secret], credentials)).result(
                    self._budget, lambda span: messages.SECRET_NOT_ANSWERED(secret=secret.id, time=span)
                )
                step = self._keep("secret", found[0])
                return step._replace(warnings=step.warnings + self._survey(region))
            except SecretError as error:
                if error.link in UNREACHABLE:
                    self._unreachable.add(region)
                raise

        self._attempt(read)

    def _survey(self, region: str) -> tuple[str, ...]:
        """Return a warning if addresses of Secrets Manager do not answer; each host is tried once."""
        url = urlsplit(self._readers[region].url(region))
        to = probes.target(url.netloc, url.scheme)
        if to in self._surveyed:
            return ()
        self._surveyed.append(to)
        try:
            return Background(lambda: probes.silent_addresses(to)).result(self._budget)
        except TimeoutError:
            return ()

    def _keep(self, link: str, reading: variables.Reading) -> Step:
        self._readings[reading.secret.key] = reading
        whole = [secret.name for secret in self._settings.secrets if secret.name and secret.key == reading.secret.key]
        return probes.read(link, reading, self._clock(), whole)

    def _rotations(self) -> None:
        """Show which versions of these secrets a running secretenv has refused; nothing if there are none."""
        from secretenv.cli.status import finding
        from secretenv.cli.status.shown import length, refusal

        try:
            runs = finding.find().runs
        except SecretenvError:  # there is no /proc
            return
        for run in runs:
            refused = [each for each in run.status["refused"] if each["secret"] in self._wanted]
            warnings = tuple(
                f"refused {length(run.age(each['since']))} ago: "
                f"{refusal(each['secret'], each['version'], each['why'])}; the command keeps its old values"
                for each in refused
            )
            if warnings:
                text = f"{run.status['program']} is run by secretenv process {run.pid}"
                self._show(Step("rotation", ok=True, text=text, warnings=warnings))

    def _variables(self) -> None:
        """Make the variables of the secrets that were read."""
        secrets = [secret for secret in self._settings.secrets if secret.key in self._readings]
        if not secrets:
            self._skip("variables")
            return
        found = [self._readings[secret.key] for secret in secrets]
        readings = [reading.for_secret(secret) for secret, reading in zip(secrets, found, strict=True)]

        def step() -> Step:
            values, _, warnings = variables.variables(readings)
            variables.demand(self._settings.require, values, secrets)
            warnings += [f"the value {edge}: {variables.listed(names)}" for edge, names in by_edge(values).items()]
            missing = len(self._settings.secrets) - len(secrets)
            without = f", without {many(missing, 'secret')} that could not be read" if missing else ""
            files, _ = secret_files.files(readings, values)
            also = f" and {many(len(files), 'file')}" if files else ""
            text = f"{many(len(values), 'variable')}{also} from {many(len(secrets), 'secret')}{without}"
            return Step(
                "variables", ok=True, text=text, warnings=tuple(warnings), details=tuple(map(shown_key, sorted(values)))
            )

        self._attempt(step)
