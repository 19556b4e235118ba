"""The plan that `run --dry-run` shows."""

from __future__ import annotations

from secretenv.cli.dry_run import plan
from secretenv.protocol import Answer


def test_names_origins_and_versions_but_no_values() -> None:
    """Each variable with its secret and whether it replaces one, each version but that of a file, and the program."""
    answer = Answer()
    answer.variables = {"B\n": "hidden", "C": "\ufeffhidden\n", "HOME": "hidden\n"}
    answer.origins = {"B\n": "prod/app", "C": "prod/app", "HOME": "file:///x"}
    answer.versions = {"prod/app": "v1", "file:///x": "hash"}
    assert plan("/bin/tr\x1bue", answer, {"HOME"}, ["interval = 1m (--interval)"]).splitlines() == [
        "VARIABLE  SECRET     NOTE",
        '"B\\n"     prod/app',
        "C         prod/app   begins with a byte order mark, ends with a newline",
        "HOME      file:///x  replaces an inherited variable, ends with a newline",
        "",
        "setting: interval = 1m (--interval)",
        "prod/app: version v1",
        "file:///x: version not shown: it is a file",
        "command: /bin/tr?ue (not started)",
    ]
