"""The errors of reading secrets and turning them into variables, in words.

The tables in `secretsmanager_errors` say what AWS's own answers mean.
"""

from __future__ import annotations

from secretenv.errors import ContentError, FetcherError, Message, SecretError
from secretenv.wording import COMPLETE, PORTAL

_WHOLE = (
    "for the whole secret in one variable use --secret NAME={id}, or store a JSON object whose keys are the variables"
)
_NAME_REGION = "set it with --region, or use the secret's full ARN"

# connection
NO_CODE = Message(
    SecretError,
    "{secrets}: status {status} without an error code: this did not come from Secrets Manager",
    PORTAL,
    transient=True,
    link="connection",
)
NOT_AN_ANSWER = Message(
    SecretError,
    "{secrets}: {host} sent a response that is not from Secrets Manager ({reason})",
    PORTAL,
    transient=True,
    link="connection",
)

# endpoint
NO_CLIENT = Message(
    SecretError,
    "secret {secret}: no AWS client could be created for region {region} ({kind})",
    "check AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT",
    link="endpoint",
)
NO_DATA = Message(
    SecretError,
    "botocore's description of Secrets Manager cannot be loaded ({kind})",
    COMPLETE,
    link="fetcher",
    transient=True,
)
NOT_HTTPS = Message(
    SecretError,
    "secret {secret}: AWS_ENDPOINT_URL_SECRETS_MANAGER uses plain http, which is accepted on loopback only",
    "use https",
    link="endpoint",
)
NO_TLS_CONTEXT = Message(
    SecretError,
    "secret {secret}: no AWS client for region {region}: OpenSSL could not create a context; it may be out of memory",
    "free; ulimit -v",
    transient=True,
    link="endpoint",
)

# region
REGION_UNKNOWN = Message(SecretError, "secret {secret}: no region is known", _NAME_REGION, link="region")
REGION_INVALID = Message(SecretError, "secret {secret}: {region} is not a region", _NAME_REGION, link="region")

# secret
ID_INVALID = Message(SecretError, "{secrets}: not a valid name or staging label of a secret", "check --secret")
LEFT_OUT = Message(
    SecretError,
    "secret {secret}: the answer has neither a value nor an error for it",
    "run without --batch to read it on its own",
    transient=True,
)

# In the log, not an error.
READ_ELSEWHERE = "secret {secret} was read in region {region}; its own region does not answer ({link})"

# file
FILE_FOREIGN = Message(
    SecretError,
    "secret {secret} belongs to {owner}, who could change it, and secretenv runs as root",
    "chown root {file}, or run secretenv as {owner}",
    link="file",
)
FILE_UNREADABLE = Message(SecretError, "secret {secret} cannot be read: {reason}", "ls -l {file}", link="file")
FILE_TOO_LARGE = Message(
    SecretError,
    "secret {secret} is larger than 1 MiB",
    "no variable holds that much; is it the right file?",
    link="file",
)
FILE_NOT_TEXT = Message(SecretError, "secret {secret} is not UTF-8 text", "store it as text, or as base64", link="file")

# content
BINARY = Message(ContentError, "secret {secret} is binary and not JSON", _WHOLE)
INVALID_JSON = Message(ContentError, "secret {secret} is not valid JSON at line {line}, column {column}", _WHOLE)
NOT_AN_OBJECT = Message(ContentError, "secret {secret} is not a JSON object", _WHOLE)
TOO_DEEP = Message(ContentError, "secret {secret} is nested too deeply", _WHOLE)
NOT_JSON = Message(ContentError, "secret {secret} holds {word}, which is not JSON", "write it as a string, or as null")
KEY_EMPTY = Message(
    ContentError, "a key of secret {secret} is empty", "give it a name, or leave it out with --only '?*'"
)
KEY_TWICE = Message(ContentError, "key {key} is given twice in secret {secret}", "remove one of the two")
KEYS_COLLIDE = Message(
    ContentError,
    "keys {key} and {other_key} of secret {secret} both become {variable}",
    "rename one of them in the secret, or leave one out with --except",
)
KEY_MISSING = Message(
    ContentError, "secret {secret} has no key {key}; it has {keys}", "correct the key after # in --secret, or in `keys`"
)
KEY_AMBIGUOUS = Message(
    ContentError,
    "{key} can mean two values of secret {secret}, since some of its keys have dots in their names",
    "rename one of these keys in the secret",
)
FILE_IS_A_VARIABLE = Message(
    ContentError,
    "{variable} is set by a secret, but would also hold the path of a file of secret {secret}",
    "choose another name in --secret-file",
)
REQUIRED_MISSING = Message(
    ContentError,
    "required variables are missing: {variables}; searched: {secrets}",
    "add them to one of these secrets, or leave them out of --require",
)
VALUE_TOO_DEEP = Message(
    ContentError,
    "the value of key {key} of secret {secret} is nested too deeply",
    "store nested values as a string",
)
# SOURCE is a key of a secret, or a secret.
NUL_IN_NAME = Message(ContentError, "the name of {source} holds a NUL character", "remove it: no variable can hold one")
NUL_IN_VALUE = Message(
    ContentError, "the value of {source} holds a NUL character", "remove it: no variable can hold one"
)
SURROGATE_IN_NAME = Message(
    ContentError,
    "the name of {source} holds half of a surrogate pair (\\ud800 to \\udfff)",
    "write the character itself, or both halves",
)
SURROGATE_IN_VALUE = Message(
    ContentError,
    "the value of {source} holds half of a surrogate pair (\\ud800 to \\udfff)",
    "write the character itself, or both halves",
)
EQUALS_IN_NAME = Message(
    ContentError,
    "the name of {source} holds '='",
    "rename the key, use --sanitize, or leave it out with --except",
)
TOO_LARGE = Message(
    ContentError,
    "{source} is too large for a variable: {size} bytes with its name, and Linux accepts {limit}",
    "let the program read this secret itself, or leave the key out with --except",
)

# fetcher
FETCH_TOO_LONG = Message(
    FetcherError, "the fetch took longer than {time}, at step {step}", "check the network", transient=True
)
ANSWER_NOT_WRITTEN = Message(
    FetcherError,
    "the fetcher could not write its answer: {reason}",
    "the file size limit may be too low: ulimit -f; systemd's LimitFSIZE=; free",
)
