"""The table of options, from which the command line, the variables and the documents derive."""

from __future__ import annotations

import pytest

from secretenv.config.options import OPTIONS, Option


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.default], ids=lambda option: option.name)
def test_a_default_is_a_text_that_its_parser_takes(option: Option) -> None:
    """A default is something that a user could write."""
    option.parse(option.default)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_names_derive_from_one(option: Option) -> None:
    """The key of the settings file and the variable are the option's name, written their way."""
    assert option.key == option.name.replace("-", "_")
    assert option.variable == f"SECRETENV_{option.key.upper()}"
    assert option.variables[0] == option.variable


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_help_is_one_phrase(option: Option) -> None:
    """Each meaning is a phrase without a final stop, so that it can stand in the help, a table and the manual page."""
    assert option.help
    assert not option.help.endswith(".")
    assert "|" not in option.help
