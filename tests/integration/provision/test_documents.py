"""The actions that an operator needs are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretenv.provision.documents import OPERATOR_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.provision.operating import Operator


def test_the_rights_that_an_operator_needs(operator: Operator, limited: Callable[..., None], tmp_path: Path) -> None:
    """The actions that are documented are enough for everything, from nothing through changes to the end."""
    limited("enough", *OPERATOR_ACTIONS)
    words = ["enough", "--from-file", "app.json", "--new-certificate", "certs"]
    operator.does(*words)
    (tmp_path / "app.json").write_text("{}")
    operator.does(*words, "--duration", "12h")
    operator.does("destroy", "enough", "--yes")
