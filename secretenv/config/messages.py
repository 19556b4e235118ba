"""The errors of a user's words: options, variables and the settings file."""

from __future__ import annotations

from secretenv.errors import Message, SecretenvError, SettingsError

# Values of options.
NOT_A_DURATION = Message(SettingsError, "not a duration: {value}", "write for example 500ms, 90s, 5m or 1h30m")
TOO_LONG = Message(SettingsError, "longer than ten years: {value}", "write for example 24h or 30d")
NOT_POSITIVE = Message(SettingsError, "must be greater than zero: {value}", "write for example 5m")
NOT_A_BOOLEAN = Message(SettingsError, "not a boolean: {value}", "write 1, true, yes, on, 0, false, no or off")
NOT_A_SIGNAL = Message(SettingsError, "not a valid signal here: {value}", "use one of {signals}, or a number")
NOT_AN_ACTION = Message(
    SettingsError, "not a valid action: {value}", "use restart, exit, ignore, or a signal: {signals}, or a number"
)
UNKNOWN_VALUE = Message(SettingsError, "unknown value: {value}", "use one of {values}")
MISSPELT_VALUE = Message(SettingsError, "unknown value: {value}", "did you mean {word}? use one of {values}")
_ENDPOINT = "give HOST or HOST:PORT, as `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints it"
NOT_AN_ENDPOINT = Message(SettingsError, "not an endpoint: {value}", _ENDPOINT)
NOT_HTTPS = Message(SettingsError, "the endpoint must use https: {value}", _ENDPOINT)
NOT_A_ROLE_ALIAS = Message(SettingsError, "not a role alias: {value}", "use {characters}")
NOT_A_THING_NAME = Message(SettingsError, "not a thing name: {value}", "use {characters}")
NOT_A_REGION = Message(SettingsError, "not a region: {value}", "write for example eu-west-1")
NOT_A_STAGING_LABEL = Message(
    SettingsError, "not a staging label: {value}", "write for example AWSCURRENT, which is the default"
)
_PATH = "write the path of the file that holds it"
NOT_A_PATH = Message(SettingsError, "a path is wanted, and not a text with {what}, which is not shown here", _PATH)
URI_FOR_A_PATH = Message(
    SettingsError,
    "a path is wanted, and not a {scheme}: URI, which is not shown here",
    "write the path of a file on this machine",
)
FILE_URI = Message(
    SettingsError,
    "a path is wanted, and not a {scheme}: URI, which is not shown here",
    "write the path without file://",
)
KEY_IN_HARDWARE = Message(
    SettingsError,
    "a path is wanted, and not a {scheme}: URI, which is not shown here",
    "write the path of a PEM file with the key: secretenv does not support keys in hardware (PKCS#11, TPM) yet",
)
QUOTED_PATH = Message(
    SettingsError, "the path {value} begins and ends with a quote", "write it without: an env-file keeps quotes"
)
NO_PASSWORD_FILE = Message(
    SettingsError,
    "there is no such file; it is not named here, since it may be the password itself",
    "write the password to a file of mode 0600, and the path of that file here",
)

# Ids that can be no secret.
NO_SECRET_NAMED = Message(SettingsError, "{value} has no secret id", "write ID or NAME=ID")
NO_VARIABLE_NAMED = Message(SettingsError, "{value} has no variable name", "write NAME=ID, or ID alone")
TEXT_FOR_A_SECRET = Message(
    SettingsError,
    "the name of a secret is wanted, and not a text with {what}, which is not shown here",
    "write the secret's name or ARN; to read the text from a file: file://PATH",
)
PATH_FOR_A_SECRET = Message(SettingsError, "{value} is a path, not the name of a secret", "write file://{path}")
QUOTED_ID = Message(SettingsError, "{value} begins and ends with a quote", "write it without: an env-file keeps quotes")
ID_WITH_A_COMMA = Message(
    SettingsError,
    "{value} contains a comma, which no secret's name has",
    "give --secret once for each secret; in SECRETENV_SECRET separate them with blanks",
)
ID_WITH_A_BLANK = Message(
    SettingsError,
    "{value} contains a blank, which no secret's name has",
    "give --secret once for each secret; only SECRETENV_SECRET separates them with blanks",
)
URL_FOR_A_SECRET = Message(
    SettingsError, "{value} is a URL, not the name of a secret", "write the secret's name or ARN, or file://PATH"
)
ID_WITH_A_KEY = Message(
    SettingsError,
    "{value} contains ':' or '#', which no secret's name has",
    "for one key of a secret write --secret {name} --only {key}; for a whole secret in one variable NAME=ID",
)
ID_WITH_A_PATTERN = Message(
    SettingsError,
    "{value} is a pattern, and a secret is read by its whole name",
    "give --secret once for each secret; --only takes patterns, for the keys",
)
NOT_A_SECRET = Message(
    SettingsError,
    "{value} can be no secret's name",
    "a name has 1 to 512 letters, digits and / _ + = . @ - !; aws secretsmanager list-secrets shows them",
)
ARN_OF_ECS = Message(
    SettingsError,
    "{value} has a key, a label or a version behind the secret's ARN, as a task definition of ECS has",
    "write --secret {options}",
)
ARN_OF_A_PARAMETER = Message(
    SettingsError,
    "{value} is a parameter of Systems Manager, and only secrets of Secrets Manager are read",
    "store the value as a secret: aws secretsmanager create-secret",
)
ARN_OF_A_REFERENCE = Message(
    SettingsError,
    "{value} is how Systems Manager names a secret of Secrets Manager",
    "write --secret {secret}",
)
ARN_OF_ANOTHER_SERVICE = Message(
    SettingsError,
    "{value} is an ARN of {service}, not of secretsmanager",
    "aws secretsmanager list-secrets shows the ARNs of secrets",
)
NOT_AN_ARN = Message(
    SettingsError,
    "{value} is not the ARN of a secret",
    "write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX whole, or the secret's name",
)
FILE_FOR_A_SECRET = Message(
    SettingsError,
    "secret {secret} would be read from AWS, for which settings are missing; it is a file here",
    "to read the file write --secret file://{secret}",
)
WORKING_DIRECTORY_GONE = Message(
    SettingsError,
    "{path} is relative, and the working directory no longer exists",
    "use an absolute path, or cd to a directory that exists",
)

# The settings file as a whole.
UNREADABLE = Message(SettingsError, "{file} cannot be read: {reason}", "ls -l {file}")
NOT_IN_TIME = Message(
    SettingsError, "the settings file {file} was not read within {time}", "does the disk or the network drive hang? df"
)
FOREIGN = Message(
    SettingsError,
    "the settings file {file} belongs to {owner}, who decides what root would run with",
    "chown root {file}",
)
NOT_UTF8 = Message(SettingsError, "{file} is not UTF-8 text", "TOML files are UTF-8; iconv converts them")
NOT_TOML = Message(SettingsError, "{file} is not TOML: {reason}", "fix that line; see https://toml.io")
NO_SETTING = Message(
    SettingsError, "{file} has a number that is too long, or is nested too deeply", "is it the right file?"
)

# Tables and keys of the settings file. A key is named with its table, as in `[run] interval`.
UNKNOWN_TABLE = Message(SettingsError, "{file}: there is no table [{table}]", "the tables are {tables}")
MISSPELT_TABLE = Message(SettingsError, "{file}: there is no table [{table}]", "did you mean {word}?")
NOT_A_TABLE = Message(SettingsError, "{file}: {table} is not a table", "write [{table}] on a line of its own")
NOT_TABLES = Message(
    SettingsError, "{file}: secret is not an array of tables", "write [[secret]], with two brackets, for each secret"
)
UNKNOWN_KEY = Message(SettingsError, "{file}: {table} has no key {key}", "the keys here are {keys}")
MISSPELT_KEY = Message(SettingsError, "{file}: {table} has no key {key}", "did you mean {word}?")
KEY_OF_ANOTHER_TABLE = Message(SettingsError, "{file}: {table} has no key {key}", "{key} belongs in [{other_table}]")
SECRET_IS_NO_KEY = Message(
    SettingsError, "{file}: {table} has no key secret", "write a [[secret]] table with an id for each secret"
)
NOT_TRUE_OR_FALSE = Message(SettingsError, "{file}: {key} is {type}", "write true or false, without quotes")
NOT_AN_ARRAY = Message(SettingsError, "{file}: {key} is {type}", 'write an array of strings, such as ["A*", "B*"]')
NOT_A_STRING = Message(SettingsError, "{file}: {key} is {type}", "write a string in quotes")
NO_ID = Message(SettingsError, "{file}: {table} has no id", 'write id = "NAME_OR_ARN"')
ID_WITH_A_NAME = Message(
    SettingsError,
    "{file}: {table}: the id contains a variable name, as --secret does",
    'write name = "{variable}" and id = "{id}"',
)
NO_FILE_NAMED = Message(SettingsError, "{file}: {table} has no file path", 'write id = "file://PATH"')

# All sources together.
_WHERE = "give them as flags, as variables or in the settings file; `secretenv run --help` explains each"
_MISSING = "{near_misses}missing: {options}; {settings_file}"
MISSING = Message(SettingsError, _MISSING, _WHERE)
MISSING_WITHOUT_SECRET = Message(SettingsError, _MISSING, f"{_WHERE}; a secret file://PATH needs only --secret")
BATCH_OF_ANOTHER_STAGE = Message(
    SettingsError,
    "--batch reads only versions labelled AWSCURRENT, and secret {secret} asks for {label}",
    "leave out --batch or --version-stage",
)
ENDPOINT_NOT_A_URL = Message(
    SettingsError, "AWS_ENDPOINT_URL_SECRETS_MANAGER: not a URL: {value}", "write https://HOST, or unset it"
)
ENDPOINT_NOT_HTTPS = Message(
    SettingsError,
    "AWS_ENDPOINT_URL_SECRETS_MANAGER: plain http to {host} would send the secrets unencrypted",
    "use https; plain http is accepted on loopback only",
)


def told_of(source: str, error: SecretenvError) -> SecretenvError:
    """Return an error with the flag, the variable or the key in front whose value it is about; never the value."""
    return SettingsError(f"{source}: {error.message}", hint=error.hint)
