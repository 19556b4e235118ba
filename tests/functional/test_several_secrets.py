"""Several secrets through the installed command: at the same time or in batches, from other regions, and too many."""

from __future__ import annotations

import json
import math
import re
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from secretenv.sandbox.operator import own_session
from tests.functional.conftest import MARKER
from tests.running import CHILD, PYTHON, SECRETENV
from tests.waiting import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from secretenv.sandbox import Reply, Request
    from tests.functional.conftest import World
    from tests.running import Program

ELSEWHERE = "us-west-2"
LARGEST = 65536  # bytes of a secret, as AWS takes it
GRACE = 0.5  # seconds in which one request too many would arrive; a pass never depends on it
LIMIT = re.compile(r"environment and arguments are (\d+) bytes long; the system allows at most (\d+)")


def make(world: World, count: int, size: int = 0) -> tuple[list[str], list[str]]:
    """Create secrets, each with a variable V<number>, and return their names and ARNs; `size` is that of a secret."""
    names = [f"{world.name}/{number}" for number in range(count)]
    arns = []
    for number, name in enumerate(names):
        text = json.dumps({f"V{number}": f"{MARKER}-{number}-"})
        filled = text[:-2] + "x" * (size - len(text)) + text[-2:]
        arns.append(world.sandbox.secret(name, filled, readable=False))
    return names, arns


def alias(world: World, arns: Sequence[str], *, batch: bool = False) -> str:
    """Return a role alias whose role may read these secrets, with `batch` by BatchGetSecretValue too."""
    name = world.sandbox.alias(world.name.replace("/", "-"), secrets=arns)
    if batch:
        statement = {"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam = world.sandbox.operator.client("iam")
        iam.put_role_policy(RoleName=f"{name}-role", PolicyName="batch", PolicyDocument=document)
    return name


def actions(world: World) -> list[str]:
    """Return the actions of the requests to Secrets Manager, in order."""
    return [request.action for request in world.sandbox.requests]


def refused(program: Program, status: int, link: str) -> tuple[str, str]:
    """Expect this status and an error of this link, and return it with its hint; no value and no traceback show."""
    assert program.ends() == status, program.err
    assert program.out == ""
    assert "Traceback" not in program.err
    assert MARKER not in program.err
    error, hint = program.err.strip().splitlines()[-2:]
    assert error.startswith(f"secretenv: error: {link}: "), program.err
    assert hint.startswith("secretenv: hint: ")
    return error, hint


class Gate:
    """Hold each request to Secrets Manager until `wanted` are there at once, then a moment longer for one too many."""

    def __init__(self, world: World, wanted: int) -> None:
        self.most = 0
        self._wanted = wanted
        self._there = 0
        self._changed = threading.Condition()
        self._open = False
        world.sandbox.on_request = self

    def __call__(self, request: Request) -> Reply | None:
        """Take a request, and let it go on when it may."""
        if request.service != "aws":
            return None
        with self._changed:
            self._there += 1
            self.most = max(self.most, self._there)
            self._changed.notify_all()
            if not self._open:
                self._changed.wait_for(lambda: self._open or self._there >= self._wanted, DEADLINE)
                self._changed.wait_for(lambda: self._open or self._there > self._wanted, GRACE)
                self._open = True
                self._changed.notify_all()
            self._there -= 1
        return None


def test_batches_are_read_at_the_same_time(device_run: Callable[..., Program], world: World) -> None:
    """With --batch the calls are made at the same time."""
    names, arns = make(world, 45)
    role = alias(world, arns, batch=True)
    gate = Gate(world, 3)
    program = device_run("--batch", "--", "true", alias=role, secret=" ".join(names))
    assert program.ends() == 0, program.err
    assert gate.most == 3


@pytest.mark.parametrize(("count", "at_once"), [(3, 1), (10, 4), (30, 8)])
def test_secrets_are_read_at_the_same_time(
    device_run: Callable[..., Program], world: World, count: int, at_once: int
) -> None:
    """Each secret is fetched with its own GetSecretValue, over a connection for every three of them, 8 at most."""
    names, arns = make(world, count)
    role = alias(world, arns)
    gate = Gate(world, at_once)
    program = device_run("--", "/usr/bin/env", alias=role, secret=" ".join(names))
    assert program.ends() == 0, program.err
    assert gate.most == at_once
    assert {f"V{number}={MARKER}-{number}-" for number in range(count)} <= set(program.lines)
    assert sorted(request.secret for request in world.sandbox.requests) == sorted(names)
    assert set(actions(world)) == {"GetSecretValue"}
    assert world.exchanges == 1


@pytest.mark.parametrize("batch", [False, True], ids=["each", "batch"])
def test_one_failed_secret_fails_the_fetch(device_run: Callable[..., Program], world: World, batch: bool) -> None:  # noqa: FBT001
    """One failed secret fails the fetch and is named, with what it lacks."""
    names, arns = make(world, 5)
    role = alias(world, [arn for arn in arns if arn != arns[3]], batch=batch)
    program = device_run(*["--batch"] * batch, "--", "true", alias=role, secret=" ".join(names))
    error, hint = refused(program, 125, "policy")
    assert f"secret {names[3]}: AccessDeniedException: " in error
    assert "secretsmanager:GetSecretValue" in hint
    assert [name for name in names if name in error + hint] == [names[3]]


@pytest.mark.parametrize("batch", [False, True], ids=["each", "batch"])
def test_a_secret_without_a_value_is_named(device_run: Callable[..., Program], world: World, batch: bool) -> None:  # noqa: FBT001
    """A secret that was made and never given a value fails the fetch and is named, its label with it."""
    names, arns = make(world, 2)
    empty = f"{world.name}/empty"
    role = alias(world, [*arns, world.sandbox.secret(empty, None, readable=False)], batch=batch)
    program = device_run(*["--batch"] * batch, "--", "true", alias=role, secret=f"{names[0]} {empty} {names[1]}")
    error, hint = refused(program, 125, "secret")
    assert f"secret {empty}: ResourceNotFoundException: " in error
    assert "no version has the label AWSCURRENT" in hint


@pytest.mark.parametrize("batch", [False, True], ids=["each", "batch"])
def test_the_last_of_equal_names_wins(device_run: Callable[..., Program], world: World, batch: bool) -> None:  # noqa: FBT001
    """One name from two secrets: the right-most secret wins, with a warning that names both."""
    left, right = f"{world.name}/left", f"{world.name}/right"
    arns = [world.sandbox.secret(name, {"V": name, name[-4:]: "own"}, readable=False) for name in (left, right)]
    role = alias(world, arns, batch=batch)
    for first, last in ((left, right), (right, left)):
        program = device_run(*["--batch"] * batch, "--", "/usr/bin/env", alias=role, secret=f"{first} {last}")
        assert program.ends() == 0, program.err
        assert {f"V={last}", "left=own", "ight=own"} <= set(program.lines)
        assert f"warning: secret {last} overrides V of secret {first}" in program.err


@pytest.mark.parametrize("batch", [False, True], ids=["each", "batch"])
def test_a_secret_of_another_region(device_run: Callable[..., Program], world: World, batch: bool) -> None:  # noqa: FBT001
    """A secret in another region, by its ARN, is asked for in that region; the others in the device's, meanwhile."""
    operator = world.sandbox.operator.environment()
    session = own_session(
        aws_access_key_id=operator["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=operator["AWS_SECRET_ACCESS_KEY"],
        region_name=ELSEWHERE,
    )
    there = session.client("secretsmanager", endpoint_url=world.sandbox.url)
    # A name of the home region too, so that the wrong one would be found.
    arn = there.create_secret(Name=world.name, SecretString='{"VALUE": "from elsewhere"}')["ARN"]
    there.close()
    other = world.sandbox.secret(f"{world.name}/home", {"HOME_VALUE": "from home"}, readable=False)
    role = alias(world, [arn, other], batch=batch)
    regions = []
    gate = Gate(world, 2)

    def note(request: Request) -> Reply | None:
        if request.service == "aws":
            regions.append(request.headers["authorization"].split("/")[2])
        return gate(request)

    world.sandbox.on_request = note
    words = ["--batch"] * batch
    program = device_run(*words, "--", "/usr/bin/env", alias=role, secret=f"{arn} {world.name}/home")
    assert program.ends() == 0, program.err
    assert {"VALUE=from elsewhere", "HOME_VALUE=from home"} <= set(program.lines)
    assert sorted(regions) == sorted([ELSEWHERE, world.sandbox.region])
    assert gate.most == 2


@pytest.mark.parametrize("count", [1, 20, 21, 45])
def test_batches_of_twenty(device_run: Callable[..., Program], world: World, count: int) -> None:
    """--batch reads with BatchGetSecretValue, 20 secrets a call, and asks for nothing else, be it for one secret."""
    names, arns = make(world, count)
    role = alias(world, arns, batch=True)
    asked = [arn if number % 2 else name for number, (name, arn) in enumerate(zip(names, arns, strict=True))]
    program = device_run("--batch", "--", "/usr/bin/env", alias=role, secret=" ".join(asked))
    assert program.ends() == 0, program.err
    assert {f"V{number}={MARKER}-{number}-" for number in range(count)} <= set(program.lines)
    assert actions(world) == ["BatchGetSecretValue"] * math.ceil(count / 20)
    assert program.err == ""


def test_one_secret_by_all_its_ids(device_run: Callable[..., Program], world: World) -> None:
    """A name, a full ARN and a partial ARN may be the same secret, in a batch too: each is answered."""
    role = alias(world, [world.arn], batch=True)
    ids = [world.name, world.arn, world.arn[:-7]]
    words = [f"--secret=S{number}={each}" for number, each in enumerate(ids)]
    program = device_run("--batch", *words, "--", "/usr/bin/env", alias=role)
    assert program.ends() == 0, program.err
    assert {f"S{number}={world.text('one')}" for number in range(3)} <= set(program.lines)
    assert set(actions(world)) == {"BatchGetSecretValue"}


def test_a_refused_batch_names_the_permission(device_run: Callable[..., Program], world: World) -> None:
    """--batch with a role that does not allow it: the error names the permission, the hint what the role needs."""
    names, arns = make(world, 5)
    program = device_run("--batch", "--", "true", alias=alias(world, arns), secret=" ".join(names))
    error, hint = refused(program, 125, "policy")
    assert f"secrets {names[0]}, {names[1]}, {names[2]} and 2 more: AccessDeniedException: " in error
    assert "not authorized to perform: secretsmanager:BatchGetSecretValue" in error
    assert 'needs secretsmanager:BatchGetSecretValue on Resource "*"' in hint
    assert "secretsmanager:GetSecretValue on each secret" in hint
    assert "run without --batch" in hint
    assert actions(world) == ["BatchGetSecretValue"]


def test_refused_credentials_are_exchanged_in_a_batch_too(device_run: Callable[..., Program], world: World) -> None:
    """With --batch too credentials that are refused as expired are dropped and exchanged once more, at once."""
    names, arns = make(world, 2)
    role = alias(world, arns, batch=True)
    program = device_run(
        *("--batch", "--interval=300ms", "--", PYTHON, CHILD, "--show", "V1"), alias=role, secret=" ".join(names)
    )
    program.shows("V1=")
    world.sandbox.expire_credentials()
    world.sandbox.rotate(names[1], {"V1": "two"})
    program.shows("V1=two")
    assert world.exchanges == 2
    assert "ExpiredToken" not in program.err


def test_a_new_version_of_one_of_45_restarts(device_run: Callable[..., Program], world: World) -> None:
    """With 45 secrets in three batches a new version of any one of them restarts the command, and is named."""
    names, arns = make(world, 45)
    role = alias(world, arns, batch=True)
    show = [word for number in (0, 19, 20, 44) for word in ("--show", f"V{number}")]
    program = device_run("--batch", "--interval=200ms", "--", PYTHON, CHILD, *show, alias=role, secret=" ".join(names))
    values = {number: f"{MARKER}-{number}-" for number in (0, 19, 20, 44)}
    program.shows(" ".join(f"V{number}={value}" for number, value in values.items()))
    for number in (44, 19):
        version = world.sandbox.rotate(names[number], {f"V{number}": "new"})
        values[number] = "new"
        program.shows(" ".join(f"V{each}={value}" for each, value in values.items()))
        program.logs(f"secret {names[number]} has a new version {version}")
    assert program.out.count("ready") == 3
    assert MARKER not in program.err
    assert set(actions(world)) == {"BatchGetSecretValue"}


def test_two_hundred_large_secrets(device_run: Callable[..., Program], world: World) -> None:
    """200 secrets of 64 KiB fit into no environment: 126, both sizes and the next step, no traceback."""
    names, arns = make(world, 200, LARGEST)
    role = alias(world, arns, batch=True)
    gate = Gate(world, 8)
    program = device_run("--batch", "--", "true", alias=role, secret=" ".join(names))
    error, hint = refused(program, 126, "environment")
    found = LIMIT.search(error)
    assert found
    total, limit = map(int, found.groups())
    assert limit < 200 * (LARGEST - 20) < total < 200 * LARGEST + 100_000
    assert "read fewer secrets" in hint
    assert "--only" in hint
    assert actions(world) == ["BatchGetSecretValue"] * 10
    assert gate.most == 8  # calls at once


def large(folder: Path, count: int, size: int = LARGEST) -> list[str]:
    """Write secrets into files, and return their ids."""
    files = [folder / f"{number}.json" for number in range(count)]
    for number, file in enumerate(files):
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps({f"V{number}": "x" * (size - 20)}))
        fresh.replace(file)
    return [f"file://{file}" for file in files]


@pytest.mark.parametrize("once", [False, True], ids=["supervised", "once"])
def test_two_hundred_large_files(run: Callable[..., Program], tmp_path: Path, once: bool) -> None:  # noqa: FBT001
    """The same from files and with --once: an environment that is too large never reaches execve."""
    ids = large(tmp_path, 200)
    program = run(*["--once"] * once, "--", "true", variables={"SECRETENV_SECRET": " ".join(ids)})
    error, _ = refused(program, 126, "environment")
    assert LIMIT.search(error)


def test_a_new_version_that_is_too_large(run: Callable[..., Program], tmp_path: Path) -> None:
    """A new version that makes the environment too large never touches the command; one that fits restarts it."""
    ids = large(tmp_path, 200, 100)
    program = run(
        *("--interval=1h", "--refresh-signal=USR1", "--", PYTHON, CHILD, "--show", "V0"),
        variables={"SECRETENV_SECRET": " ".join(ids)},
    )
    program.shows(f"V0={'x' * 80}\n")
    large(tmp_path, 200)
    program.send(signal.SIGUSR1)
    program.logs("the command keeps its values")
    assert LIMIT.search(program.err)
    assert "hint: read fewer secrets" in program.err
    assert "Traceback" not in program.err
    assert len(program.lines) == 1
    large(tmp_path, 200, 90)
    program.send(signal.SIGUSR1)
    program.shows(f"V0={'x' * 70}\n")
    assert [line.split(" ")[0] for line in program.lines] == ["ready", "got", "bye", "ready"]


@pytest.mark.parametrize("stack", ["8192", "2048"])
def test_what_fits_is_taken(start: Callable[..., Program], tmp_path: Path, stack: str) -> None:
    """The limit in the error is the system's: one byte more is refused, one byte less starts."""
    words = ("sh", "-c", f'ulimit -S -s {stack} && exec "$0" "$@"', SECRETENV, "run")
    most = int(stack) * 1024 // 4
    ids = large(tmp_path, most // LARGEST - 5)
    pad = tmp_path / "pad.json"

    def begin(size: int) -> Program:
        # Ten variables, since one is at most 128 KiB.
        texts = ["x" * (size // 10)] * 9 + ["x" * (size - 9 * (size // 10))]
        pad.write_text(json.dumps({f"PAD{number}": text for number, text in enumerate(texts)}))
        return start(
            *words, "--once", *(f"--secret={each}" for each in [*ids, f"file://{pad}"]), "--", "echo", "started"
        )

    too_large = 9 * LARGEST
    found = LIMIT.search(refused(begin(too_large), 126, "environment")[0])
    assert found
    total, limit = map(int, found.groups())
    assert most - 5000 < limit < most
    room = too_large - (total - limit)
    assert refused(begin(room + 1), 126, "environment")
    program = begin(room)
    assert program.ends() == 0, program.err
    assert program.out == "started\n"
