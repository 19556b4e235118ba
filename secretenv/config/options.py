"""The option table: each option's flag, variable, key of the settings file, default, parser and help, stated once.

The command line, the variables, the settings file, the documents and the tests derive from `OPTIONS`. Reading a text is
the business of `parsers`, merging the sources that of `merge`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from secretenv.config import parsers

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "SECRETENV_"
NO_DEFAULT = "-"


class Option(NamedTuple):  # a dataclass would cost each start of `run` 6 ms
    """One option.

    Attributes:
        name: as on the command line, without the dashes.
        section: `device`, `run`, `secret` for what a single secret can override, or `file` for the settings file.
        help: its meaning in a phrase, without a final stop.
        metavar: the name of its value in the help; empty for a flag.
        default: as a user would write it; empty where there is none.
        parse: from a user's text to the value. Raises SettingsError.
        repeatable: may be given several times on the command line; blank-separated in the variable.
        path: a path, made absolute.
        also: further variables that are read, in this order, after the option's own.
        default_note: the default in the documents, where a user could not write it.
        words: values that completion offers, besides the signals that a SIGNAL can be.
        number: the settings file may give it as a number too: seconds, or a signal's number.
    """

    name: str
    section: Literal["file", "device", "secret", "run"]
    help: str
    metavar: str = ""
    default: str = ""
    parse: Callable[[str], Any] = parsers.text
    repeatable: bool = False
    path: bool = False
    also: tuple[str, ...] = ()
    default_note: str = ""
    words: tuple[str, ...] = ()
    number: bool = False

    @property
    def flag(self) -> bool:
        """Whether it takes no value: it is on or off."""
        return not self.metavar

    @property
    def key(self) -> str:
        """The name in the settings file and in Python."""
        return self.name.replace("-", "_")

    @property
    def table(self) -> str:
        """The table of the settings file that it belongs in; empty for the path of the file itself."""
        if self.section == "file":
            return ""
        return "device" if self.section == "device" and self.key != "region" else "run"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.key.upper()

    @property
    def variables(self) -> tuple[str, ...]:
        """All environment variables that set it, the strongest first."""
        return (self.variable, *self.also)

    @property
    def shown_default(self) -> str:
        """The default as the README shows it."""
        return self.default_note or ("off" if self.flag else self.default or NO_DEFAULT)

    @property
    def full_help(self) -> str:
        """The meaning with the variables and the default, as `--help` shows it."""
        default = "" if self.shown_default == NO_DEFAULT else f"; default: {self.shown_default}"
        return f"{self.help} ({', '.join(self.variables)}{default})"


_LISTENERS = ("wrapper", "command", "off")
_LEVELS = ("debug", "info", "warning", "error")
_FORMS = ("text", "json")

OPTIONS = (
    Option(
        name="config",
        section="file",
        metavar="FILE",
        help="settings file, TOML",
        default_note="`$XDG_CONFIG_HOME/secretenv/config.toml`, else `/etc/secretenv/config.toml`",
    ),
    Option(name="cert", section="device", metavar="FILE", path=True, help="client certificate, PEM"),
    Option(name="key", section="device", metavar="FILE", path=True, help="private key, PEM"),
    Option(
        name="key-password-file",
        section="device",
        metavar="FILE",
        path=True,
        help="file with the password of an encrypted key; a final newline is dropped",
    ),
    Option(
        name="ca",
        section="device",
        metavar="FILE",
        path=True,
        help="root certificates to trust for the credentials provider, PEM",
        default_note="certifi's",
    ),
    Option(
        name="endpoint",
        section="device",
        metavar="HOST[:PORT]",
        parse=parsers.endpoint,
        help="endpoint of the credentials provider, with or without https://",
    ),
    Option(name="role-alias", section="device", metavar="NAME", parse=parsers.role_alias, help="role alias to assume"),
    Option(
        name="thing-name",
        section="device",
        metavar="NAME",
        parse=parsers.thing_name,
        help="thing name to send to AWS; only policies with thing variables need it",
        default_note="not sent",
    ),
    Option(
        name="region",
        section="device",
        metavar="NAME",
        parse=parsers.region,
        also=("AWS_REGION", "AWS_DEFAULT_REGION"),
        help="region for secrets given by name",
        default_note="that of the first --secret given as an ARN, else the endpoint's",
    ),
    Option(
        name="secret",
        section="run",
        metavar="[NAME=]ID[#KEY]",
        repeatable=True,
        help="secret to read: a name, an ARN or file://PATH; NAME= puts it all into one variable, #KEY picks one key; "
        "with ?ID it need not exist; repeatable",
    ),
    Option(
        name="secret-file",
        section="run",
        metavar="TARGET=ID[#KEY]",
        repeatable=True,
        help="secret, or one key of it, to write to a file: TARGET is a path, or a variable that gets the path "
        "of a file in memory; repeatable",
    ),
    Option(
        name="file-mode",
        section="secret",
        metavar="MODE",
        default="0600",
        parse=parsers.mode,
        help="mode of the files that --secret-file writes",
    ),
    Option(
        name="files-on-disk",
        section="run",
        parse=parsers.boolean,
        help="allow secret files on a file system that is not in memory",
    ),
    Option(
        name="version-stage",
        section="secret",
        metavar="LABEL",
        default="AWSCURRENT",
        parse=parsers.version_stage,
        help="staging label of the version to read",
    ),
    Option(
        name="fallback-region",
        section="secret",
        metavar="REGION",
        parse=parsers.region,
        repeatable=True,
        help="region with a replica, read if the secret's own region does not answer; repeatable",
    ),
    Option(name="prefix", section="secret", metavar="TEXT", help="prefix for each variable name"),
    Option(name="upcase", section="secret", parse=parsers.boolean, help="convert variable names to upper case"),
    Option(
        name="sanitize",
        section="secret",
        parse=parsers.boolean,
        help="replace characters not allowed in portable names with _",
    ),
    Option(
        name="only",
        section="secret",
        metavar="GLOB",
        repeatable=True,
        help="keys of the secret to use, repeatable",
        default_note="all",
    ),
    Option(
        name="except",
        section="secret",
        metavar="GLOB",
        repeatable=True,
        help="keys of the secret to leave out, repeatable",
    ),
    Option(
        name="require",
        section="run",
        metavar="NAME",
        parse=parsers.variable,
        repeatable=True,
        help="variable that the secrets must set to a non-empty value before a start or restart; repeatable",
    ),
    Option(
        name="batch",
        section="run",
        parse=parsers.boolean,
        help="read up to 20 secrets per call, with BatchGetSecretValue; the role must allow it",
    ),
    Option(
        name="pristine", section="run", parse=parsers.boolean, help="do not pass inherited variables to the command"
    ),
    Option(
        name="keep",
        section="run",
        metavar="GLOB",
        repeatable=True,
        help="inherited variables to keep with --pristine, repeatable",
    ),
    Option(
        name="drop", section="run", metavar="GLOB", repeatable=True, help="inherited variables to leave out, repeatable"
    ),
    Option(
        name="prefer-inherited",
        section="run",
        metavar="GLOB",
        repeatable=True,
        help="inherited variables that no secret replaces, repeatable",
    ),
    Option(
        name="interval",
        section="run",
        metavar="DURATION",
        default="5m",
        parse=parsers.interval,
        number=True,
        help="how often to check for new versions, +-10 % at random",
    ),
    Option(
        name="once",
        section="run",
        parse=parsers.boolean,
        help="fetch once, then replace secretenv with COMMAND",
    ),
    Option(
        name="on-change",
        section="run",
        metavar="ACTION",
        default="restart",
        parse=parsers.on_change,
        words=("restart", "exit", "ignore"),
        help="what to do when a secret changes: restart, ignore, exit (stop the command, exit 75), or a signal to send",
    ),
    Option(
        name="restart-on",
        section="run",
        metavar="CHANGE",
        default="version",
        parse=parsers.choice("version", "values"),
        help="what counts as a change: a new version, or only new values",
    ),
    Option(
        name="validate",
        section="run",
        metavar="PROGRAM",
        default="none",
        parse=parsers.program,
        words=("none",),
        help="program, with its arguments, that tries the new values before a restart; unless it exits with 0 within "
        "30s, the command keeps its values",
    ),
    Option(
        name="splay",
        section="run",
        metavar="DURATION",
        default="0",
        parse=parsers.duration,
        number=True,
        help="wait a random time up to this before a restart",
    ),
    Option(
        name="kill-signal",
        section="run",
        metavar="SIGNAL",
        default="TERM",
        parse=parsers.kill_signal,
        words=("KILL",),
        number=True,
        help="signal that asks the command to stop",
    ),
    Option(
        name="kill-timeout",
        section="run",
        metavar="DURATION",
        default="10s",
        parse=parsers.duration,
        number=True,
        help="how long the command may take to stop before SIGKILL",
    ),
    Option(
        name="trial",
        section="run",
        metavar="DURATION",
        default="10s",
        parse=parsers.duration,
        number=True,
        help="a command that fails this soon after a restart for new versions gets its old values back; 0: never",
    ),
    Option(
        name="signal-group",
        section="run",
        parse=parsers.boolean,
        help="send signals to the command's process group",
    ),
    Option(
        name="refresh-signal",
        section="run",
        metavar="SIGNAL",
        default="none",
        parse=parsers.optional_signal,
        words=("none",),
        number=True,
        help="signal that makes secretenv check now; it is not forwarded",
    ),
    Option(
        name="start-timeout",
        section="run",
        metavar="DURATION",
        default="1m",
        parse=parsers.interval,
        number=True,
        help="how long to retry the first fetch; while AWS throttles, at least 10m unless this is set below 1m",
    ),
    Option(
        name="cache",
        section="run",
        metavar="FILE",
        path=True,
        help="keep the last known good values in this file, sealed with the device's key, for a start without AWS",
    ),
    Option(
        name="cache-after",
        section="run",
        metavar="DURATION",
        default="10s",
        parse=parsers.duration,
        number=True,
        help="how long the first fetch may take before the values of --cache are used; 0: use them at once and check "
        "AWS in the background",
    ),
    Option(
        name="max-age",
        section="run",
        metavar="DURATION",
        default="30d",
        parse=parsers.interval,
        number=True,
        help="how old the values of --cache may be",
    ),
    Option(
        name="status-file",
        section="run",
        metavar="FILE",
        path=True,
        help="keep the status in this file too: JSON, or metrics for Prometheus if its name ends in .prom",
    ),
    Option(
        name="sd-notify",
        section="run",
        metavar="WHO",
        default="wrapper",
        parse=parsers.choice(*_LISTENERS),
        words=_LISTENERS,
        help="who notifies systemd if NOTIFY_SOCKET is set: wrapper (secretenv itself), command, or off",
    ),
    Option(
        name="log-level",
        section="run",
        metavar="LEVEL",
        default="info",
        parse=parsers.choice(*_LEVELS),
        words=_LEVELS,
        help="lowest level to log: debug, info, warning or error",
    ),
    Option(
        name="log-format",
        section="run",
        metavar="FORM",
        default="text",
        parse=parsers.choice(*_FORMS),
        words=_FORMS,
        help="text for people, json for machines",
    ),
)

BY_KEY = {option.key: option for option in OPTIONS}
