"""Helpers of the tests of a check with a cache: a device with a key and a certificate, and what is sealed for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from secretenv.cache.main import perform
from secretenv.cache_protocol import CacheTask, Known
from secretenv.protocol import Answer
from tests.unit.identity import certificates

from .checking import settings

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.settings import Settings

DAY = 86400.0
MARKER = "MARKER-0f3a-value-that-must-not-be-shown"


class Device:
    """A device with an EC key, whose cache is in a folder of its own.

    Args:
        folder: for its files.
        key: another one.
        dates: of the certificate, as `certificates.certificate` takes them.
    """

    def __init__(self, folder: Path, key: certificates.Key | None = None, **dates: Any) -> None:
        self.folder = folder
        self.key = key or certificates.ec_key()
        self.file = folder / "app.cache"
        self.secrets, self.more = "app", dict[str, str]()  # that a cache is sealed for
        self.files = {
            "SECRETENV_CERT": certificates.write(folder / "device.crt", certificates.certificate(self.key, **dates)),
            "SECRETENV_KEY": certificates.write(folder / "device.key", certificates.pem(self.key)),
        }

    def settings(self, secrets: str = "app", **more: str) -> Settings:
        """Return its settings, with the cache unless `more` says otherwise."""
        return settings(secrets, **{**self.files, "SECRETENV_CACHE": str(self.file), **more})

    def seal(self, *, age: float = 3 * DAY, then: float = 0.0, **changes: Any) -> None:
        """Seal values that AWS confirmed so long ago; `then` is how far from now the clock is at that time."""
        answer = Answer()
        answer.variables, answer.versions = {"PASSWORD": MARKER, "USER": "u"}, {"app": "version-1"}
        fields = {"answer": answer, "refused": {}, "why": "", "age": age, "denied": None, "denials": 0}
        known = Known(**{**fields, **changes})
        assert (
            perform(
                CacheTask.of("seal", self.settings(self.secrets, **self.more), known), lambda: time.time() + then
            ).error
            is None
        )
