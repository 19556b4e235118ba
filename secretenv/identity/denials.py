"""Which policy denied a request, by the last clause of AWS's sentence, and the next step. Pure.

The sentence is "User: WHO is not authorized to perform: ACTION on resource: WHAT", and then "because no KIND policy
allows the ACTION action" or "with an explicit deny in a KIND policy", since 2026 with the policy's ARN (IAM User Guide,
"Troubleshoot access denied error messages"). If several policies deny it, AWS names one.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_ROLE = "aws iam list-attached-role-policies --role-name {role}; aws iam list-role-policies --role-name {role}"
# Part of AWS's sentence in lower case -> the next step. ACTION, ROLE and KEY are put in from the sentence.
CLAUSES = {
    "explicit deny in an identity-based policy": (
        f"a policy of the role denies {{action}}, which no other policy can undo: {_OF_ROLE}"
    ),
    "service control policy": (
        "a service control policy of the AWS organization blocks {action} for this account, perhaps in this region or "
        "network only; the organization's administrators can change that"
    ),
    "resource control policy": (
        "a resource control policy of the AWS organization blocks {action} on the resource; the organization's "
        "administrators can change that"
    ),
    "vpc endpoint policy": (
        "the policy of the VPC endpoint on the way must allow {action}: aws ec2 describe-vpc-endpoints"
    ),
    "permissions boundary": "the role's permissions boundary must allow {action}: aws iam get-role --role-name {role}",
    "session policy": (
        "a session policy narrows the credentials; AWS IoT adds none, so check what is behind --endpoint"
    ),
}
# The same where a policy of the resource denied it, which only the service knows how to show.
OF_RESOURCE = "resource-based policy"
# One more cause where no thing name is sent: a policy with variables of the thing allows nothing then.
OR_THING = "; or the policy depends on the thing name, and --thing-name is not set"

_ROLE = re.compile(r":assumed-role/([\w+=,.@-]{1,64})/", re.ASCII)
_ACTION = re.compile(r"not authorized to perform: ([\w-]{1,64}:\w{1,128})", re.ASCII)
_KEY = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d+:key/[\w-]{1,64}", re.ASCII)


def words(sentence: str, action: str) -> Mapping[str, str]:
    """Return what the hints leave open, as far as AWS's sentence says it.

    Args:
        sentence: AWS's.
        action: the one that was tried, where the sentence names none.
    """
    role, tried, key = _ROLE.search(sentence), _ACTION.search(sentence), _KEY.search(sentence)
    return {
        "role": role[1] if role else "ROLE",
        "action": tried[1] if tried else action,
        "key": key[0] if key else "KEY",
    }
