"""Which next step a refusal by AWS has: by the policy that its sentence names, and by its code."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from secretenv.errors import SecretenvError
from secretenv.provision.aws_errors import translated

ASKED = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: iam:GetRole on resource: role x"


def refused(code: str, said: str) -> SecretenvError:
    """Return the error for this refusal."""
    with pytest.raises(SecretenvError) as error, translated("iam:GetRole"):
        raise ClientError({"Error": {"Code": code, "Message": said}}, "GetRole")
    return error.value


@pytest.mark.parametrize(
    ("clause", "hint"),
    [
        ("because no identity-based policy allows the iam:GetRole action", "have your administrator allow iam:GetRole"),
        ("with an explicit deny in an identity-based policy", "have the policy with the explicit deny changed"),
        ("with an explicit deny in a service control policy: arn:aws:x", "have the service control policy of the AWS"),
        (
            "because no service control policy allows the iam:GetRole action",
            "have the service control policy of the AWS",
        ),
        ("because no resource control policy allows it", "have the resource control policy of the AWS"),
        ("because no permissions boundary allows the iam:GetRole action", "have the permissions boundary changed"),
        ("because no VPC endpoint policy allows the iam:GetRole action", "have the policy of the VPC endpoint changed"),
        ("because no session policy allows the iam:GetRole action", "have the policy of the session changed"),
    ],
)
def test_the_policy_that_denied_it(clause: str, hint: str) -> None:
    """AWS's sentence is shown in full; an Allow is asked for only where one can help."""
    error = refused("AccessDenied", f"{ASKED} {clause}")
    assert f"{ASKED} {clause}" in error.message
    assert hint in error.hint
    assert ("allow iam:GetRole" in error.hint) == ("identity-based policy allows" in clause)


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "TooManyRequestsException"])
def test_throttling_passes(code: str) -> None:
    """Nothing has to be fixed: the same command a minute later goes on where it ended."""
    assert refused(code, "Rate exceeded").hint.startswith("wait a minute and run it again")
