"""A local AWS that is as strict as the real one, for trying secretenv and for testing it.

It needs the extra `sandbox`; this is the one place that says so when it is missing.
"""

from __future__ import annotations

from secretenv.errors import SettingsError

_EXTRA = {"cryptography", "flask", "flask_cors", "moto", "werkzeug"}

try:
    from secretenv.sandbox.authority import Kind
    from secretenv.sandbox.devices import Device
    from secretenv.sandbox.provider import Exchange
    from secretenv.sandbox.secretsmanager import ApiRequest
    from secretenv.sandbox.server import Reply, Request
    from secretenv.sandbox.world import Sandbox
except ModuleNotFoundError as _error:
    if (_error.name or "").partition(".")[0] not in _EXTRA:
        raise
    raise SettingsError(
        f"the sandbox needs the Python package {_error.name}, which is not installed",
        hint="pip install '.[sandbox]' in a checkout of secretenv",
    ) from _error

__all__ = ["ApiRequest", "Device", "Exchange", "Kind", "Reply", "Request", "Sandbox"]
