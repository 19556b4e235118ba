"""What boto3 raises, as an error of secretenv: what was asked, what AWS said, and the next step."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore import exceptions
from botocore.parsers import ResponseParserError

from secretenv.provision import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretenv.errors import SecretenvError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedException", "AuthorizationError"}
_MISSING = {"ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException"}
_STALE = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
_STALE |= {"SignatureDoesNotMatch", "InvalidSignatureException"}
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException"}
# The policies that overrule an Allow, as the end of AWS's sentence names them.
_OVERRULING = {
    "service control policy": "service control policy of the AWS organization",
    "resource control policy": "resource control policy of the AWS organization",
    "permissions boundary": "permissions boundary",
    "vpc endpoint policy": "policy of the VPC endpoint",
    "session policy": "policy of the session",
    "explicit deny": "policy with the explicit deny",
}
_CONFLICT = {"DeleteConflict", "DeleteConflictException"}


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn what boto3 raises into an error with the next step; `action` is AWS's name, such as `iot:CreatePolicy`."""
    try:
        yield
    except exceptions.ClientError as error:
        raise _refusal(action, error.response) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise messages.NO_CREDENTIALS() from None
    except exceptions.NoRegionError:
        raise messages.NO_REGION() from None
    except exceptions.ProfileNotFound as error:
        raise messages.NO_PROFILE(reason=error) from None
    except (exceptions.SSOError, exceptions.TokenRetrievalError):
        raise messages.SIGN_IN_EXPIRED() from None
    except (exceptions.BotoCoreError, ResponseParserError, ValueError) as error:
        # A ValueError: the endpoint is not a URL. A parser's error: the answer is not AWS's. Their first lines hold no
        # value of a parameter.
        raise messages.NO_ANSWER(action=action, reason=_first_line(error)) from None


def _refusal(action: str, response: dict[str, Any]) -> SecretenvError:
    """Return the error for a refusal by AWS."""
    fields = response.get("Error", {})
    code = str(fields.get("Code", ""))
    said = " ".join(str(fields.get("Message") or response.get("message") or "").split())
    request = response.get("ResponseMetadata", {}).get("RequestId", "")
    answer = f"{code}: {said or 'no reason given'}" + (f" (request {request})" if request else "")
    if code in _MISSING:
        return messages.MISSING(action=action, answer=answer)
    if code in _DENIED:
        return _denial(action, said, answer)
    if code in _THROTTLED:
        return messages.THROTTLED(action=action, answer=answer)
    if code in _STALE:
        return messages.STALE(answer=answer)
    if code in _CONFLICT:
        return messages.CONFLICT(action=action, answer=answer)
    return messages.REFUSED(action=action, answer=answer)


def _denial(action: str, said: str, answer: str) -> SecretenvError:
    """Return the error for a request that a policy denied."""
    # AWS may name another action than the one called: iam:PassRole for CreateRoleAlias.
    named = re.search(r"not authorized to perform: ([a-z]+:[A-Za-z]+)", said)
    denied = named[1] if named else action
    for words, policy in _OVERRULING.items():
        if words in said.lower():
            return messages.DENIED_BY(action=denied, answer=answer, policy=policy)
    also = "; iam:PassRole on the role is needed too" if action.endswith(":CreateRoleAlias") and not named else ""
    return messages.DENIED(action=denied, answer=answer, actions=denied + also)


def _first_line(error: Exception) -> str:
    # The texts of these two contain the URL of a proxy, whose password botocore may not mask in full.
    if type(error) in {exceptions.ProxyConnectionError, exceptions.HTTPClientError}:
        return "no connection to AWS or to the proxy, or no answer"
    return str(error).partition("\n")[0]
