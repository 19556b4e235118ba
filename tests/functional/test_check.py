"""`secretenv check` against the sandbox: each link broken once is the one it names, and the earlier ones are ok."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.conftest import MARKER
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.functional.conftest import World
    from tests.running import Program
    from tests.screen import Screen

WORDS = (SECRETENV, "check")

# The chain in the order in which it is walked; the links of a chain that works.
CHAIN = (
    "settings", "certificate file", "key file", "roots file", "key", "certificate", "key permissions",
    "DNS", "connection", "TLS", "clock", "exchange", "secret", "variables",
)  # fmt: skip


@pytest.fixture
def checked(start: Callable[..., Program], world: World) -> Callable[..., dict[str, Any]]:
    """Return a function that checks the device and returns the JSON; `given` goes to `World.variables`.

    Nothing of a value or of credentials is in the output, and the status is that of the document.
    """

    def begin(more: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        program = start(*WORDS, "--json", variables={**world.variables(**given), **(more or {})})
        status = program.ends()
        assert program.err == ""
        harmless(program.out)
        document: dict[str, Any] = json.loads(program.out)
        assert status == (0 if document["ok"] else 1)
        return document

    return begin


def harmless(text: str) -> None:
    """Expect no value, no credential and no traceback in the text."""
    assert MARKER not in text
    assert not re.search("ASIA|AKIA|Traceback", text)


def broken(document: dict[str, Any], link: str, *says: str, after: str = "", then: tuple[str, ...] = ()) -> None:
    """Expect this link to be the broken one, every link of the chain before it ok, and no further one broken.

    Args:
        document: of the check.
        link: of the error.
        says: what its message has.
        after: the last link of the chain before it, if `link` has no place of its own in it.
        then: links that are broken as a consequence.
    """
    assert document["broken"]["link"] == link, document
    for words in says:
        assert words in document["broken"]["text"]
    assert document["broken"]["hint"]
    steps = [(step["link"], step["ok"]) for step in document["steps"]]
    place = CHAIN.index(after) + 1 if after else CHAIN.index(link)
    assert steps[: place + 1] == [*((each, True) for each in CHAIN[:place]), (link, False)]
    assert tuple(each for each, ok in steps[place + 1 :] if ok is False) == then


def test_all_is_well(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """Every link is ok, in the order of the chain, and the status is 0; one exchange and one read were needed."""
    document = checked()
    assert [(step["link"], step["ok"]) for step in document["steps"]] == [(link, True) for link in CHAIN]
    assert document["broken"] is None
    assert (world.exchanges, world.reads) == (1, 1)
    texts = {step["link"]: step["text"] for step in document["steps"]}
    certificate_id = world.sandbox.first.certificate_arn.rpartition("/")[2]
    assert certificate_id in texts["exchange"]
    assert "60 min" in texts["exchange"]
    assert "127.0.0.1" in texts["DNS"]
    assert texts["TLS"].startswith("TLSv1.")
    assert re.fullmatch(
        rf"{world.name}: version [0-9a-f-]{{36}}, AWSCURRENT, created \d+\.\d s ago, \d+ bytes, 2 keys", texts["secret"]
    )
    assert document["steps"][-1]["details"] == ["PASSWORD", "VALUE"]
    assert document["cost"]["calls_per_month"] == 8755


def test_a_binary_secret(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """A SecretBinary that one variable gets whole is given as base64, and the check says so."""
    world.sandbox.rotate(world.name, b"\xff\x00\n")
    document = checked({"SECRETENV_SECRET": f"BLOB={world.name}"})
    (text,) = [step["text"] for step in document["steps"] if step["link"] == "secret"]
    assert text.endswith("3 bytes, BLOB: base64 of a binary value")


def test_a_missing_certificate(checked: Callable[..., dict[str, Any]]) -> None:
    """A missing file breaks its link; key, roots and network are looked at all the same."""
    document = checked({"SECRETENV_CERT": "/nowhere/c.pem"})
    broken(document, "certificate file", "/nowhere/c.pem")
    fine = {step["link"] for step in document["steps"] if step["ok"]}
    assert fine == {"settings", "key file", "roots file", "key permissions", "DNS", "connection"}


def test_several_missing_files(checked: Callable[..., dict[str, Any]]) -> None:
    """Of several broken links the first is the one to fix; the others are shown."""
    document = checked(dict.fromkeys(("SECRETENV_CERT", "SECRETENV_KEY", "SECRETENV_CA"), "/nowhere/x"))
    broken(document, "certificate file", then=("key file", "roots file"))
    skipped = {step["text"].rpartition(": ")[2] for step in document["steps"] if step["ok"] is None}
    assert skipped == {"certificate file is broken"}


def test_the_key_of_another_certificate(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """Key and certificate that do not belong together."""
    other = world.sandbox.device()
    document = checked({"SECRETENV_KEY": str(other.key)})
    broken(document, "key of another certificate", str(other.key), after="roots file")


def test_an_encrypted_key_without_password(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """A key that needs a password breaks the link `key password`; secretenv does not prompt for it."""
    device = world.sandbox.device(encrypted_with="opensesame")
    broken(checked({"SECRETENV_KEY_PASSWORD_FILE": ""}, device=device), "key password", after="roots file")
    assert checked(device=device)["ok"]


def test_an_expired_certificate(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """An expired certificate is reported without an exchange; only the name and the port are checked on the network."""
    device = world.sandbox.device(expired=True, registered=False)
    document = checked(device=device)
    broken(document, "certificate", "expired at", "this machine's clock says")
    assert world.exchanges == 0


def test_a_stranger(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """A certificate of another CA is refused by the other side, in the handshake or right after it."""
    device = world.sandbox.device(stranger=True, registered=False)
    document = checked(device=device)
    assert document["broken"]["link"] == "certificate"
    assert str(device.cert) in document["broken"]["text"]
    steps = {step["link"]: step["ok"] for step in document["steps"]}
    assert all(steps[link] for link in CHAIN[:9] if link != "certificate")


def test_a_key_that_others_can_read(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """Permissions that are too wide are a warning, and break nothing."""
    device = world.sandbox.device()
    device.key.chmod(0o644)
    document = checked(device=device)
    assert document["ok"]
    found = {step["link"]: step["warnings"] for step in document["steps"] if step["warnings"]}
    assert list(found) == ["key permissions"]
    assert "chmod 600" in found["key permissions"][0]


def test_an_unknown_name(checked: Callable[..., dict[str, Any]]) -> None:
    """A host name that does not exist breaks DNS."""
    broken(checked(endpoint="nowhere.invalid"), "DNS", "nowhere.invalid")


def test_a_closed_port(checked: Callable[..., dict[str, Any]]) -> None:
    """A closed port breaks the connection."""
    broken(checked(endpoint="localhost:1"), "connection", "localhost:1")


def test_a_proxy_that_is_not_there(checked: Callable[..., dict[str, Any]]) -> None:
    """With HTTPS_PROXY the proxy is checked; its password is not shown."""
    document = checked({"HTTPS_PROXY": f"http://user:{MARKER}@localhost:1"})
    broken(document, "proxy", "localhost:1", after="DNS")


def test_roots_that_do_not_fit(checked: Callable[..., dict[str, Any]]) -> None:
    """Without --ca the sandbox's certificate is not trusted: TLS is broken."""
    broken(checked({"SECRETENV_CA": ""}), "TLS", "is not trusted")


def test_the_data_endpoint(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """The data endpoint in place of the credentials provider is recognised."""
    document = checked(endpoint=world.sandbox.data_endpoint)
    broken(document, "endpoint", "data endpoint", after="clock")


@pytest.mark.parametrize("offset", [3600, -3600])
def test_a_wrong_clock(checked: Callable[..., dict[str, Any]], world: World, offset: float) -> None:
    """A clock that is an hour off is named with both times, though the exchange still works with it."""
    world.sandbox.clock_offset = offset
    document = checked()
    assert document["broken"]["link"] == "clock"
    then = [step["link"] for step in document["steps"] if step["ok"] is False]
    assert set(then) == {"clock"}
    assert "this machine's clock says" in document["broken"]["text"]
    assert all(step["ok"] for step in document["steps"][: CHAIN.index("clock")])


@pytest.mark.parametrize(
    ("make", "link", "says"),
    [
        pytest.param({"registered": False}, "certificate", "invalid on this endpoint", id="unknown"),
        pytest.param({"active": False}, "certificate", "invalid on this endpoint", id="inactive"),
        pytest.param({"permitted": False}, "policy", "Access Denied", id="no-policy"),
    ],
)
def test_certificates_that_are_refused(
    checked: Callable[..., dict[str, Any]], world: World, make: dict[str, bool], link: str, says: str
) -> None:
    """403 of the credentials provider breaks the link that it names; everything up to the clock is ok."""
    device = world.sandbox.device(**make)  # type: ignore[arg-type]
    broken(checked(device=device), link, says, "request id", after="clock")


@pytest.mark.parametrize(
    ("make", "link", "says"),
    [
        pytest.param({"alias_exists": False}, "role alias", "does not exist", id="no-alias"),
        pytest.param({"permitted": False}, "policy", "Access Denied", id="not-permitted"),
        pytest.param({"role_exists": False}, "role", "Unable to assume", id="no-role"),
        pytest.param({"duration": 7200}, "role", "exceeds the MaxSessionDuration", id="too-long"),
    ],
)
def test_aliases_that_are_refused(
    checked: Callable[..., dict[str, Any]],
    world: World,
    request: pytest.FixtureRequest,
    make: dict[str, object],
    link: str,
    says: str,
) -> None:
    """400, 403 and 404 of the credentials provider for a role alias."""
    alias = world.sandbox.alias(f"check-{request.node.callspec.id}", **make)  # type: ignore[arg-type]
    broken(checked(alias=alias), link, says, after="clock")


def test_the_thing_name_of_another(checked: Callable[..., dict[str, Any]]) -> None:
    """A thing that is not attached to the certificate breaks the link `thing name`."""
    document = checked({"SECRETENV_THING_NAME": "somebody-else"})
    broken(document, "thing name", "Invalid thing name", after="clock")


def test_a_secret_that_does_not_exist(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """A missing secret breaks `policy`, as AWS hides it; the other secret and its variables are looked at."""
    document = checked(secret=f"test/nowhere {world.name}")
    broken(document, "policy", "test/nowhere", after="exchange")
    assert [step["ok"] for step in document["steps"][-2:]] == [True, True]
    assert "without 1 secret" in document["steps"][-1]["text"]


def test_a_secret_without_a_value(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """A secret that was made and never given a value."""
    world.sandbox.secret(f"{world.name}-empty", None)
    broken(checked(secret=f"{world.name}-empty"), "secret", "AWSCURRENT")


def test_a_secret_that_is_no_json(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """A secret that can be read and makes no variables breaks `content`."""
    world.sandbox.rotate(world.name, f"just {MARKER}")
    document = checked()
    broken(document, "content", world.name, after="secret")


def test_secrets_manager_is_not_there(checked: Callable[..., dict[str, Any]], world: World) -> None:
    """An unreachable region is tried once: twenty secrets do not make twenty timeouts."""
    nowhere = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:1"}
    document = checked(nowhere, secret=f"{world.name} other")
    broken(document, "connection", "127.0.0.1:1", after="exchange")
    assert [step["ok"] for step in document["steps"][-2:]] == [None, None]


def test_what_the_environment_says_to_aws(
    checked: Callable[..., dict[str, Any]], world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As in a fetch: no profile, credentials or roots of the environment count, and no key log is written."""
    log = tmp_path_factory.mktemp("log") / "keys"
    document = checked(
        {
            "SSLKEYLOGFILE": str(log),
            "AWS_PROFILE": "nope",
            "AWS_ACCESS_KEY_ID": "AKIA",
            "REQUESTS_CA_BUNDLE": "/nowhere",
            "PYTHONWARNINGS": "default",
        }
    )
    assert document["ok"]
    assert not log.exists()


def test_a_pipe_gets_lines(start: Callable[..., Program], world: World, secret: SecretFile) -> None:
    """Piped it is plain text, one line a step, and ends with the broken link and the next step."""
    both = f"{world.name} file:///nowhere/secret.json"
    program = start(*WORDS, variables=world.variables(secret=both))
    assert program.ends() == 1
    harmless(program.out)
    assert program.err == ""
    steps, _, last = program.out.partition("\n\n")
    assert all(re.match(r"(ok  |FAIL|skip|warn|set )  \S.{15}  \S", line) for line in steps.splitlines()), steps
    assert "\x1b" not in program.out
    assert last.splitlines()[0].startswith("polling: 1 call every 5 min, 8,755 a month: $0.04 for this device")
    assert last.splitlines()[1].startswith("broken: file: secret file:///nowhere/secret.json cannot be read")
    assert last.splitlines()[2] == "hint: ls -l /nowhere/secret.json"


def test_verbose(start: Callable[..., Program], world: World) -> None:
    """-v shows the names of the variables, no values."""
    program = start(*WORDS, "-v", variables=world.variables())
    assert program.ends() == 0
    harmless(program.out)
    assert "PASSWORD" in program.out


def test_a_terminal_gets_a_table(screen: Callable[..., Screen], world: World) -> None:
    """On a terminal it is a table with ticks and crosses; with NO_COLOR it has no colours."""
    look = {"TERM": "xterm", "COLUMNS": "200", "LC_ALL": "C.UTF-8"}
    plain = screen(*WORDS, variables={**world.variables(endpoint="nowhere.invalid"), **look, "NO_COLOR": "1"})
    plain.shows("hint: getent")
    assert "✓" in plain.text
    assert "✗" in plain.text
    assert not re.search(r"\x1b\[3\d", plain.text)
    colourful = screen(*WORDS, variables={**world.variables(), **look})
    colourful.shows("all is well")
    assert "\x1b[32m✓" in colourful.text
    harmless(plain.text + colourful.text)
