"""The servers of a sandbox, and the order in which they may answer: a test's hook, a fault, the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretenv.sandbox.faults import Faults
from secretenv.sandbox.provider import Provider, data_endpoint
from secretenv.sandbox.secretsmanager import SecretsManager
from secretenv.sandbox.server import Server, server_context

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from secretenv.sandbox.account import Account
    from secretenv.sandbox.authority import Authority
    from secretenv.sandbox.server import Reply, Request


class Services:
    """The credentials provider, the data endpoint and Secrets Manager on random ports.

    Args:
        account: whose services they are.
        hook: called with every request first.
        closing: set when they are about to stop.
    """

    def __init__(self, account: Account, hook: Callable[[Request], Reply | None], closing: threading.Event) -> None:
        self.provider = Provider(account)
        self.secretsmanager = SecretsManager(account)
        self.faults = Faults(account, closing)
        account.skew = self.faults.clock_offset
        self._account = account
        self._hook = hook
        self._closing = closing

    def start(self, authority: Authority, folder: Path, stack: ExitStack) -> tuple[int, int, int]:
        """Begin to answer until `stack` is closed, and return the three ports in their order.

        Args:
            authority: signs the servers' certificate, and those of the devices that get in.
            folder: where the servers' files are put.
            stack: takes what ends the servers.
        """
        context, now = server_context(authority, folder), self._account.now
        servers = (
            Server("credentials", self._answer, now, context=context, refused=self.provider.refused),
            Server("data", self._answer, now, context=context),
            Server("aws", self._answer, now),
        )
        for server in servers:
            server.start()
            stack.callback(server.stop)
        stack.callback(self._closing.set)  # before the servers stop: their requests may wait for it
        credentials, data, aws = servers
        control = self.secretsmanager.control
        control.authority, control.endpoint = authority, f"localhost:{credentials.port}"
        return credentials.port, data.port, aws.port

    def _answer(self, request: Request) -> Reply:
        reply = self._hook(request)
        if request.service == "credentials":
            reply = reply or self.faults.through(request, self.provider.answer)
            self.provider.note(request, reply)
        elif request.service == "aws":
            # Faults do not concern the operator, who rotates secrets meanwhile.
            if not reply and self.secretsmanager.is_operators(request):
                reply = self.secretsmanager.answer(request)
            reply = reply or self.faults.through(request, self.secretsmanager.answer)
            self.secretsmanager.note(request, reply)
        return reply or data_endpoint(request)
