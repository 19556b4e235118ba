"""A local AWS that is as strict as the real one, for trying secretenv and for testing it.

It needs the extra `sandbox`; this is the one place that reports it missing.
"""

from __future__ import annotations

from secretenv.sandbox import messages

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
    raise messages.NO_EXTRA(package=_error.name) from _error

__all__ = ["ApiRequest", "Device", "Exchange", "Kind", "Reply", "Request", "Sandbox"]
