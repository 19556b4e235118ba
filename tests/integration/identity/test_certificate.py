"""Without memory OpenSSL blames its ciphers or a file; secretenv blames the memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Contexts are kept until there is no memory for another one; then the process has no limit any more.
STARVE = """
import re, resource
from secretenv.defects import no_memory
from secretenv.errors import CertificateError
from secretenv.identity import certificate

def size():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmSize:\\s+(\\d+)", status.read())[1]) << 10

def make():
    context = certificate.new_context()
    certificate.trust(context, "")
    return context

make()
resource.setrlimit(resource.RLIMIT_AS, (size() + (ROOM << 10), -1))
kept = []
try:
    while True:
        kept.append(make())
except BaseException as error:
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    found = error
kept.clear()
print(no_memory(found), type(found).__name__)
"""


@pytest.mark.parametrize("room", [0, 100, 200, 500, 900, 2000])
def test_without_memory(room: int) -> None:
    """Wherever the memory ends while OpenSSL works, it is a lack of memory, which may pass."""
    program = [sys.executable, "-c", STARVE.replace("ROOM", str(room))]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert said.startswith("True "), said
