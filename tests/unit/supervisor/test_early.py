"""What the first start probably needs, from the words and variables alone."""

from __future__ import annotations

import pytest

from secretenv.supervisor.early import guess

HOME = {b"HOME": b"/home/me"}
FILES = ["/home/me/.config/secretenv/config.toml", "/etc/secretenv/config.toml"]


@pytest.mark.parametrize(
    ("words", "variables", "expected"),
    [
        ("-- myapp", {}, (True, False, FILES)),
        ("--help", {}, (False, False, [])),
        ("--dry-run --cache=/c -- myapp", {}, (False, False, [])),
        ("-- myapp --help", {}, (True, False, FILES)),
        ("--cache /c -- myapp", {}, (True, True, FILES)),
        ("--cache=/c --cache-after 0 -- myapp", {}, (False, True, [])),
        ("--cache=/c --cache-after=0s myapp", {}, (False, True, [])),
        ("--cache=/c --cache-after=0m0ms myapp", {}, (False, True, [])),
        ("--cache=/c --cache-after=10s myapp", {}, (True, True, [])),
        ("--cache=/c --cache-after=0 --cache-after=1 myapp", {}, (True, True, [])),
        ("--cache-after=0 -- myapp", {}, (True, False, [])),
        ("-- myapp", {b"SECRETENV_CACHE": b"/c", b"SECRETENV_CACHE_AFTER": b"0"}, (False, True, [])),
        ("--cache-after=2s -- myapp", {b"SECRETENV_CACHE": b"/c", b"SECRETENV_CACHE_AFTER": b"0"}, (True, True, [])),
        ("-- myapp --cache=/c --cache-after=0", {}, (True, False, FILES)),
        ("--config /a.toml -- myapp", {}, (True, False, ["/a.toml"])),
        ("-- myapp", {b"SECRETENV_CONFIG": b"/b.toml"}, (True, False, ["/b.toml"])),
        ("-- myapp", {b"XDG_CONFIG_HOME": b"/x"}, (True, False, ["/x/secretenv/config.toml", FILES[1]])),
        ("--cache", {}, (True, False, FILES)),
    ],
)
def test_guess(words: str, variables: dict[bytes, bytes], expected: tuple[bool, bool, list[str]]) -> None:
    """A cache that is used at once has no use for a fetcher; a settings file may say so where the words do not."""
    assert guess(words.split(), HOME | variables) == expected
