"""The images on which the examples are built, made by hand of this machine's own Debian: no registry is reached.

Their Python and their node are Debian's, older than their names say. Both say STOPSIGNAL QUIT, as the images of nginx
and PHP do: an example that does not say which signal it wants would inherit it.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.container import PROJECT
from tests.engine.daemon import release
from tests.running import PYTHON

if TYPE_CHECKING:
    from tests.engine.daemon import Daemon

BUNDLE = "etc/ssl/certs/ca-certificates.crt"

PLAIN = "secretenv-test/debian"
_RECIPE = """FROM {plain}
RUN apt-get update -q && apt-get install -qy --no-install-recommends {packages}
RUN {then}
STOPSIGNAL SIGQUIT
"""
# The packages of an image whose name begins so, and what is done then.
RECIPES = {
    "python:": ("python3 python3-venv", "ln -s python3 /usr/bin/python && rm /usr/lib/python3*/EXTERNALLY-MANAGED"),
    "node:": ("nodejs", "node --version"),
}


def bases(dockerfile: Path) -> set[str]:
    """Return the images that a Dockerfile builds on."""
    return set(re.findall(r"^FROM (\S+:\S+)", dockerfile.read_text("utf-8"), re.MULTILINE))


def make_plain(daemon: Daemon) -> None:
    """Import a small Debian of this machine's release, that reaches the machine's package indexes."""
    root = daemon.folder / "root"
    codename = release()["VERSION_CODENAME"]
    words = ["debootstrap", "--variant=minbase", "--include=ca-certificates", codename, str(root), mirror(codename)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    shutil.copy(f"/{BUNDLE}", root / BUNDLE)
    (root / "etc/pip.conf").write_text(index_settings(), "utf-8")
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as packed:
        words = daemon.words("import", "-", PLAIN)
        subprocess.run(words, stdin=packed.stdout, check=True, capture_output=True, env=daemon.variables)
    assert packed.returncode == 0
    shutil.rmtree(root)


def make_base(daemon: Daemon, tag: str) -> None:
    """Make one of the images that a Dockerfile names, of the plain one."""
    packages, then = next(found for prefix, found in RECIPES.items() if tag.startswith(prefix))
    recipe = _RECIPE.format(plain=PLAIN, packages=packages, then=then)
    words = daemon.words("build", "--quiet", "--network=host", "--tag", tag, "-")
    done = subprocess.run(words, input=recipe, check=False, capture_output=True, text=True, env=daemon.variables)
    assert done.returncode == 0, done.stdout + done.stderr


def mirror(codename: str) -> str:
    """Return the address from which this machine's apt takes a release.

    Raises:
        LookupError: its sources name none.
    """
    apt = Path("/etc/apt")
    for file in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        for stanza in re.split(r"\n\s*\n", file.read_text("utf-8") if file.exists() else ""):
            if found := re.search(rf"^deb\s+(?:\[.*\]\s+)?(\S+)\s+{codename}\s", stanza, re.MULTILINE):
                return found[1]
            fields = dict(re.findall(r"^([\w-]+):\s*(.*)$", stanza, re.MULTILINE))
            if codename in fields.get("Suites", "").split():
                return str(fields["URIs"].split()[0])
    raise LookupError(f"no source of {codename} in /etc/apt")


def index_settings() -> str:
    """Return a pip.conf with the package indexes of this machine, without what lies on its disk."""
    listed = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout
    lines = ["[global]", f"cert = /{BUNDLE}"]
    for name in ("index-url", "extra-index-url", "trusted-host"):
        # The last one holds: a variable comes after the files.
        values = re.findall(rf"^\S*\.{name}=(.*)$", listed, re.MULTILINE)
        words = [word for value in values[-1:] for word in shlex.split(shlex.split(value)[0]) if word[:5] != "file:"]
        if words:
            lines.append(f"{name} = {' '.join(words)}")
    return "\n".join([*lines, ""])
