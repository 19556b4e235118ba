"""`secretenv/share/man/man1/secretenv.1` says what `--help` says."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from secretenv.cli import app
from secretenv.config.options import OPTIONS
from secretenv.provision.command import app as provision
from tests.manpage import FILE, escaped, page


def test_the_manual_page_is_up_to_date() -> None:
    """The manual page is made from the help, and made again when the help changes."""
    assert FILE.read_text("utf-8") == page(), "run python -m tests.manpage"


def test_every_command_is_in_it() -> None:
    """`provision`, whose options are read only where they are needed, is no exception."""
    text = FILE.read_text("utf-8")
    for group in (app.with_provision(), provision, app.cache):
        for command in group.registered_commands:
            name = command.name or getattr(command.callback, "__name__", "")
            assert name == "make" or f"{name}\\fR [OPTIONS]" in text
    assert "\\-\\-new\\-certificate" in text


def test_roff_takes_each_text_as_it_is() -> None:
    """No text begins a request or an escape, and dashes, quotes and accents can be copied from the page."""
    assert escaped(".x 'a' -b `c` \\n") == "\\&.x \\(aqa\\(aq \\-b \\(gac\\(ga \\en"


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not here")
def test_the_manual_page_renders() -> None:
    """Groff renders it without a warning, each option in it."""
    call = ["groff", "-man", "-ww", "-Tascii", "-P-c", "-rLL=200n", str(FILE)]
    done = subprocess.run(call, check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    text = re.sub(r".\x08", "", done.stdout)  # bold is a character over itself
    for option in OPTIONS:
        assert f"--{option.name} {option.metavar}".strip() in text
        assert option.variable in text
