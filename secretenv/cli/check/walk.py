"""`secretenv check`: walk the chain link by link, show each step, and name the broken link.

The code of a fetch does the work, one step at a time and in this process. The walk goes on where it can: without a
certificate it still checks the network. No value and no credential is shown.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secretenv.cli import messages
from secretenv.cli.check import probes
from secretenv.cli.check.cost import cost
from secretenv.cli.check.local_steps import LocalSteps
from secretenv.cli.check.report import Step, closing, document, showing
from secretenv.cli.isolation import exchange, isolate
from secretenv.errors import CredentialsError, SecretenvError, SecretError
from secretenv.fetcher.secret_ids import region_of
from secretenv.identity.background import Background
from secretenv.protocol import BUDGET
from secretenv.wording import span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from secretenv.credentials import Credentials
    from secretenv.fetcher.secretsmanager import Reader
    from secretenv.identity.provider import Reply
    from secretenv.settings import Secret, Settings

# The links of the exchange, which are skipped together.
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
    show = showing(out, as_json=as_json, verbose=verbose)

    def keep(step: Step) -> None:
        steps.append(step)
        show(step)

    status = check(settings, keep, budget=budget, said=said)
    out.write((document if as_json else closing)(steps, cost(settings)))
    return status


class _Walk(LocalSteps):
    """One walk along the chain, with the results so far."""

    def __init__(
        self,
        settings: Settings,
        show: Callable[[Step], None],
        clock: Callable[[], float],
        budget: float,
        said: Sequence[str],
    ) -> None:
        super().__init__(settings, show, clock, budget)
        self._settings_in_words = said
        self._readers: dict[str, Reader] = {}
        self._unreachable: set[str] = set()
        self._surveyed: list[probes.Target] = []  # whose addresses have all been tried

    def run(self) -> None:
        """Take all steps."""
        self._begin(self._settings_in_words)
        credentials = None
        if not self._local:
            usable = self._files()
            # The network is checked even if a file is broken.
            if self._network() and usable:
                credentials = self._exchange()
            else:
                self._skip(*EXCHANGE)
        for secret in self._wanted.values():
            self._read(secret, credentials)
        self._variables()
        if self._settings.cache:
            self._cache()
        self._rotations()

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
            self._read_file(secret)
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

    def _rotations(self) -> None:
        """Show which versions of these secrets a running secretenv has refused; nothing if there are none."""
        from secretenv.cli.status import finding
        from secretenv.cli.status.shown import refusal

        try:
            runs = finding.find().runs
        except SecretenvError:  # there is no /proc
            return
        for run in runs:
            refused = [each for each in run.status["refused"] if each["secret"] in self._wanted]
            warnings = tuple(
                f"refused {span(run.age(each['since']))} ago: "
                f"{refusal(each['secret'], each['version'], each['why'])}; the command keeps its old values"
                for each in refused
            )
            if warnings:
                text = f"{run.status['program']} is run by secretenv process {run.pid}"
                self._show(Step("rotation", ok=True, text=text, warnings=warnings))
