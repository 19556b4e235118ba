"""Examples of each command with their output: `--help` and the manual page show them, a test runs them."""

from __future__ import annotations

from dataclasses import dataclass

CONTENT = '{"GREETING": "hello", "PORT": 8080}'


@dataclass(frozen=True, slots=True)
class Example:
    """A command line and what it prints on a terminal.

    Attributes:
        command: the line to type.
        output: the lines that it prints.
    """

    command: str
    output: str


# Who reads each format of `export`.
READERS = """\
dotenv: python-dotenv 0.13, npm's dotenv 16, node --env-file 20.12, Ruby's dotenv 3 or newer; dotenvx; direnv
json: any JSON parser
shell: any POSIX sh, by eval or by .
docker: docker run --env-file; Compose reads another format
systemd: EnvironmentFile= from systemd 233 on
github: a job's $GITHUB_ENV on Linux; mask the values first
yaml: any YAML parser"""

EXAMPLES = {
    "run": (
        Example("secretenv run -- sh -c 'echo \"$GREETING\"'", "hello"),
        Example("secretenv run --prefix APP_ --only 'P*' -- printenv APP_PORT", "8080"),
    ),
    "export": (
        Example("secretenv export --format shell | cat", "export GREETING='hello'\nexport PORT='8080'"),
        Example("secretenv export --format json --only 'P*' --reveal", '{\n  "PORT": "8080"\n}'),
    ),
    "credentials": (Example("secretenv credentials | cut -c 1-13", '{"Version": 1'),),
    "check": (Example("secretenv check | tail -n 1", "all is well"),),
    "status": (Example("secretenv run -- secretenv status --check | cut -d ' ' -f 1-2", "SECRETENV OK"),),
    "sandbox": (Example("secretenv sandbox -- secretenv run -- sh -c 'echo \"$GREETING\"'", "hello"),),
}


def epilog(command: str, words: str = "") -> str:
    """Return the text below the options in a command's help: these words, and the examples."""
    shown = [f"$ {each.command}\n{each.output}" for each in EXAMPLES[command]]
    # The output of these does not depend on the secret.
    given = [] if command in {"credentials", "check", "status"} else [f"With the secret {CONTENT}:"]
    return "\n\n".join([*([words] if words else []), *given, *shown])
