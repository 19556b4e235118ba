"""README.md and docs/ say what the code says. `python -m tests.unit.docs.test_readme` rewrites the derived parts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable  # noqa: TC003 (PARTS is annotated at run time)
from pathlib import Path

import pytest

from secretenv import provision
from secretenv.config import merge
from secretenv.config.options import OPTIONS
from secretenv.provision.documents import OPERATOR_ACTIONS
from tests.unit.docs import catalogue, house, status_tables

README = Path(__file__).parents[3] / "README.md"
PAGES = [README, *sorted(README.parent.joinpath("docs").glob("*.md"))]

_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/myapp-AbCdEf"
_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_ALIAS = "arn:aws:iot:eu-west-1:111122223333:rolealias/secrets-of-myapp"


def options_table() -> str:
    """Return the table of options in Markdown."""
    rows = ["| option | variable | default | meaning |", "| --- | --- | --- | --- |"]
    for option in OPTIONS:
        metavar = f" {option.metavar}".replace("|", "\\|") if option.metavar else ""
        names = ", ".join(f"`{name}`" for name in option.variables)
        default = f"`{option.default}`" if option.default else option.shown_default
        rows.append(f"| `--{option.name}{metavar}` | {names} | {default} | {option.help} |")
    return "\n".join(rows)


def _policy(document: object) -> str:
    return f"```json\n{json.dumps(document)}\n```"


PARTS: dict[str, Callable[[], str]] = {
    "errors": catalogue.table,
    "packages": house.packages,
    "files": house.files,
    "options": options_table,
    "secret-policy": lambda: _policy(provision.secret_policy([_SECRET])),
    "kms-policy": lambda: _policy(provision.secret_policy([_SECRET], [_KEY])),
    "trust-policy": lambda: _policy(provision.trust_policy()),
    "assume-policy": lambda: _policy(provision.assume_policy(_ALIAS)),
    "events": status_tables.events_table,
    "status-fields": status_tables.fields_table,
    "metrics": status_tables.metrics_table,
    "operator-actions": lambda: "\n".join(f"- `{action}`" for action in OPERATOR_ACTIONS),
}


def between(name: str) -> re.Pattern[str]:
    """Return the pattern of a derived part."""
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)


@pytest.mark.parametrize("name", PARTS)
def test_derived_parts_are_up_to_date(name: str) -> None:
    """Options, policies, errors, packages and files in README.md and docs/ are what the code says."""
    found = [part[2] for page in PAGES if (part := between(name).search(page.read_text("utf-8")))]
    assert [part.strip() for part in found] == [PARTS[name]()], "run python -m tests.unit.docs.test_readme"


def test_each_event_is_in_the_table() -> None:
    """docs/logs.md lists the events that a log line can have, and no others."""
    assert sorted(status_tables.EVENTS) == sorted(status_tables.events())


def test_each_error_stands_below_a_link() -> None:
    """The page of errors has no heading without a word: what several links can say names them all."""
    assert all(entry.link for entry in catalogue.entries())


def test_the_files_that_architecture_names_are_there() -> None:
    """Whoever looks for a rule finds the file that docs/architecture.md names."""
    text = (README.parent / "docs" / "architecture.md").read_text("utf-8")
    (table,) = re.findall(r"^## Which file decides .*?\n\n(.*?)\n\n", text, re.DOTALL | re.MULTILINE)
    named = re.findall(r"`([a-z_/]+\.py)`", table)
    assert len(named) > 20
    missing = [name for name in named if name != "messages.py" and not (README.parent / "secretenv" / name).is_file()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link from README.md or docs/ to a file of the project finds it."""
    for target in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_readme_is_short() -> None:
    """README.md stays under 250 lines."""
    assert len(README.read_text("utf-8").splitlines()) < 250


def test_the_settings_file_is_one(tmp_path: Path) -> None:
    """The settings file in README.md is accepted as it stands."""
    (block,) = re.findall(r"^```toml\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    file = tmp_path / "config.toml"
    file.write_text(block, "utf-8")
    read = merge.read({"config": str(file)}, {}, ["myapp"])
    assert [(secret.id, secret.name, secret.prefix) for secret in read.secrets] == [
        ("prod/myapp", "", "APP_"),
        ("prod/database-url", "DATABASE_URL", ""),
    ]


def test_the_first_seven_options_are_the_device() -> None:
    """The options that README.md puts into [device] are those that the file has there."""
    assert [option.table for option in OPTIONS[:9]] == ["", *["device"] * 7, "run"]


def test_no_text_names_the_other_project() -> None:
    """The name on the package index is another project's: nobody is told to install that."""
    for file in [README, README.with_name("CHANGELOG.md"), *README.parent.joinpath("secretenv").rglob("*.py")]:
        assert not re.search(r"pip3? install (-\S+ )*secretenv\b", file.read_text("utf-8")), file


def write() -> None:
    """Write the derived parts into README.md and docs/."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for name, make in PARTS.items():
            if found := between(name).search(text):
                text = f"{text[: found.end(1)]}{make()}\n{text[found.start(3) :]}"
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
