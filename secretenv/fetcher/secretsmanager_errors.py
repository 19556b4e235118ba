"""What Secrets Manager's refusals mean, as errors: the tables of GetSecretValue and BatchGetSecretValue. Pure.

Each row knows which link of the chain broke, whether a retry can help, and the next step. Connections that give no
answer at all are the business of `connection_errors`.
"""

from __future__ import annotations

from secretenv.errors import SecretError
from secretenv.fetcher import messages
from secretenv.fetcher.secret_ids import several
from secretenv.identity import denials
from secretenv.identity.denials import CLAUSES, OF_RESOURCE
from secretenv.identity.messages import AWS_HEALTH, SET_CLOCK
from secretenv.identity.provider_errors import THROTTLED_WORDS, THROTTLING, TRANSIENT, plain, said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from secretenv.errors import Link, SecretenvError

    Row = tuple[Collection[str], str, Link, str]

# Codes for temporary credentials that AWS does not accept, or no longer accepts: new ones may be accepted.
REFUSED_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "TokenRefreshRequired",
        "UnrecognizedClient",
        "UnrecognizedClientException",
    }
)
# A signature that is wrong for a reason other than its time: AWS did not get the request that was signed.
CHANGED = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
    }
)
# Transient: a device without a clock battery starts in 1970, and another program sets its clock.
CLOCK = frozenset({"InvalidSignatureException", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
KMS = frozenset(
    {
        "DecryptionFailure",
        "DisabledException",
        "InvalidKeyUsageException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"})

_DESCRIBE = "aws secretsmanager describe-secret --secret-id '{secret}' --region {region}"
_VERSIONS = "aws secretsmanager list-secret-version-ids --secret-id '{secret}' --region {region}"
_FEWER_CALLS = "a longer --interval makes fewer calls"
_CHANGED = "does a proxy change the requests on their way? check HTTPS_PROXY and AWS_ENDPOINT_URL_SECRETS_MANAGER"

# Codes (empty: any), a part of the message in lower case, or two joined by " … " -> link, next step. The first row
# that fits counts.
_OF_BOTH: tuple[Row, ...] = (
    (THROTTLING, "", "throttling", _FEWER_CALLS),
    *(((), words, "throttling", _FEWER_CALLS) for words in THROTTLED_WORDS),
    (TRANSIENT, "", "secret", AWS_HEALTH),
    (
        REFUSED_CREDENTIALS,
        "",
        "credentials",
        "are the device and the secret in the same AWS partition? is the clock right? date -u",
    ),
    ({"InvalidSignatureException"}, "signature we calculated", "signature", _CHANGED),
    (
        {"InvalidSignatureException"},
        "valid region",
        "region",
        "do --region, the secret's ARN and AWS_ENDPOINT_URL_SECRETS_MANAGER name the same region?",
    ),
    (CLOCK, "", "clock", f"AWS accepts a difference of 5 minutes; {SET_CLOCK}"),
    (CHANGED, "", "signature", _CHANGED),
)
_NO_KEY = f"the role needs kms:Decrypt on the secret's key, its KmsKeyId: {_DESCRIBE}"
_KEY_POLICY = (
    "the key's own policy must allow the role kms:Decrypt, and not deny it: "
    "aws kms get-key-policy --policy-name default --region {region} --key-id {key}"
)
_RESOURCE_POLICY = (
    "the secret's own policy must allow the role {action}, and not deny it; another account's secret needs one: "
    "aws secretsmanager get-resource-policy --secret-id '{secret}' --region {region}"
)
ROWS: tuple[Row, ...] = (
    *_OF_BOTH,
    # Not `kms` alone: a denial quotes the ARNs of role and secret, which may have it in their names.
    (DENIED, "access to kms", "KMS", _NO_KEY),
    (DENIED, "the ciphertext refers to", "KMS", _NO_KEY),
    (DENIED, f" kms: … {OF_RESOURCE}", "KMS", _KEY_POLICY),
    *((DENIED, f" kms: … {part}", "KMS", hint) for part, hint in CLAUSES.items()),
    (DENIED, " kms:", "KMS", _NO_KEY),
    (DENIED, OF_RESOURCE, "policy", _RESOURCE_POLICY),
    *((DENIED, part, "policy", hint) for part, hint in CLAUSES.items()),
    (
        DENIED,
        "",
        "policy",
        (
            "the role lacks {action} on this secret, or there is no such secret (AWS does not say which if the "
            f"policy lists individual secrets){{or_thing}}: {_DESCRIBE}"
        ),
    ),
    (KMS, "", "KMS", f"is the secret's key, its KmsKeyId, enabled? {_DESCRIBE}"),
    ((), "kms", "KMS", f"is the secret's key, its KmsKeyId, enabled? {_DESCRIBE}"),
    (
        {"ResourceNotFoundException"},
        "staging label",
        "secret",
        f"no version has the label {{stage}}: {_VERSIONS}; another label: --version-stage",
    ),
    ({"ResourceNotFoundException"}, "", "secret", f"check name and region: {_DESCRIBE}"),
    (
        {"InvalidRequestException"},
        "delet",
        "secret",
        "aws secretsmanager restore-secret --secret-id '{secret}' --region {region}",
    ),
    ((), "", "secret", f"look at it: {_DESCRIBE}"),
)
# The same for a BatchGetSecretValue that was refused as a whole. It has no resource, so policies allow it on "*".
BATCH_ROWS: tuple[Row, ...] = (
    *_OF_BOTH,
    *((DENIED, part, "policy", hint) for part, hint in CLAUSES.items()),
    (
        DENIED,
        "",
        "policy",
        (
            'for --batch the role needs secretsmanager:BatchGetSecretValue on Resource "*", and '
            "secretsmanager:GetSecretValue on each secret; or run without --batch"
        ),
    ),
    ((), "", "secret", "run without --batch to see which secret it is"),
)


def of_secrets_manager(
    secret: str, stage: str, region: str, error: Mapping[str, Any], *, thing_name: str = ""
) -> SecretenvError:
    """Return the error for a refused GetSecretValue.

    Args:
        secret: its id.
        stage: the version's staging label.
        region: where it was asked for.
        error: `ClientError.response` of botocore.
        thing_name: the one that the credentials were made for, empty if none.
    """
    or_thing = "" if thing_name else denials.OR_THING
    words = {"secret": secret, "stage": stage, "region": region, "or_thing": or_thing}
    return _refused(several([secret]), ROWS, words, "secretsmanager:GetSecretValue", error)


def is_missing(error: Mapping[str, Any]) -> bool:
    """Whether Secrets Manager says that there is no such secret or version, or that the secret is being deleted.

    Args:
        error: `ClientError.response` of botocore.
    """
    fields = error.get("Error") or {}
    code = fields.get("Code")
    deleted = code == "InvalidRequestException" and "delet" in plain(fields.get("Message", "")).casefold()
    return deleted or code == "ResourceNotFoundException"


def of_batch(secrets: Sequence[str], error: Mapping[str, Any]) -> SecretenvError:
    """Return the error for a BatchGetSecretValue that was refused as a whole.

    Args:
        secrets: the ids that were asked for.
        error: `ClientError.response` of botocore.
    """
    return _refused(several(secrets), BATCH_ROWS, {}, "secretsmanager:BatchGetSecretValue", error)


def _refused(
    secrets: str, rows: Sequence[Row], words: Mapping[str, str], action: str, error: Mapping[str, Any]
) -> SecretenvError:
    """Return the error by the first row that fits; `words` are those that the hints of the rows leave open."""
    meta, fields = error.get("ResponseMetadata") or {}, error.get("Error") or {}
    status, code, message = meta.get("HTTPStatusCode", 0), str(fields.get("Code", "")), fields.get("Message", "")
    if code.isdigit() or not code:  # botocore puts the status there when the body has no code
        return messages.NO_CODE(secrets=secrets, status=status)
    sentence = plain(message)
    link, hint = next((link, hint) for codes, part, link, hint in rows if _fits(code, sentence, codes, part))
    if status == 429:  # noqa: PLR2004
        link, hint = "throttling", _FEWER_CALLS
    transient = code in TRANSIENT or link in {"clock", "throttling"} or status >= 500  # noqa: PLR2004
    return SecretError(
        f"{secrets}: {plain(code, 60)}{said(message, meta.get('RequestId'))}",
        hint=hint.format(**{**denials.words(sentence, action), **words}),
        transient=transient,
        link=link,
    )


def _fits(code: str, sentence: str, codes: Collection[str], part: str) -> bool:
    text = sentence.casefold()
    return (not codes or code in codes) and all(each in text for each in part.split(" … "))
