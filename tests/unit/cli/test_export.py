"""The output of `export`: the rules of each format as tables, and laws for any variables."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secretenv.cli.export import FORMATS, listing, render
from secretenv.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Often text that means something to some format; otherwise anything, lone surrogates too.
nasty = st.sampled_from(
    [*"'\"\\$`{}#=;!~ \t\r\n\x00\x01\x1b\x7f\x85", "${", "${x}", "$(x)", "\u2028", "\ufeff", "\ufffe"]
)
text = st.lists(nasty | st.characters() | st.text(max_size=5), max_size=12).map("".join)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True) | text
variables = st.dictionaries(names, text, max_size=5)

GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
)
GO_SPACE += "\u205f\u3000"


def docker_reads(data: bytes) -> dict[str, str]:
    """Read a file as `docker run --env-file` does: bufio.ScanLines, then pkg/kvfile of docker/cli."""
    found = {}
    for number, line in enumerate(data.split(b"\n")):
        assert len(line) < 65536, "bufio.Scanner: token too long"
        entry = line.removesuffix(b"\r").decode()
        if number == 0:
            entry = entry.removeprefix("\ufeff")
        entry = entry.lstrip(GO_SPACE)
        if entry and not entry.startswith("#"):
            name, sign, value = entry.partition("=")
            assert name, "no variable name on line"
            assert not set(" \t") & set(name), "variable contains whitespaces"
            assert sign, "a name alone takes the caller's variable"
            assert "\0" not in value, "no environment holds it"
            found[name] = value
    return found


def systemd_reads(rest: str) -> dict[str, str]:
    """Read a file as systemd.exec(5) describes for EnvironmentFile=, and drop what systemd 247 would drop."""
    found = {}
    while rest := rest.lstrip(" \t\r\n"):
        name, sign, after = rest.partition("=")
        if rest[0] in "#;" or not sign or re.search(r"[\r\n]", name):
            rest = re.split(r"[\r\n]", rest, maxsplit=1)[1]
            continue
        value, rest = systemd_value(after.lstrip(" \t"))
        control = re.search(r"[\0-\x08\x0b-\x1f\x7f]", value)
        scalars = all(
            not (0xD800 <= ord(c) <= 0xDFFF or 0xFDD0 <= ord(c) <= 0xFDEF or ord(c) & 0xFFFE == 0xFFFE) for c in value
        )
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and not control and scalars and "\ufeff" not in value:
            found[name] = value
    return found


def systemd_value(rest: str) -> tuple[str, str]:
    """Return the value at the start of a text, and what follows its line."""
    value = ""
    while rest and rest[0] not in "\r\n":
        if single := re.match(r"'([^']*)'[ \t]*", rest):
            value += single[1]
            rest = rest[single.end() :]
        elif double := re.match(r'"((?:[^"\\]|\\.)*)"[ \t]*', rest, re.DOTALL):
            value += re.sub(r'\\(?:(["\\`$])|\n)', lambda found: found[1] or "", double[1])
            rest = rest[double.end() :]
        else:
            plain = re.match(r"(?:[^\\\r\n]|\\.)*", rest, re.DOTALL)
            assert plain
            return value + re.sub(r"\\(.)", r"\1", plain[0].rstrip(" \t")), rest[plain.end() :]
    return value, rest


def ruby_reads(text: str) -> dict[str, str]:
    """Read a file as Ruby's dotenv 3 does, without what it replaces."""
    quoted_or_not = r"""\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|[^#\r\n]+"""
    line = rf"^\s*(?:export\s+)?([\w.]+)(?:\s*=\s*?|:\s+?)({quoted_or_not})?\s*(?:\#.*)?$"
    found = {}
    for name, written in re.findall(line, re.sub(r"\r\n?", "\n", text), re.ASCII | re.MULTILINE):
        value = written.strip("\0\t\n\v\f\r ")
        quoted = re.fullmatch(r"(['\"])(.*)\1", value, re.DOTALL)
        value = quoted[2] if quoted else value
        if not quoted or quoted[1] == '"':
            value = re.sub(r"\\([^$])", r"\1", re.sub(r"\\([nr])", r"\\\\\\\\\1", value))
            assert "$" not in value
        found[name] = value
    return found


def direnv_reads(text: str, *, multiline: bool) -> dict[str, str] | None:
    """Read a file as direnv does, a new one or 2.32 without multi-line values; None where it refuses the file."""
    found, rest = {}, re.split(r"[\r\n]+", text)
    while rest:
        line = rest.pop(0)
        begun = re.match(r"[^=:]+[=:][ \t]*(['\"])", line)
        if multiline and begun and line[begun.start(1) :].count(begun[1]) == 1:
            while rest:
                line += "\n" + rest.pop(0)
                if line.rstrip().endswith(begun[1]):
                    break
        pattern = (
            r"""\s*(?:|#.*|(?:export\s+)?([\w.]+)(?:\s*=\s*|:\s+?)('[^']*'|'.*'|"[^"]*"|".*"|[^\s#]+)?\s*(?:\#.*)?)"""
        )
        read = re.fullmatch(pattern, line, re.ASCII | re.DOTALL)
        if not read:
            return None
        if read[1]:
            value = read[2] or ""
            quoted = re.fullmatch(r"'(.*)'|\"(.*)\"", value, re.DOTALL)
            text = (quoted[1] or quoted[2] or "") if quoted else value
            replaced = not (quoted and quoted[1] is not None) and re.search(r"\$|\\.", text)
            found[read[1]] = "something else" if replaced else text
    return found


def github_reads(text: str) -> dict[str, str]:
    """Read as actions/runner does on Linux (SetEnvFileCommand): NAME<<END, the lines of the value, END."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, here = line.find("="), line.find("<<")
        assert here > 0
        assert equals < 0 or here < equals
        name, _, end = line.partition("<<")
        value: list[str] = []
        for each in lines:
            if each == end:
                break
            value.append(each)
        else:
            raise AssertionError("no end")
        found[name] = "\n".join(value)
    return found


def carried(variables: Mapping[str, str], form: str) -> dict[str, str]:
    """Return those of the variables that a format does not refuse."""
    able = {}
    for name, value in variables.items():
        with contextlib.suppress(ContentError):
            render({name: value}, form)
            able[name] = value
    return able


def refusal(form: str, name: str, value: str) -> ContentError:
    """Return the error that writing a variable leads to."""
    with pytest.raises(ContentError) as caught:
        render({name: value}, form)
    return caught.value


@pytest.mark.parametrize(
    ("form", "value", "line"),
    [
        ("dotenv", "", "N=''"),
        ("dotenv", 'a "b" # $HOME `c` é', "N='a \"b\" # $HOME `c` é'"),
        ("dotenv", "it's", 'N="it\'s"'),
        ("dotenv", r"pa\ss", r"N='pa\ss'"),
        ("dotenv", '{\n  "key": "a\\nb"\n}', 'N=\'{\n  "key": "a\\nb"\n}\''),
        ("dotenv", "it's\nlong, though", 'N="it\'s\nlong, though"'),
        ("dotenv", '{"a":"it\'s"}', 'N={"a":"it\'s"}'),
        ("dotenv", "C:\\", "N=C:\\"),
        ("dotenv", "${HOME $PATH $(id) `id`", "N='${HOME $PATH $(id) `id`'"),
        ("shell", "", "export N=''"),
        ("shell", "a $b `c` \\", "export N='a $b `c` \\'"),
        ("shell", "it's\n", "export N='it'\\''s\n'"),
        ("docker", "", "N="),
        ("docker", " 'a' \"b\" # \\ \r$c ", "N= 'a' \"b\" # \\ \r$c "),
        ("yaml", "", '"N": ""'),
        ("yaml", 'no: "é"\n\t\\ #\u2028😀', '"N": "no: \\"é\\"\\x0A\\x09\\\\ #\\u2028\\U0001F600"'),
        ("systemd", "", 'N=""'),
        ("systemd", 'it\'s\n\ta "b" $c `d` \\ # ;', 'N="it\'s\n\ta \\"b\\" \\$c \\`d\\` \\\\ # ;"'),
    ],
)
def test_what_a_line_looks_like(form: str, value: str, line: str) -> None:
    """Each format has its own quotes and escapes, and uses them only where needed."""
    assert render({"N": value}, form) == f"{line}\n"


def test_json() -> None:
    """One object with everything in it, in ASCII."""
    odd = {"a=b": "\0", "": "\ud800", "ü": "\U0001f600\u2028'\"\\"}
    assert render(odd, "json").isascii()
    assert json.loads(render(odd, "json")) == odd


@pytest.mark.parametrize("form", FORMATS)
def test_order_and_nothing_else(form: str) -> None:
    """The variables only, in the order they have; of no variables an empty file, or an empty object."""
    assert re.findall("[BA]", render({"B": "1", "A": "2"}, form)) == ["B", "A"]
    assert render({}, form) == ("{}\n" if form == "json" else "")


@pytest.mark.parametrize(
    ("form", "name", "value", "why"),
    [
        ("shell", "my-key", "x", "not a valid shell variable name"),
        ("shell", "1ST", "x", "not a valid shell variable name"),
        ("shell", "É", "x", "not a valid shell variable name"),
        ("shell", "UID", "x", "shells set this variable themselves"),
        ("shell", "_", "x", "shells set this variable themselves"),
        *(
            ("dotenv", name, "x", "its name contains characters other than")
            for name in ("it's mine", "my-key", "é", "a b")
        ),
        ("dotenv", "A", "a\rb", "values with a carriage return"),
        ("dotenv", "A", "a\n\nb", "values with an empty line"),
        ("dotenv", "A", "a ${HOME} b", "values with ${...}"),
        ("dotenv", "A", "${HOME:-x}", "values with ${...}"),
        ("dotenv", "A", r"\\server\share", "values with two backslashes in a row"),
        ("dotenv", "A", "C:\\a b\n\\", "values with two backslashes in a row, or one at its end"),
        ("dotenv", "A", "it's $5", "values with a single quote and other special characters"),
        ("dotenv", "A", "one\nB=two", "values with a newline"),
        ("docker", "a b", "x", "a space, tab or newline"),
        ("docker", "a\tb", "x", "a space, tab or newline"),
        ("docker", "a\nb", "x", "a space, tab or newline"),
        ("docker", "\va", "x", "white space"),
        ("docker", "\u3000a", "x", "white space"),
        ("docker", "#a", "x", "begins with '#'"),
        ("docker", "\ufeffa", "x", "byte order mark"),
        ("docker", "A", "a\nb", "newline"),
        ("docker", "A", "a\r", "carriage return"),
        ("docker", "A", "é" * 32767, "longer than docker's limit of 65535 bytes"),
        ("github", "my-key", "x", "characters other than letters, digits and '_'"),
        *(("github", name, "x", "does not let a job set it") for name in ("GITHUB_SHA", "Runner_OS", "NODE_OPTIONS")),
        ("systemd", "my-key", "x", "drops variables with such a name"),
        ("systemd", "A", "\x1b[0m", "before 248 drops variables with the character U+001B"),
        ("systemd", "A", "\r\n", "U+000D"),
        ("systemd", "A", "\x7f", "U+007F"),
        ("systemd", "A", "\ufeff", ": systemd drops variables with the character U+FEFF"),
        ("systemd", "A", "\ufdd0", "U+FDD0"),
        ("systemd", "A", "\U0010ffff", "U+10FFFF"),
        *(
            (form, name, "x", "not a valid variable: empty name")
            for form in FORMATS
            if form != "json"
            for name in ("", "a=b", "a\0b")
        ),
        *((form, "A", "a\0b", "not a valid variable: empty name") for form in FORMATS if form != "json"),
        *(
            (form, "A", half, "half of a surrogate")
            for form in FORMATS
            if form != "json"
            for half in ("\ud800", "\udfff")
        ),
        ("dotenv", "a\udc80", "x", "half of a surrogate pair"),
        ("docker", "a\udc80", "x", "half of a surrogate pair"),
    ],
)
def test_what_a_format_cannot_carry(form: str, name: str, value: str, why: str) -> None:
    """The error names the format, the variable and the reason."""
    error = refusal(form, name, value)
    assert error.link == "content"
    shown = re.escape(name) if re.fullmatch(r"[^\W ]+|[#\w=-]+", name) else re.escape(json.dumps(name))
    assert re.fullmatch(f"the format {form} cannot carry {shown}(?=: ).*{re.escape(why)}.*", error.message)


def test_what_a_line_of_yaml_can_hold() -> None:
    """A parser looks for the end of a key in a thousand characters only."""
    assert yaml.safe_load(render({"A" * 998: "x"}, "yaml")) == {"A" * 998: "x"}
    assert "longer than YAML's limit of 1000 characters" in refusal("yaml", "A" * 999, "x").message


def test_what_a_line_of_docker_can_hold() -> None:
    """An env-file's line may be 65535 bytes long."""
    assert docker_reads(render({"A": "x" * 65533}, "docker").encode()) == {"A": "x" * 65533}
    assert refusal("docker", "A", "x" * 65534)


@pytest.mark.parametrize(
    ("form", "others", "hint"),
    [
        ("docker", {}, "use --format dotenv, json, shell, systemd, github or yaml"),
        ("docker", {"UID": "1"}, "use --format dotenv, json, systemd, github or yaml"),
        ("docker", {"B": "\a", "UID": "1"}, "use --format dotenv, json, github or yaml"),
        ("docker", {"B": "\a", "UID": "1", "it's mine": ""}, "use --format json or yaml"),
    ],
)
def test_the_hint_names_what_carries_all(form: str, others: dict[str, str], hint: str) -> None:
    """The hint names the formats that carry every one of the variables; JSON always does."""
    with pytest.raises(ContentError) as caught:
        render({"A": "two\nlines", **others}, form)
    assert caught.value.hint == hint


def test_the_hint_for_a_name() -> None:
    """For a name that cannot be carried the hint offers --sanitize as well."""
    hint = refusal("systemd", "my-key", "x").hint
    assert hint == "use --format json, docker or yaml, or --sanitize for a portable name"


@given(st.sampled_from(FORMATS), variables, text)
def test_an_error_shows_no_value(form: str, found: dict[str, str], value: str) -> None:
    """An error shows at most the number of one character of a value."""
    marker = "k3eP-tH1s"
    try:
        render({**found, "A": f"{value}{marker}{value}"}, form)
    except ContentError as error:
        shown = f"{error.message} {error.hint}"
        assert marker not in shown
        assert shown.isprintable()


@given(variables)
def test_docker_reads_the_same_or_is_refused(found: dict[str, str]) -> None:
    """A docker env-file gives the same names and values, or is an error; never something else."""
    able = carried(found, "docker")
    assert docker_reads(render(able, "docker").encode()) == able


@given(variables)
def test_systemd_reads_the_same_or_is_refused(found: dict[str, str]) -> None:
    """An EnvironmentFile gives the same names and values, or is an error; never something else."""
    able = carried(found, "systemd")
    assert systemd_reads(render(able, "systemd")) == able


@given(variables)
def test_github_reads_the_same_or_is_refused(found: dict[str, str]) -> None:
    """A job of GitHub Actions gets the same names and values, or it is an error."""
    able = carried(found, "github")
    assert github_reads(render(able, "github")) == able


@given(variables)
def test_a_parser_of_yaml_reads_the_same_or_is_refused(found: dict[str, str]) -> None:
    """A parser of YAML 1.1 reads the same names and values, all of them texts, or it is an error."""
    able = carried(found, "yaml")
    assert (yaml.safe_load(render(able, "yaml")) or {}) == able


@given(variables)
def test_a_shell_reads_the_same_or_is_refused(found: dict[str, str]) -> None:
    """The shell's words are the same names and values, or it is an error."""
    able = carried(found, "shell")
    assert shlex.split(render(able, "shell")) == [word for name in able for word in ("export", f"{name}={able[name]}")]


@given(text.filter(lambda value: not re.search("[\0\ud800-\udfff]", value)))
def test_a_shell_carries_any_value(value: str) -> None:
    """Any value that a variable can have is written for a shell."""
    assert render({"A": value}, "shell")


@given(variables)
def test_ruby_reads_the_same_or_is_refused(found: dict[str, str]) -> None:
    """Ruby's dotenv reads the same names and values, or the format refused them."""
    able = carried(found, "dotenv")
    assert ruby_reads(render(able, "dotenv")) == able


@given(found=variables)
@pytest.mark.parametrize("multiline", [True, False], ids=["new", "old"])
def test_direnv_reads_the_same_or_refuses(*, multiline: bool, found: dict[str, str]) -> None:
    """A direnv reads the same names and values, or refuses the file; one without multi-line values too."""
    able = carried(found, "dotenv")
    read = direnv_reads(render(able, "dotenv"), multiline=multiline)
    assert read in (able, None)
    if multiline and not any(" " in value and {"'", '"'} <= set(value) for value in able.values()):
        assert read is not None


def test_listing() -> None:
    """Names, lengths in bytes and secret of origin, in columns; no values."""
    found = {"TOKEN": "é" * 500, "A": "hidden", "b c\n": ""}
    origins = {"TOKEN": "prod/myapp", "A": "file:///a b", "b c\n": "prod/myapp"}
    assert listing(found, origins).splitlines() == [
        "VARIABLE  BYTES  SECRET",
        'A             6  "file:///a b"',
        "TOKEN      1000  prod/myapp",
        r'"b c\n"       0  prod/myapp',
    ]


def test_a_long_name_is_cut() -> None:
    """A long name is cut: it may be a value."""
    assert " aaaa… (70000 characters): " in refusal("docker", "a" * 70000, "").message


def test_listing_of_half_a_pair() -> None:
    """Half of a surrogate pair, which only JSON can carry, is listed too."""
    assert listing({"A": "\ud800"}, {"A": "x"}).endswith("A             3  x\n")


def test_listing_of_nothing() -> None:
    """Without variables there is only the header."""
    assert listing({}, {}) == "VARIABLE  BYTES  SECRET\n"


@given(variables)
def test_listing_moves_no_cursor(found: dict[str, str]) -> None:
    """Whatever the names hold, each variable is one printable line."""
    lines = listing(found, dict.fromkeys(found, "\x1b]0;x\a")).splitlines()
    assert len(lines) == len(found) + 1
    assert all(line.isprintable() for line in lines)
