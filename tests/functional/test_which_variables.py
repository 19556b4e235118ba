"""Which variables reach the command: single keys, optional secrets, required and inherited variables, what changed."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.errors import FAILED
from tests.functional.conftest import MARKER
from tests.running import CHILD, PYTHON, SECRETENV
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.functional.conftest import World
    from tests.running import Program

CHECK_NOW = ("--refresh-signal=USR1", "--interval=1h")
NESTED = {"user": "u", "password": "one", "db": {"host": "h1", "port": 5432}, "a.b": "dot"}


def child(*names: str) -> tuple[str, ...]:
    """Return a command that shows these variables, and runs until TERM."""
    return ("--", PYTHON, CHILD, *(word for name in names for word in ("--show", name)))


@pytest.fixture
def everything(world: World) -> dict[str, str]:
    """Return the variables of a device whose role may read every secret, so that AWS says that one is missing."""
    name = world.sandbox.alias(world.name.replace("/", "-"), secrets=["*"])
    return world.variables(alias=name)


def settings_file(folder: Path, text: str) -> str:
    """Return the option for a settings file with this text."""
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return f"--config={path}"


class TestKeys:
    """Single keys, under names of their own."""

    def test_by_flags(self, device_run: Callable[..., Program], world: World) -> None:
        """NAME=ID#KEY takes one key, nested too; nothing else of the secret becomes a variable."""
        world.sandbox.rotate(world.name, NESTED)
        name = world.name
        words = [f"DB_PASS={name}#password", f"HOST={name}#db.host", f"DOT={name}#a.b", f"{name}#user"]
        program = device_run(*(f"--secret={word}" for word in words), "--pristine", "--", "/usr/bin/env")
        assert program.ends() == 0, program.err
        assert sorted(program.lines) == ["DB_PASS=one", "DOT=dot", "HOST=h1", "user=u"]
        assert world.reads == 1

    def test_by_the_file_and_at_a_rotation(
        self, device_run: Callable[..., Program], world: World, tmp_path: Path
    ) -> None:
        """`keys` of a [[secret]]; a rotation changes what they hold, and the log says which changed."""
        world.sandbox.rotate(world.name, NESTED)
        text = f'[[secret]]\nid = "{world.name}"\nkeys = {{password = "DB_PASS", "db.host" = "DB_HOST"}}\n'
        shown = child("DB_PASS", "DB_HOST", "user")
        more = {"SECRETENV_SECRET": ""}
        program = device_run(settings_file(tmp_path, text), "--interval=200ms", *shown, more=more)
        program.shows("DB_PASS=one DB_HOST=h1 user=(not set)")
        world.sandbox.rotate(world.name, {**NESTED, "user": "other", "db": {"host": "h2"}})
        program.shows("DB_PASS=one DB_HOST=h2 user=(not set)")
        program.logs("variables changed: DB_HOST\n")

    def test_one_that_is_missing(self, device_run: Callable[..., Program], world: World) -> None:
        """A key that is not there is an error that lists the keys that are there, and no value."""
        program = device_run(f"--secret=A={world.name}#PASSWROD", "--", "true")
        assert program.ends() == FAILED
        assert f"secret {world.name} has no key PASSWROD; it has VALUE, PASSWORD" in program.err
        assert MARKER not in program.err

    def test_one_that_a_rotation_removes(self, device_run: Callable[..., Program], world: World) -> None:
        """A version without the key never touches the command."""
        program = device_run(f"--secret=A={world.name}#VALUE", *CHECK_NOW, *child("A"))
        program.shows("A=one")
        world.sandbox.rotate(world.name, {"OTHER": "1"})
        program.send(signal.SIGUSR1)
        program.logs("has no key VALUE; it has OTHER")
        world.rotate("three")
        program.send(signal.SIGUSR1)
        program.shows("A=three")
        assert program.out.count("ready") == 2


class TestOptional:
    """Secrets that may be missing."""

    @pytest.mark.parametrize("batch", [(), ("--batch",)], ids=["", "batch"])
    def test_appears_and_goes(
        self, run: Callable[..., Program], world: World, everything: dict[str, str], batch: tuple[str, ...]
    ) -> None:
        """A missing secret is said once; when it appears the command is restarted, and when it is deleted as well."""
        if batch:
            document = {"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}
            world.sandbox.operator.client("iam").put_role_policy(
                RoleName=f"{everything['SECRETENV_ROLE_ALIAS']}-role",
                PolicyName="batch",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [document]}),
            )
        extra = f"{world.name}/extra"
        words = [f"--secret={world.name}", f"--secret=?{extra}", "--interval=200ms", *batch]
        program = run(*words, *child("VALUE", "EXTRA"), variables=everything)
        program.shows("VALUE=one EXTRA=(not set)")
        reads = len(world.sandbox.requests)
        until(lambda: len(world.sandbox.requests) > reads + 4)
        assert program.err.count("does not exist") == 1
        world.sandbox.secret(extra, {"EXTRA": "there"}, readable=False)
        program.shows("VALUE=one EXTRA=there")
        program.logs(f"secret {extra} exists now, with version ")
        program.logs("variables new: EXTRA")
        world.sandbox.operator.client("secretsmanager").delete_secret(SecretId=extra)
        program.shows("EXTRA=(not set)", times=2)
        program.logs(f"secret {extra} no longer exists; it is optional")
        program.logs("variables gone: EXTRA")

    def test_no_version_with_that_label(
        self, run: Callable[..., Program], world: World, everything: dict[str, str]
    ) -> None:
        """A secret without a version of the staging label is missing too."""
        words = [f"--secret=?{world.name}", "--version-stage=AWSPENDING", "--", "true"]
        program = run(*words, variables=everything)
        assert program.ends() == 0, program.err
        assert "does not exist; it is optional" in program.err

    def test_a_refusal_is_an_error(self, device_run: Callable[..., Program], world: World) -> None:
        """A role that may not read it: the error stays."""
        program = device_run(f"--secret=?{world.name}/extra", "--", "true")
        assert program.ends() == FAILED
        assert "error: policy: " in program.err

    def test_once_required_is_required(
        self, run: Callable[..., Program], world: World, everything: dict[str, str]
    ) -> None:
        """A secret that is asked for twice may be missing only where both say so."""
        words = [f"--secret=A={world.name}/x", f"--secret=?{world.name}/x", "--", "true"]
        program = run(*words, variables=everything)
        assert program.ends() == FAILED
        assert "ResourceNotFoundException" in program.err

    def test_a_file(self, start: Callable[..., Program], run: Callable[..., Program], secret: SecretFile) -> None:
        """A file may be missing, be there later, and go; check and --dry-run show it."""
        secret.path.unlink()
        option = secret.option.replace("file:", "?file:")
        check = start(SECRETENV, "check", option)
        assert check.ends() == 0, check.out
        assert "does not exist; it is optional" in check.out
        plan = run(option, "--dry-run", "--", "true")
        assert plan.ends() == 0, plan.err
        assert f"file://{secret.path}: does not exist; it is optional" in plan.out
        program = run(option, "--interval=50ms", *child("VALUE"))
        program.shows("VALUE=(not set)")
        secret.put({"VALUE": "one"})
        program.shows("VALUE=one")
        secret.path.unlink()
        program.shows("VALUE=(not set)", times=2)


class TestRequired:
    """--require."""

    def test_at_the_start(self, device_run: Callable[..., Program], world: World) -> None:
        """What is missing or empty is named, with the secrets that were searched."""
        world.sandbox.rotate(world.name, {"VALUE": "x", "EMPTY": ""})
        program = device_run("--require=VALUE", "--require=EMPTY", "--require=TOKEN", "--", "true")
        assert program.ends() == FAILED
        says = f"required variables are missing: EMPTY (empty), TOKEN; searched: secret {world.name}"
        assert says in program.err
        assert device_run("--require=VALUE", "--", "true").ends() == 0

    def test_at_a_rotation(self, device_run: Callable[..., Program], world: World, tmp_path: Path) -> None:
        """A new version that lacks one never touches the command; the next one that has it restarts it."""
        option = settings_file(tmp_path, '[run]\nrequire = ["VALUE"]\n')
        program = device_run(option, *CHECK_NOW, *child("VALUE"))
        program.shows("VALUE=one")
        world.rotate("")
        program.send(signal.SIGUSR1)
        program.logs("required variables are missing: VALUE (empty)")
        assert program.out.count("ready") == 1
        world.rotate("two")
        program.send(signal.SIGUSR1)
        program.shows("VALUE=two")

    @pytest.mark.parametrize("command", ["check", "export"])
    def test_of_other_commands(self, start: Callable[..., Program], world: World, command: str) -> None:
        """The other commands miss them too."""
        program = start(SECRETENV, command, "--require=TOKEN", variables=world.variables())
        assert program.ends() == 1
        assert "required variables are missing: TOKEN" in program.err + program.out


def test_the_callers_variable_wins(run: Callable[..., Program], secret: SecretFile) -> None:
    """--prefer-inherited: an inherited variable stays, an empty one too; others are the secret's."""
    secret.put({"A_1": "secret", "A_2": "secret", "A_3": "secret", "B": "secret"})
    mine = {"A_1": "mine", "A_2": "", "B": "mine"}
    program = run(secret.option, "--prefer-inherited=A_*", *child("A_1", "A_2", "A_3", "B"), variables=mine)
    program.shows("A_1=mine A_2= A_3=secret B=secret")


class TestWhatChanged:
    """The names that a restart changes, and what counts as a change."""

    def test_names_only(self, run: Callable[..., Program], secret: SecretFile) -> None:
        """New, changed and gone variables are named, ten at most; values are not."""
        before: dict[str, Any] = {"SAME": MARKER, "GONE": MARKER, "CHANGED": f"{MARKER}-1"}
        secret.put(before)
        program = run(secret.option, "--interval=50ms", *child())
        program.shows("ready")
        new = {f"NEW_{number:02}": MARKER for number in range(10)}
        secret.put({"SAME": MARKER, "CHANGED": f"{MARKER}-2", **new})
        shown = ", ".join([*new][:9])
        program.logs(f"variables changed: CHANGED; new: {shown}; gone; and 2 more")
        assert MARKER not in program.err

    def test_only_values(self, device_run: Callable[..., Program], world: World) -> None:
        """--restart-on values: a new version with equal values does nothing, one with others restarts."""
        program = device_run("--restart-on=values", "--interval=200ms", *child("VALUE"))
        program.shows("VALUE=one")
        version = world.rotate("one")
        program.logs(f"has a new version {version}")
        program.logs("nothing done: the values are the same (--restart-on values)")
        world.rotate("two")
        program.shows("VALUE=two")
        assert program.out.count("ready") == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--secret=app#"], "'app#' has no key after #"),
        (["--secret=app#a.b"], "a key with a dot, and no variable name"),
        (["--secret=?"], "has no secret id"),
        (["--restart-on=value"], "did you mean values?"),
        (["--secret=file://s.json", "--require="], "not the name of a variable"),
    ],
)
def test_bad_words(run: Callable[..., Program], words: list[str], says: str) -> None:
    """They are refused before anything starts."""
    program = run(*words, "--", "true")
    assert program.ends() == FAILED
    assert says in program.err
    assert "hint: " in program.err
