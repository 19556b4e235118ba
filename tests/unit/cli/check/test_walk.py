"""The walk of `secretenv check` along the chain, as far as it needs neither network nor AWS."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.cli.check import walk
from secretenv.fetcher import variables

from .checking import settings, terminal_of_60

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.cli.check.report import Step
    from secretenv.settings import Settings

MARKER = "MARKER-0f3a-value-that-must-not-be-shown"


def shown(of: Settings, *said: str, **how: bool) -> tuple[int, str]:
    """Return the status of a check and what it writes into a pipe."""
    out = io.StringIO()
    return walk.present(of, out, said, **how), out.getvalue()


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    """Return the settings of a run whose secret is a file with a marker in it."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps({"PASSWORD": MARKER, "USER": "u"}))
    return settings(f"file://{path}")


def test_secrets_in_files_need_no_aws(local: Settings) -> None:
    """With file:// secrets only, one line says that AWS is not needed, and polling costs nothing."""
    status, text = shown(local)
    assert status == 0
    words = {line[6:24].strip(): line[:4].strip() for line in text.splitlines() if line[:4].strip() in {"ok", "skip"}}
    needed = {"settings", "file", "variables"}
    assert {link for link, word in words.items() if word == "ok"} == needed
    assert words.keys() - needed == {"exchange"}
    assert text.count("skip") == 1
    assert "polling: costs nothing" in text
    assert text.endswith("all is well\n")


def test_values_with_odd_edges(tmp_path: Path) -> None:
    """A value that ends with a newline or begins with a byte order mark is a warning; it is not shown."""
    pem = f"-----BEGIN KEY-----\n{MARKER}\n-----END KEY-----\n"
    (tmp_path / "keys").write_text(json.dumps({"A": f"{MARKER}\n", "B": f"{MARKER}\r\n", "PEM": pem, "FINE": MARKER}))
    (tmp_path / "whole").write_text(f"\ufeff{MARKER}\n")
    (tmp_path / "pem").write_text(pem)
    keys, whole, file = (f"file://{tmp_path}/{name}" for name in ("keys", "whole", "pem"))
    status, text = shown(settings(f"{keys} WHOLE={whole} FILE={file}"))
    assert status == 0
    assert [line for line in text.splitlines() if line.startswith("warn")] == [
        "warn  variables         the value ends with a newline: A, B, WHOLE",
        "warn  variables         the value begins with a byte order mark: WHOLE",
    ]
    (line,) = [line for line in text.splitlines() if file in line]
    assert line.endswith("not JSON, ends with a newline")  # as a text of several lines does
    assert MARKER not in text


def test_settings_and_their_sources(local: Settings) -> None:
    """Each setting is shown below the link `settings`, in JSON too."""
    _, text = shown(local, "interval = 1m (--interval)")
    assert "ok    settings" in text.splitlines()[0]
    assert text.splitlines()[1] == "set   settings          interval = 1m (--interval)"
    _, document = shown(local, "interval = 1m (--interval)", as_json=True)
    assert json.loads(document)["steps"][0]["notes"] == ["interval = 1m (--interval)"]


@pytest.mark.parametrize("how", [{}, {"verbose": True}, {"as_json": True}])
def test_no_value_is_shown(local: Settings, how: dict[str, bool]) -> None:
    """Names, counts and sizes are shown, never a value or a hash that reveals it."""
    _, text = shown(local, **how)
    assert MARKER not in text
    assert not re.search("[0-9a-f]{32}", text)
    assert ("PASSWORD" in text) == bool(how)


def test_json(local: Settings) -> None:
    """--json is one document: ok, the broken link, every step, and the cost."""
    status, text = shown(local, as_json=True)
    document = json.loads(text)
    assert document.keys() == {"ok", "broken", "steps", "cost"}
    assert document["ok"] is (status == 0) is True
    assert document["broken"] is None
    last = document["steps"][-1]
    assert last == {
        "link": "variables",
        "ok": True,
        "text": "2 variables from 1 secret",
        "hint": "",
        "warnings": [],
        "details": ["PASSWORD", "USER"],
        "notes": [],
    }


def test_it_goes_on_where_it_can(tmp_path: Path, local: Settings) -> None:
    """After a secret that cannot be read come the others, and the variables of what could be read."""
    of = settings(f"file://{tmp_path}/missing {local.secrets[0].id}")
    status, text = shown(of)
    assert status == 1
    assert "FAIL  file" in text
    assert "2 variables from 1 secret, without 1 secret that could not be read" in text
    *_, polled, broken, hint = text.splitlines()
    assert polled.startswith("polling: ")
    assert broken == f"broken: file: secret file://{tmp_path}/missing cannot be read: No such file or directory"
    assert hint == f"hint: ls -l {tmp_path}/missing"


def test_content_that_cannot_be_variables(tmp_path: Path) -> None:
    """A secret that was read but is not a JSON object breaks the link `content`."""
    path = tmp_path / "secret"
    path.write_text(MARKER)
    status, text = shown(settings(f"file://{path}"))
    assert status == 1
    assert "ok    file" in text
    assert "broken: content: " in text
    assert MARKER not in text


def test_warnings_are_lines_of_their_own(tmp_path: Path) -> None:
    """A warning of a run is shown at the link that it is about, and breaks nothing."""
    path = tmp_path / "secret.json"
    path.write_text('{"PATH": "x"}')
    status, text = shown(settings(f"file://{path}", SECRETENV_SECRTE="typing error"))
    assert status == 0
    assert re.search(r"^ok    settings .*\nwarn  settings +SECRETENV_SECRTE", text, re.MULTILINE)
    assert re.search(r"^ok    variables .*\nwarn  variables .*PATH", text, re.MULTILINE)


def test_a_defect_shows_no_values(local: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is shown with its place, never with its text."""

    def fail(_: object) -> Any:
        raise RuntimeError(MARKER)

    monkeypatch.setattr(variables, "variables", fail)
    status, text = shown(local)
    assert status == 1
    assert re.search(
        r"broken: secretenv: an unexpected RuntimeError at cli/check/\w+.py:\d+ \(.+\)\nhint: .*report", text
    )
    assert MARKER not in text


def test_memory_is_no_defect(local: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lack of memory is shown as such, not as a defect to report."""

    def fail(_: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(variables, "variables", fail)
    status, text = shown(local)
    assert status == 1
    assert text.endswith("broken: secretenv: there is no memory left\nhint: free; ulimit -v\n")


def test_a_secret_given_twice_is_read_once(local: Settings) -> None:
    """As in a fetch, one id is one call, however many variables it becomes."""
    one = local.secrets[0].id
    steps: list[Step] = []
    assert walk.check(settings(f"{one} WHOLE={one}"), steps.append) == 0
    assert [step.link for step in steps].count("file") == 1
    assert steps[-1].details == ("PASSWORD", "USER", "WHOLE")


def test_table_on_a_terminal(local: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is a table with ticks and crosses, in colours, within its width."""
    terminal = terminal_of_60(monkeypatch)
    assert walk.present(local, terminal) == 0
    text = terminal.getvalue()
    assert "✓" in text
    assert "\x1b[32m" in text
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b" not in bare  # nothing moves the cursor
    rows = bare.partition("\n\n")[0].splitlines()
    assert all(len(row) <= 60 for row in rows)
    assert rows[0].startswith("✓  settings          1 secret")
