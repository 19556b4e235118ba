"""The settings file of the device, as text: what `secretenv run --config` reads. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretenv.provision.wanted import Wanted

# Where the device's files are, if provision did not write them.
CERT, KEY = "/etc/secretenv/device.pem.crt", "/etc/secretenv/private.pem.key"


def text(  # noqa: PLR0913 - each is a key of the file
    wanted: Wanted, *, endpoint: str, region: str = "", cert: str = "", key: str = "", ca: str = ""
) -> str:
    """Return the file.

    Args:
        wanted: what was made.
        endpoint: of the credentials provider.
        region: empty: the device takes it from the endpoint's name.
        cert: path of the certificate; empty: the operator puts it where the settings file says.
        key: the same for its key.
        ca: roots to trust; empty: the usual ones.
    """
    device = {
        "cert": cert or CERT,
        "key": key or KEY,
        "ca": ca,
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


def quoted(value: str) -> str:
    """Return a text as TOML writes it: JSON's strings are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
