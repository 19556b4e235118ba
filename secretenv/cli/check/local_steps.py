"""The steps of a check that need no network: settings, files, and the variables of what was read.

`walk` and `offline` go on from here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from secretenv.cli.check import probes
from secretenv.cli.check.report import Step
from secretenv.cli.edges import by_edge
from secretenv.cli.isolation import in_time
from secretenv.defects import as_error
from secretenv.errors import SecretenvError
from secretenv.fetcher import file_secret, secret_files, variables
from secretenv.guessing import shown_key
from secretenv.identity import certificate
from secretenv.settings import FILE_SCHEME
from secretenv.wording import many, span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretenv.cache_protocol import Known, Outcome
    from secretenv.errors import Link
    from secretenv.identity import x509
    from secretenv.identity.certificate import At, Context
    from secretenv.settings import Secret, Settings

# The links of the files, which are skipped together.
FILES = ("certificate file", "key file", "roots file", "key", "certificate", "key permissions")


class LocalSteps:
    """A walk along these steps, with the first link that broke; each file is read within a limit.

    Args:
        settings: of the device.
        show: called with each step.
        clock: this machine's, in seconds since the epoch.
        budget: seconds to wait for all files together.

    Attributes:
        broken: the first link that broke; empty if none did.
    """

    def __init__(
        self, settings: Settings, show: Callable[[Step], None], clock: Callable[[], float], budget: float
    ) -> None:
        self.broken = ""
        self._settings, self._device = settings, settings.device
        self._show, self._clock = show, clock
        self._budget = self._patience = budget
        self._wanted = {secret.key: secret for secret in settings.secrets}
        self._local = all(secret.local for secret in settings.secrets)
        self._context: Context
        self._said: x509.Certificate | None = None
        self._pair_fits = False
        self._readings: dict[str, variables.Reading] = {}

    def fail(self, error: Exception) -> None:
        """Show the step at which this happened."""
        found = as_error(error, SecretenvError)
        self.broken = self.broken or found.link
        self._show(Step(found.link, ok=False, text=found.message, hint=found.hint))

    def _begin(self, said: Sequence[str]) -> None:
        """Show the settings; `said` are the same in words, each with its source."""
        device = self._device
        who = "" if self._local else f"role alias {device.role_alias} at {device.endpoint}, "
        secrets = many(len(self._wanted), "secret")
        text = f"{who}{secrets}, checked every {span(self._settings.interval)}"
        self._show(Step("settings", ok=True, text=text, warnings=self._settings.warnings, notes=tuple(said)))
        if self._local:
            self._show(
                Step("exchange", ok=None, text="not needed, nor are the steps that lead to it: all secrets are files")
            )

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
        current = False
        if has_certificate and has_key:
            self._pair_fits = self._fits(key)
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
        return has_roots and self._pair_fits and current and allowed

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

    def _read_file(self, secret: Secret) -> None:
        """Read a secret that is a file."""
        path = secret.id.removeprefix(FILE_SCHEME)
        self._look("file", path, lambda: self._keep("file", file_secret.read(secret)))

    def _keep(self, link: str, reading: variables.Reading) -> Step:
        self._readings[reading.secret.key] = reading
        whole = [secret.name for secret in self._settings.secrets if secret.name and secret.key == reading.secret.key]
        return probes.read(link, reading, self._clock(), whole)

    def _variables(self) -> dict[str, str]:
        """Make the variables of the secrets that were read, and return them as far as they could be made."""
        secrets = [secret for secret in self._settings.secrets if secret.key in self._readings]
        if not secrets:
            self._skip("variables")
            return {}
        found = [self._readings[secret.key] for secret in secrets]
        readings = [reading.for_secret(secret) for secret, reading in zip(secrets, found, strict=True)]
        values: dict[str, str] = {}

        def step() -> Step:
            nonlocal values
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
        return values

    def _cache(self) -> Known | None:
        """Open the cache, and return what is in it; None where there is nothing that can be used."""
        from secretenv.cli.check import cache  # most devices have none

        settings = self._settings
        found: Outcome | None = None

        def step() -> Step:
            nonlocal found
            found = cache.opened(settings, self._clock)
            return cache.step(settings, found.known, found.sealed_at) if found.known else self._no_cache()

        self._look("cache", settings.cache, step)
        if found is None:
            return None
        self._demand(lambda: cache.demand_place(settings))
        if not found.known and self._pair_fits:
            self._demand(lambda: cache.demand_key(settings))
        return found.known

    def _no_cache(self) -> Step:
        """Return the step for a cache that is not there."""
        text = f"{self._settings.cache}: not there yet; it is written after the first successful start"
        return Step("cache", ok=None, text=text)

    def _demand(self, work: Callable[[], None]) -> None:
        """Show the error that `work` raises, if it raises one."""

        def within(at: At) -> None:
            at("cache", self._settings.cache)
            work()

        try:
            in_time(within, self._budget)
        except SecretenvError as error:
            self.fail(error)
