"""Send the requests of a client of botocore, and read no more of an answer than a real one can contain."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECT, READ = 5, 10  # seconds, the second for each piece of an answer
# A secret has at most 64 KiB (quotas of Secrets Manager), of which JSON may make six times as much: \u00e4.
LARGEST = 7 << 16
BATCH = 20  # secrets in one answer


class TooLargeError(Exception):
    """An answer is larger than any of Secrets Manager's."""


class Wire:
    """Connections to one endpoint.

    Args:
        verify: the file with the roots to trust, or True for certifi's.
        proxies: as botocore takes them.
        at_once: how many connections are kept.
    """

    def __init__(self, verify: str | bool, proxies: Mapping[str, str], at_once: int) -> None:  # noqa: FBT001 - botocore's
        self._session = URLLib3Session(
            verify=verify,
            proxies=proxies,
            timeout=(CONNECT, READ),
            max_pool_connections=at_once,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    def send(self, request: Any, **_: Any) -> AWSResponse:
        """Return the answer to a request: what botocore's event `before-send` asks for.

        Raises:
            TooLargeError: the answer is too large.
            botocore.exceptions.ConnectionError: there is none.
            botocore.exceptions.HTTPClientError: it broke off.
        """
        request.stream_output = True  # so that nothing is read yet
        answer = self._session.send(request)
        largest = LARGEST * (BATCH if b"Batch" in request.headers.get("X-Amz-Target", b"") else 1)
        try:
            # Not unpacked, as by botocore itself: gigabytes stay packed.
            body = answer.raw.read(largest + 1, decode_content=False)
        except Exception as error:
            raise HTTPClientError(error=error) from error
        finally:
            answer.raw.close()  # the connection of a complete answer is back in the pool by now
        if len(body) > largest:
            raise TooLargeError
        return AWSResponse(answer.url, answer.status_code, answer.headers, _Body(body))


class _Body:
    """A body that has been read, as botocore takes it from urllib3."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content
