"""The errors of reading secrets and of making variables of them, in words."""

from __future__ import annotations

from secretenv.errors import FetcherError, Message

# fetcher
FETCH_TOO_LONG = Message(
    FetcherError, "the fetch took longer than {time} at the step {step}", "check the network", transient=True
)
