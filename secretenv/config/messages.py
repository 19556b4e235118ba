"""The errors of a user's words: options, variables and the settings file."""

from __future__ import annotations

from secretenv.errors import Message, SecretenvError, SettingsError
from secretenv.wording import DESCRIBE_ENDPOINT, USE_A_SHELL

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
_ENDPOINT = f"give HOST or HOST:PORT, as `{DESCRIBE_ENDPOINT}` prints it"
NOT_AN_ENDPOINT = Message(SettingsError, "not an endpoint: {value}", _ENDPOINT)
NOT_HTTPS = Message(SettingsError, "the endpoint must use https: {value}", _ENDPOINT)
NOT_A_ROLE_ALIAS = Message(SettingsError, "not a role alias: {value}", "use {characters}")
NOT_A_THING_NAME = Message(SettingsError, "not a thing name: {value}", "use {characters}")
NOT_A_REGION = Message(SettingsError, "not a region: {value}", "write for example eu-west-1")
NOT_A_VARIABLE = Message(SettingsError, "not the name of a variable: {value}", "write for example DB_PASSWORD")
NOT_A_MODE = Message(
    SettingsError,
    "not a mode for a secret: {value}",
    "write for example 0600, 0440 or 0644: only the owner may write the file",
)
NOT_A_STAGING_LABEL = Message(
    SettingsError, "not a staging label: {value}", "write for example AWSCURRENT, which is the default"
)
_PROGRAM = "write for example '/usr/local/bin/check-db --quick', or none"
NO_PROGRAM = Message(SettingsError, "no program is named: {value}", _PROGRAM)
NUL_IN_A_PROGRAM = Message(SettingsError, "a program's words cannot contain a NUL: {value}", _PROGRAM)
OPEN_QUOTE = Message(
    SettingsError,
    "a quote or a backslash is left open: {value}",
    "close it: the words are split as a shell splits them",
)
PROGRAM_OF_A_SHELL = Message(
    SettingsError,
    "no shell runs this program, so {part} has no effect: {value}",
    "write the path or the text itself, put it in single quotes, or use sh -c '...'",
)
VARIABLE_FOR_A_PROGRAM = Message(
    SettingsError, "{variable}=... is not a program, and no shell sets the variable", USE_A_SHELL
)
_PATH = "write the path of the file that holds it"
NOT_A_PATH = Message(SettingsError, "expected a path, but got text with {what}, which is not shown here", _PATH)
URI_FOR_A_PATH = Message(
    SettingsError,
    "a path is needed, not a URI ({scheme}:...), which is not shown here",
    "write the path of a file on this machine",
)
FILE_URI = Message(
    SettingsError,
    "a path is needed, not a URI ({scheme}:...), which is not shown here",
    "write the path without file://",
)
KEY_IN_HARDWARE = Message(
    SettingsError,
    "a path is needed, not a URI ({scheme}:...), which is not shown here",
    "write the path of a PEM file with the key: secretenv does not support keys in hardware (PKCS#11, TPM) yet",
)
QUOTED_PATH = Message(
    SettingsError, "the path {value} begins and ends with a quote", "write it without quotes: an env-file keeps them"
)
NO_PASSWORD_FILE = Message(
    SettingsError,
    "there is no such file; it is not named here, since it may be the password itself",
    "write the password to a file of mode 0600, and the path of that file here",
)

# Ids that cannot be secrets.
NO_SECRET_NAMED = Message(SettingsError, "{value} has no secret id", "write ID, NAME=ID or NAME=ID#KEY")
NO_VARIABLE_NAMED = Message(SettingsError, "{value} has no variable name", "write NAME=ID, or ID alone")
NO_KEY_NAMED = Message(SettingsError, "{value} has no key after #", "write ID#KEY, or ID alone for all keys")
NO_VARIABLE_FOR_A_PATH = Message(
    SettingsError, "{value} has a key with a dot, and no variable name", "write NAME=ID#KEY"
)
TEXT_FOR_A_SECRET = Message(
    SettingsError,
    "expected the name of a secret, but got text with {what}, which is not shown here",
    "write the secret's name or ARN; to read the text from a file: file://PATH",
)
PATH_FOR_A_SECRET = Message(SettingsError, "{value} is a path, not the name of a secret", "write file://{path}")
QUOTED_ID = Message(SettingsError, "{value} begins and ends with a quote", "remove the quotes: an env-file keeps them")
ID_WITH_A_COMMA = Message(
    SettingsError,
    "{value} contains a comma, which no secret's name has",
    "give --secret once for each secret; in SECRETENV_SECRET separate them with spaces",
)
ID_WITH_A_BLANK = Message(
    SettingsError,
    "{value} contains white space, which no secret's name has",
    "give --secret once for each secret; only SECRETENV_SECRET may list several, separated by spaces",
)
URL_FOR_A_SECRET = Message(
    SettingsError, "{value} is a URL, not the name of a secret", "write the secret's name or ARN, or file://PATH"
)
ID_WITH_A_KEY = Message(
    SettingsError,
    "{value} contains ':' or '#', which no secret's name has",
    'for one key of a secret write --secret {name}#{key}, or keys = {{{key} = "VARIABLE"}} in its [[secret]]',
)
ID_WITH_A_PATTERN = Message(
    SettingsError,
    "{value} is a pattern, but a secret is read by its full name",
    "give --secret once for each secret; --only accepts patterns, for the keys",
)
NOT_A_SECRET = Message(
    SettingsError,
    "{value} cannot be the name of a secret",
    "a name has 1 to 512 letters, digits and / _ + = . @ - !; aws secretsmanager list-secrets shows them",
)
ARN_OF_ECS = Message(
    SettingsError,
    "{value} has a key, a label or a version after the secret's ARN, as in an ECS task definition",
    "write --secret {options}",
)
ARN_OF_A_PARAMETER = Message(
    SettingsError,
    "{value} is a Systems Manager parameter, but only Secrets Manager secrets are read",
    "store the value as a secret: aws secretsmanager create-secret",
)
ARN_OF_A_REFERENCE = Message(
    SettingsError,
    "{value} is the Systems Manager name of a Secrets Manager secret",
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
    "write the full arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX, or the secret's name",
)
FILE_FOR_A_SECRET = Message(
    SettingsError,
    "secret {secret} would be read from AWS, but settings for that are missing; there is a file of that name here",
    "to read the file write --secret file://{secret}",
)
WORKING_DIRECTORY_GONE = Message(
    SettingsError,
    "{path} is relative, and the working directory no longer exists",
    "use an absolute path, or cd to a directory that exists",
)

NO_TARGET = Message(
    SettingsError,
    "{value} has no target in front of a secret",
    "write /PATH=ID, or NAME=ID for a variable with the path",
)
NOT_A_TARGET = Message(
    SettingsError,
    "{value} is neither a path nor the name of a variable",
    "write a path with a slash, such as ./tls.key, or a name such as TLS_KEY_FILE",
)
FILE_TWICE = Message(
    SettingsError, "two secrets would be written to {target}", "give each a path, or a name, of its own"
)
FILE_NAMED_AS_VARIABLE = Message(
    SettingsError,
    "{target} cannot hold both a file's path and a secret's value",
    "choose another name for one of them",
)

# The settings file as a whole.
UNREADABLE = Message(SettingsError, "{file} cannot be read: {reason}", "ls -l {file}")
CLOSED_FOLDER = Message(
    SettingsError,
    "{file} cannot be read: permission denied for a folder above it",
    "namei -l {file}; open the folder to this user, or name another file with --config",
)
NOT_IN_TIME = Message(
    SettingsError, "the settings file {file} was not read within {time}", "does the disk or the network drive hang? df"
)
FOREIGN = Message(
    SettingsError,
    "the settings file {file} belongs to {owner}, who could change root's settings",
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
KEY_OF_ANOTHER_TABLE = Message(SettingsError, "{file}: {table} has no key {key}", "{word} belongs in {other_table}")
MISSPELT_KEY_OF_ANOTHER_TABLE = Message(
    SettingsError, "{file}: {table} has no key {key}", "did you mean {word}? it belongs in {other_table}"
)
KEY_IN_NO_TABLE = Message(
    SettingsError, "{file}: {key} is above all tables", "{word} belongs in {other_table}: write it below that line"
)
MISSPELT_KEY_IN_NO_TABLE = Message(
    SettingsError, "{file}: {key} is above all tables", "did you mean {word}? it belongs in {other_table}"
)
UNKNOWN_KEY_IN_NO_TABLE = Message(
    SettingsError, "{file}: {key} is above all tables, and is not a setting", "the tables are {tables}"
)
CONFIG_IS_NO_KEY = Message(
    SettingsError, "{file}: a settings file cannot name another one", "give it with --config or SECRETENV_CONFIG"
)
NESTED_TABLE = Message(
    SettingsError, "{file}: the table [{word}] is inside {table}", "write [{word}] on a line of its own"
)
SECRET_IS_NO_KEY = Message(
    SettingsError, "{file}: {table} has no key secret", "write a [[secret]] table with an id for each secret"
)
SECRET_FILE_IS_NO_KEY = Message(
    SettingsError, "{file}: {table} has no key secret_file", 'write file = "/PATH" in the [[secret]] that it is for'
)
NOT_TRUE_OR_FALSE = Message(SettingsError, "{file}: {key} is {type}", "write true or false, without quotes")
NOT_AN_ARRAY = Message(SettingsError, "{file}: {key} is {type}", 'write an array of strings, such as ["A*", "B*"]')
NOT_A_STRING = Message(SettingsError, "{file}: {key} is {type}", "write a string in quotes")
NO_ID = Message(SettingsError, "{file}: {table} has no id", 'write id = "NAME_OR_ARN"')
ID_WITH_A_NAME = Message(
    SettingsError,
    "{file}: {table}: the id contains a variable name, which only --secret accepts",
    'write name = "{variable}" and id = "{id}"',
)
OPTIONAL_IS_NO_BOOLEAN = Message(
    SettingsError, "{file}: {table}: optional is neither true nor false", "write optional = true"
)
NOT_KEYS = Message(
    SettingsError, "{file}: {table}: keys is not a table of variables", 'write keys = {{password = "DB_PASSWORD"}}'
)
NOT_FILES = Message(
    SettingsError,
    "{file}: {table}: file is not a string, or files is not a table of strings",
    'write file = "/PATH", or files = {{"tls.key" = "/PATH"}}',
)
KEYS_AND_MORE = Message(
    SettingsError,
    "{file}: {table} has both `keys` and `{key}`",
    "remove one of them: `keys` says which of the secret's keys are used, and under which names",
)
VARIABLE_TWICE = Message(
    SettingsError, "{file}: {table}: two of its keys become {variable}", "give each key a variable of its own"
)
NO_FILE_NAMED = Message(SettingsError, "{file}: {table} has no file path", 'write id = "file://PATH"')

# All sources together.
_WHERE = "give them as flags, as variables or in the settings file; `secretenv run --help` explains each"
_MISSING = "{near_misses}missing: {options}; {settings_file}"
MISSING = Message(SettingsError, _MISSING, _WHERE)
MISSING_WITHOUT_SECRET = Message(SettingsError, _MISSING, f"{_WHERE}; a secret file://PATH needs only --secret")
BATCH_OF_ANOTHER_STAGE = Message(
    SettingsError,
    "--batch reads only versions labelled AWSCURRENT, but secret {secret} asks for {label}",
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
CACHE_AT_ONCE_WITHOUT_A_CHECK = Message(
    SettingsError,
    "--cache-after 0 with --once: nothing would check whether the values of the cache are still right",
    "leave out --once, or let --cache-after say how long to wait for AWS",
)
CACHE_WITHOUT_CRYPTOGRAPHY = Message(
    SettingsError, "--cache needs the Python package cryptography", "pip install 'secretenv-iot[cache]'"
)


def told_of(source: str, error: SecretenvError) -> SecretenvError:
    """Return an error that begins with the flag, variable or key whose value it is about; never with the value."""
    return SettingsError(f"{source}: {error.message}", hint=error.hint)
