"""A private key in hardware, to which the key file leads: the `openssl` command uses it.

OpenSSL reaches it by a provider of the system's own configuration (OPENSSL_CONF), which the OpenSSL inside the package
`cryptography` cannot load.
"""

from __future__ import annotations

import binascii
import os
import re
import signal
import subprocess

from secretenv.cache import messages
from secretenv.cache.public_key import is_ec, is_rsa
from secretenv.wording import printable, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIMIT = 10.0  # seconds for one command; a TPM signs within 0.3

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# The rest of the environment is for the provider: TSS2_LOG, TPM2OPENSSL_TCTI, PKCS11_MODULE_PATH, ...
_NOT_FOR_IT = ("SECRETENV_", "AWS_", "PYTHON", "SSLKEYLOGFILE")
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
_LONGEST_REASON = 200  # characters


class HardwareKey:
    """A key with what the cache needs of it.

    Args:
        file: what leads to it.
        password: of the key; empty: none.
        environ: the variables.
        limit: seconds for one command.
    """

    def __init__(
        self, file: str, password: bytes = b"", environ: Mapping[str, str] = os.environ, limit: float = LIMIT
    ) -> None:
        self._file = file
        self._password = password
        self._environ = {name: value for name, value in environ.items() if not name.startswith(_NOT_FOR_IT)}
        self._limit = limit
        self._public_pem = b""

    def secret(self, text: bytes) -> bytes:
        """Return what only this key gives, each time the same: EC: a shared secret; RSA: the signature of `text`.

        Raises:
            CacheError: the command is not here, or fails; or the key is of another kind.
        """
        public = self.public()
        if is_rsa(public):
            return self._run("dgst", "-sha256", "-sign", self._file, given=text)
        if is_ec(public):
            # Never the certificate's public key: whoever can put another certificate here would know this secret.
            return self._run("pkeyutl", "-derive", "-inkey", self._file, peer=self._public_pem)
        raise messages.KEY_OF_OTHER_KIND(file=self._file)

    def public(self) -> bytes:
        """Return its SubjectPublicKeyInfo, DER.

        Raises:
            CacheError: the command is not here, or fails.
        """
        if not self._public_pem:
            self._public_pem = self._run("pkey", "-pubout", "-in", self._file)
        found = _PUBLIC.search(self._public_pem)
        if not found:
            raise messages.KEY_UNUSABLE(file=self._file, reason="openssl does not show its public key")
        return binascii.a2b_base64(found[1])

    def _run(self, *words: str, given: bytes = b"", peer: bytes = b"") -> bytes:
        """Return what the command writes to standard output.

        Args:
            words: its arguments.
            given: its standard input.
            peer: a public key, in PEM form.
        """
        files = [_memory(content) for content in (self._password, peer)]
        try:
            every = ["openssl", *words]
            every += ["-passin", f"fd:{files[0]}" if self._password else "pass:"]
            every += ["-peerkey", f"/proc/self/fd/{files[1]}"] if peer else []
            ended = self._end(every, given, files)
        finally:
            for descriptor in files:
                os.close(descriptor)
        if ended.returncode or not ended.stdout:
            raise messages.KEY_UNUSABLE(file=self._file, reason=_reason(ended.stderr, ended.returncode))
        return ended.stdout

    def _end(self, words: Sequence[str], given: bytes, files: Sequence[int]) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        try:
            return subprocess.run(
                words,
                input=given,
                capture_output=True,
                check=False,
                timeout=self._limit,
                env=self._environ,
                pass_fds=files,
                start_new_session=True,  # it must not ask a terminal for a password
                preexec_fn=_die_with_parent,
            )
        except (FileNotFoundError, PermissionError):
            raise messages.OPENSSL_MISSING(file=self._file) from None
        except subprocess.TimeoutExpired:
            raise messages.KEY_LATE(file=self._file, time=span(self._limit)) from None


def _memory(content: bytes) -> int:
    """Return a descriptor of a file in memory."""
    descriptor = os.memfd_create("secretenv-openssl")
    os.pwrite(descriptor, content, 0)
    return descriptor


def _die_with_parent() -> None:
    """Have the kernel end the command with this process, which may be killed when it is late."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _reason(stderr: bytes, status: int) -> str:
    """Return the first line of what the command said, or how it ended."""
    for line in stderr.decode("utf-8", "replace").splitlines():
        if line.strip():
            return "openssl says " + printable(line.strip())[:_LONGEST_REASON]
    return f"openssl ended with status {status}"
