"""The settings file of the device, as text: what `secretenv run --config` reads. Pure.

All its paths are relative: they start at the file's folder, wherever that is copied to.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secretenv.provision.wanted import Wanted

# The files of a device's folder.
CONFIG, CERT, KEY, CA = "config.toml", "device.pem.crt", "private.pem.key", "ca.pem"


def text(wanted: Wanted, *, endpoint: str, region: str = "", roots: bool = False) -> str:
    """Return the file.

    Args:
        wanted: what was made.
        endpoint: of the credentials provider.
        region: empty: the device takes it from the endpoint's name.
        roots: whether the device trusts a file of its own instead of the usual roots.
    """
    device = {
        "cert": CERT,
        "key": KEY,
        "ca": CA if roots else "",
        "endpoint": endpoint,
        "role_alias": wanted.alias,
        # Only where policies use it: AWS refuses a wrong name even where none is needed.
        "thing_name": (wanted.thing or "THING") if wanted.per_thing else "",
    }
    lines = [f"# The device's settings, written by `secretenv provision {wanted.name}`.", "[device]"]
    lines += [f"{name} = {quoted(value)}" for name, value in device.items() if value]
    if region:
        lines += ["", "[run]", f"region = {quoted(region)}"]
    for secret in wanted.read:
        lines += ["", "[[secret]]", f"id = {quoted(secret)}"]
    return "\n".join(lines) + "\n"


def differences(found: str, wanted: str) -> list[str]:
    """Return the settings in which a file differs from what it must contain; it may contain others."""
    try:
        there = tomllib.loads(found)
        secrets = [each["id"] for each in there.get("secret", [])]
        device, run = there.get("device", {}), there.get("run", {})
    except (tomllib.TOMLDecodeError, TypeError, KeyError, AttributeError):
        return ["its form: it is not a settings file"]
    right: dict[str, Any] = tomllib.loads(wanted)
    missing = [each["id"] for each in right["secret"] if each["id"] not in secrets]
    names = ("endpoint", "role_alias", "thing_name")
    wrong = [name for name in names if device.get(name) != right["device"].get(name)]
    wrong += ["region"] if run.get("region") != right.get("run", {}).get("region") else []
    return wrong + [f"secret {name}" for name in missing]


def quoted(value: str) -> str:
    """Return a text as TOML writes it: JSON's strings are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
