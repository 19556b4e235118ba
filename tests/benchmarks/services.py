"""The two services in a process of their own: the sandbox, behind links of several round-trip times.

Secrets Manager gets TLS in front, as AWS has it. The roots that devices are given hold certifi's as well, since to
load those is a part of every real start. Read by `stage`; it ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import certifi

from secretenv.sandbox import Sandbox
from secretenv.sandbox.authority import Authority
from secretenv.sandbox.server import server_context
from secretenv.sandbox.world import SECRET
from tests.benchmarks.link import relay

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUND_TRIPS = (0, 50, 200)  # milliseconds
MOST_SECRETS = 100
VALUE = {f"KEY_{number}": "a value of some thirty characters" for number in range(10)}


def main() -> None:
    """Serve until standard input ends."""
    with Sandbox() as sandbox:
        names = [SECRET, *(f"bench/{number}" for number in range(1, MOST_SECRETS))]
        for name in names[1:]:
            sandbox.secret(name, VALUE)
        sandbox.rotate(SECRET, VALUE)
        sys.stdout.write(json.dumps({"secrets": names, "variables": _variables(sandbox)}) + "\n")
        sys.stdout.flush()
        for line in sys.stdin:
            sys.stdout.write(json.dumps(_obey(sandbox, json.loads(line))) + "\n")
            sys.stdout.flush()


def _obey(sandbox: Sandbox, order: dict[str, Any]) -> dict[str, Any]:
    """Do what the benchmark asks for: a new version of the first secret, another life of credentials."""
    if "rotate" in order:
        return {"version": sandbox.rotate(SECRET, {**VALUE, "ROTATION": str(order["rotate"])})}
    sandbox.credential_life = order["life"]
    return {}


def _variables(sandbox: Sandbox) -> dict[int, dict[str, str]]:
    """Return a device's variables for each round-trip time."""
    folder = sandbox.folder / "tls"
    folder.mkdir()
    authority = Authority("Amazon of the benchmark")
    context = server_context(authority, folder)
    context.verify_mode = ssl.CERT_NONE
    roots = folder / "roots.pem"
    own = [sandbox.ca.read_text(), authority.pem.decode()]
    roots.write_text("".join([Path(certifi.where()).read_text("utf-8"), *own]), "utf-8")
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def ports(calls: Sequence[Any]) -> list[int]:
        async def all_of() -> list[int]:
            return list(await asyncio.gather(*calls))

        return asyncio.run_coroutine_threadsafe(all_of(), loop).result()

    provider = int(sandbox.endpoint.partition(":")[2])
    (secrets,) = ports([relay(int(sandbox.url.rpartition(":")[2]), 0, context)])
    found = {}
    for milliseconds in ROUND_TRIPS:
        ends = [provider, secrets]
        if milliseconds:
            ends = ports([relay(end, milliseconds / 1000) for end in ends])
        found[milliseconds] = {
            **sandbox.environment(endpoint=f"localhost:{ends[0]}"),
            "SECRETENV_CA": str(roots),
            "AWS_CA_BUNDLE": str(roots),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"https://localhost:{ends[1]}",
        }
    return found


if __name__ == "__main__":
    main()
