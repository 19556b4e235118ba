"""Requests go to a test's hook first, and each endpoint answers for itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from secretenv.sandbox import Reply, Sandbox
from tests.integration.sandbox.asking import ask

if TYPE_CHECKING:
    from secretenv.sandbox import Request


def test_the_data_endpoint_knows_no_role_aliases(sandbox: Sandbox) -> None:
    """The wrong type of endpoint answers 404 Not Found with a trace id, and is no exchange."""
    answer = ask(sandbox, endpoint=sandbox.data_endpoint)

    assert answer.status_code == 404
    assert answer.json().keys() == {"message", "traceId"}
    assert answer.json()["message"] == "Not Found"
    assert sandbox.exchanges == ()


def test_a_hook_may_answer_instead(sandbox: Sandbox) -> None:
    """The seam for faults: a reply of the hook's own goes out instead, and is counted."""

    def throttle(request: Request) -> Reply | None:
        return Reply(status=429, body=b'{"message":"slow down"}') if request.service == "credentials" else None

    sandbox.on_request = throttle

    assert ask(sandbox).status_code == 429
    assert [(seen.status, seen.message) for seen in sandbox.exchanges] == [(429, "slow down")]


def test_a_hook_may_hang_up(sandbox: Sandbox) -> None:
    """A ConnectionError of the hook closes the connection without an answer."""

    def hang_up(request: Request) -> Reply | None:
        raise ConnectionResetError

    sandbox.on_request = hang_up

    with pytest.raises(requests.exceptions.ConnectionError):
        ask(sandbox)


def test_a_waiting_hook_ends_with_the_sandbox() -> None:
    """A hook that waits for `closing` lets the sandbox end at once."""
    entered = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with Sandbox() as sandbox:

            def hang(request: Request) -> Reply | None:
                entered.set()
                sandbox.closing.wait()
                raise ConnectionAbortedError

            sandbox.on_request = hang
            future = pool.submit(ask, sandbox)
            assert entered.wait(20)
        assert isinstance(future.exception(), requests.exceptions.ConnectionError)
