"""A second region: a replica is read where the secret's own region does not answer, and never where it refuses."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import FAILED
from secretenv.sandbox.server import Reply, json_reply
from tests.running import CHILD, PYTHON, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretenv.sandbox import Request
    from tests.functional.conftest import World
    from tests.running import Program

SECOND = "eu-central-1"
SHOW = ("--", PYTHON, CHILD, "--show", "VALUE")


class Regions:
    """The world's secret with a replica, and a role that may read both."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: list[str] = []  # the regions of the requests, in order
        self.answer: Reply | None = None  # of the first region, in place of AWS's own
        manager = world.sandbox.operator.client("secretsmanager")
        manager.replicate_secret_to_regions(SecretId=world.name, AddReplicaRegions=[{"Region": SECOND}])
        self.alias = world.sandbox.alias(world.name.replace("/", "-"), secrets=["*"])
        world.sandbox.on_request = self._see

    def _see(self, request: Request) -> Reply | None:
        if request.service != "aws" or "GetSecretValue" not in request.headers.get("x-amz-target", ""):
            return None
        region = request.headers["authorization"].split("/")[2]
        self.asked.append(region)
        return self.answer if region == self.world.sandbox.region else None

    def variables(self, secret: str = "") -> dict[str, str]:
        """Return the variables of the device."""
        return self.world.variables(alias=self.alias, secret=secret or self.world.name)


@pytest.fixture
def regions(world: World) -> Regions:
    """Return the regions of the test's own world."""
    return Regions(world)


def refusal(status: int, kind: str) -> Reply:
    """Return an error of Secrets Manager."""
    return json_reply(status, {"__type": kind, "message": "no"}, kind=kind)


FAILS = refusal(503, "InternalServiceError")
THROTTLES = refusal(400, "ThrottlingException")
NOTHING = Reply(status=0, body=b"", raw=True)


@pytest.mark.parametrize("answer", [FAILS, THROTTLES, NOTHING], ids=["fails", "throttles", "is not there"])
@pytest.mark.parametrize("by", ["name", "arn"])
def test_it_does_not_answer(run: Callable[..., Program], regions: Regions, answer: Reply, by: str) -> None:
    """The replica is read, by its name or its own ARN, after the retries; the log says which region answered."""
    regions.answer = answer
    world = regions.world
    secret = world.name if by == "name" else world.arn
    program = run(f"--fallback-region={SECOND}", *SHOW, "--status=0", variables=regions.variables(secret))
    assert program.ends() == 0, program.err
    assert "VALUE=one" in program.out
    assert regions.asked == [world.sandbox.region, world.sandbox.region, SECOND]
    assert f"secret {secret} was read in region {SECOND}; its own region does not answer" in program.err


def test_by_the_settings_file_and_check(start: Callable[..., Program], regions: Regions, tmp_path: Path) -> None:
    """`fallback_region` of a [[secret]]; check shows which region answered."""
    regions.answer = FAILS
    file = tmp_path / "config.toml"
    file.write_text(f'[[secret]]\nid = "{regions.world.name}"\nfallback_region = ["{SECOND}"]\n')
    variables = {**regions.variables(), "SECRETENV_SECRET": ""}
    program = start(SECRETENV, "check", f"--config={file}", variables=variables)
    assert program.ends() == 0, program.out
    assert f"was read in region {SECOND}" in program.out


def test_in_batches(run: Callable[..., Program], regions: Regions) -> None:
    """With --batch the secrets whose region does not answer are read there one by one."""
    world = regions.world
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}'
    iam = world.sandbox.operator.client("iam")
    iam.put_role_policy(RoleName=f"{regions.alias}-role", PolicyName="all", PolicyDocument=document)
    regions.answer = FAILS
    program = run("--batch", f"--fallback-region={SECOND}", *SHOW, "--status=0", variables=regions.variables())
    assert program.ends() == 0, program.err
    assert "VALUE=one" in program.out
    assert regions.asked[-1] == SECOND


def test_a_refusal_is_final(run: Callable[..., Program], regions: Regions) -> None:
    """A region that refuses is believed: no other is asked."""
    regions.answer = refusal(400, "AccessDeniedException")
    program = run(f"--fallback-region={SECOND}", *SHOW, variables=regions.variables())
    assert program.ends() == FAILED
    assert "error: policy: " in program.err
    assert SECOND not in regions.asked


def test_both_fail(run: Callable[..., Program], regions: Regions) -> None:
    """Where another region has no replica the error names both."""
    regions.answer = FAILS
    words = ["--fallback-region=us-east-1", "--start-timeout=8s"]
    program = run(*words, *SHOW, variables=regions.variables())
    assert program.ends() == FAILED
    assert "InternalServiceError" in program.err
    assert "; in us-east-1: secret " in program.err


def test_an_optional_one_is_not_missing(run: Callable[..., Program], regions: Regions) -> None:
    """A region without a replica is no reason to go on without an optional secret: its own did not answer."""
    secret = regions.world.name
    words = [f"--secret=?{secret}", "--fallback-region=us-east-1", "--refresh-signal=USR1", "--interval=1h"]
    program = run(*words, *SHOW, variables=regions.variables())
    program.shows("VALUE=one")
    regions.answer = FAILS
    program.send(signal.SIGUSR1)
    program.logs("; in us-east-1: it does not exist")
    assert program.out.count("ready") == 1


def test_the_version_decides(run: Callable[..., Program], regions: Regions) -> None:
    """The same version from another region is no change; a new one is, wherever it is read."""
    words = [f"--fallback-region={SECOND}", "--refresh-signal=USR1", "--interval=1h"]
    program = run(*words, *SHOW, variables=regions.variables())
    program.shows("VALUE=one")
    regions.answer = FAILS
    program.send(signal.SIGUSR1)
    program.logs(f"was read in region {SECOND}")
    regions.world.rotate("two")
    program.send(signal.SIGUSR1)
    program.shows("VALUE=two")
    assert program.out.count("ready") == 2
