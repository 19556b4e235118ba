"""Asking the sandbox's credentials provider as a device does, by plain `requests`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from secretenv.sandbox import Device, Sandbox


def ask(
    sandbox: Sandbox, device: Device | None = None, *, alias: str = "sandbox-alias", thing: str = "", endpoint: str = ""
) -> requests.Response:
    """Ask for credentials as a device does."""
    device = device or sandbox.first
    with requests.Session() as session:
        session.trust_env = False
        return session.get(
            f"https://{endpoint or sandbox.endpoint}/role-aliases/{alias}/credentials",
            cert=(str(device.cert), str(device.key)),
            verify=str(sandbox.ca),
            headers={"x-amzn-iot-thingname": thing} if thing else {},
            timeout=20,
        )


def address(sandbox: Sandbox) -> tuple[str, int]:
    """Return where the credentials provider listens."""
    return "127.0.0.1", int(sandbox.endpoint.rpartition(":")[2])
