"""What the integration tests of a fetch share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .fetching import VALUE

if TYPE_CHECKING:
    from secretenv.sandbox import Sandbox


@pytest.fixture
def aws(sandbox: Sandbox) -> Sandbox:
    """Return the sandbox with values in its first secret that must not be seen."""
    sandbox.rotate("sandbox/app", VALUE)
    sandbox.reset()
    return sandbox
