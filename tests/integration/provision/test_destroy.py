"""`secretenv provision destroy NAME` removes what was made, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.integration.sandbox.asking import ask

if TYPE_CHECKING:
    from tests.integration.provision.operating import Operator


def test_destroy_removes_exactly_what_was_made(operator: Operator) -> None:
    """Gone is what has the tag: not what was found and used, and not what another NAME made."""
    sandbox = operator.sandbox
    device = sandbox.device("given", permitted=False)
    shared = sandbox.secret("shared", {"A": "b"}, readable=False)
    operator.does("gone", "--from-file", "app.json", "--new-certificate", "certs")
    operator.does(
        "gone", "--certificate", device.certificate_id, "--thing", "second", "--secret", "gone", "--secret", shared
    )
    operator.does("gone-not", "--from-file", "app.json", "--certificate", str(device.cert))
    assert ask(sandbox, device, alias="secretenv-gone").status_code == 200

    unsure = operator("destroy", "gone")
    assert (unsure.status, unsure.changes) == (2, [])
    shown = operator.does("destroy", "gone", "--dry-run")
    assert shown.changes == []
    gone = operator.does("destroy", "gone", "--yes", "--force-delete-without-recovery")

    assert re.findall(r"secretenv: ([\w -]+?)(?: \w{12})?(?: \(for good\))?: removed", gone.err) == [
        "thing gone with certificate",
        "thing second",
        "policy secretenv-gone",
        "role alias secretenv-gone",
        "role secretenv-gone",
        "secret gone",
    ]
    assert len(gone.changes) == len(re.findall(r"^\w+:[A-Z]\w+ \{", shown.out, re.MULTILINE))
    assert operator.does("destroy", "gone", "--yes").err.startswith("secretenv: nothing is tagged secretenv=gone ")
    assert operator.does("gone-not", "--from-file", "app.json", "--certificate", device.certificate_arn).changes == []
    assert operator.secrets.get_secret_value(SecretId=shared)["SecretString"] == '{"A": "b"}'
    assert ask(sandbox, device, alias="secretenv-gone").json() == {"message": "Access Denied"}
    assert ask(sandbox, device, alias="secretenv-gone-not").status_code == 200
