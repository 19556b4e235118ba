"""Shell completion, in real shells at a terminal."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.cli import completing
from tests.running import BASE, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.running import Program
    from tests.screen import Screen

SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    # Its own file for the prompt would ask a new user questions.
    "zsh": ("zsh", "-f", "-i"),
}
PREPARE = {"bash": "bind 'set enable-bracketed-paste off'", "zsh": "autoload -Uz compinit; compinit -u -D"}


def needs(shell: str) -> None:
    """Skip the test where the shell is not installed."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not here")


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_at_a_terminal(screen: Callable[..., Screen], secret: SecretFile, shell: str) -> None:
    """`--show-completion SHELL`: TAB completes commands, options, values, secret files and the command to run."""
    needs(shell)
    secret.put({"VALUE": "the-value"})
    seen = screen(*SHELLS[shell])
    seen.shows("PROMPT> ")
    seen.type(f"{PREPARE[shell]}; eval \"$(secretenv --show-completion {shell})\"; echo pre''pared\n")
    seen.shows("prepared")
    seen.type("secretenv check --log-level e\t")
    seen.shows("--log-level error ")
    seen.type("--on-change=exi\t")
    seen.shows("--on-change=exit ")
    seen.type("--no-on\t")
    seen.shows("--no-once ")
    seen.type("\x15")
    seen.type("secretenv provision destr\t")
    seen.shows("secretenv provision destroy ")
    seen.type("\x15")
    seen.type("secretenv cache forg\t")
    seen.shows("secretenv cache forget ")
    seen.type("--cac\t")
    seen.shows("--cache ")
    seen.type("\x15")
    seen.type("secretenv ru\t")
    seen.shows("secretenv run ")
    seen.type("--secret-f\t")
    seen.shows("--secret-file ")
    seen.type("\x15")
    seen.type("secretenv run --secret file://secret.j\t")
    seen.shows("file://secret.json ")
    seen.type("--prefi\t")
    seen.shows("--prefix ")
    seen.type("APP_ -- printen\t")
    seen.shows("printenv ")
    seen.type("APP_VALUE\n")
    seen.shows("the-value")


def test_completion_in_fish(tmp_path: Path) -> None:
    """Fish shows each option with its meaning on one line, and nothing else."""
    needs("fish")
    script = (
        "env _SECRETENV_COMPLETE=source_fish secretenv | source; "
        "complete -C 'secretenv ru'; complete -C 'secretenv run --re'; complete -C 'secretenv run --log-level=d'; "
        "complete -C 'secretenv run --refresh-signal n'; complete -C 'secretenv run --secret x -- printen'"
    )
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], env={**BASE, "HOME": str(tmp_path)}, cwd=tmp_path,
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
        "run", "--refresh-signal", "--region", "--require", "--restart-on", "--log-level=debug", "none", "printenv"
    ]  # fmt: skip
    assert "AWS_DEFAULT_REGION" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_for_packages(start: Callable[..., Program], shell: str) -> None:
    """`_SECRETENV_COMPLETE=source_SHELL secretenv` prints the script for a shell that is not the current one."""
    shown = start(SECRETENV, "--show-completion", shell)
    assert shown.ends() == 0
    assert f"# Completion of secretenv for {shell}" in shown.out
    program = start(SECRETENV, variables={"_SECRETENV_COMPLETE": f"source_{shell}"})
    assert program.ends() == 0
    assert program.out == shown.out == completing.SCRIPTS[shell].read_text("utf-8")


def test_a_shell_without_completion(start: Callable[..., Program]) -> None:
    """Another shell is refused with the names of those that have one."""
    program = start(SECRETENV, "--show-completion", "tcsh")
    assert program.ends() == 2
    assert "there is no completion for tcsh" in program.err


def test_installing_completion(screen: Callable[..., Screen], tmp_path: Path) -> None:
    """`--install-completion` in a shell writes its own file and one line for the shell to find it."""
    seen = screen(*SHELLS["bash"])
    seen.shows("PROMPT> ")
    seen.type("secretenv --install-completion; echo status $?\n")
    seen.shows("status 0")
    assert "_secretenv_completion" in (tmp_path / ".bash_completions" / "secretenv.sh").read_text("utf-8")
    assert ".bash_completions/secretenv.sh" in (tmp_path / ".bashrc").read_text("utf-8")
