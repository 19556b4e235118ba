"""What a file holds in place of a certificate or a key in PEM form, and the command that converts it. Pure.

Such files arrive as they were exported, copied out of a page, or passed through a variable or an editor. Only a file
that cannot be used is looked at, so nothing is refused here.
"""

from __future__ import annotations

import binascii
import json
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from secretenv.identity import der
from secretenv.identity.der import CERTIFICATE, KEY
from secretenv.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGIN = re.compile(r"-----BEGIN ([^-\n]{1,60})-----")
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{40,}[=\s]*")
_WIDE = b"B\0E\0G\0I\0N"
_MARK = b"\xef\xbb\xbf"  # a byte order mark in UTF-8
# Hyphens, dashes and spaces of word processors, in UTF-8.
_TYPESET = re.compile(rb"\xe2\x80[\x90-\x95]|\xc2\xa0")
# A line of base64, an empty line, and another line of base64.
_SPACED = re.compile(r"^[A-Za-z0-9+/=]{16,}\r?\n[ \t]*\r?\n[A-Za-z0-9+/=]+\r?$", re.MULTILINE)
_LONGEST_PATH = 5  # names deep


class Content:
    """A file's content, looked at from several sides.

    Args:
        raw: the content.
        wanted: `certificate` or `private key`.
    """

    def __init__(self, raw: bytes, wanted: str) -> None:
        self.raw = raw
        self.wanted = wanted
        self.text = raw.removeprefix(_MARK).decode("latin-1")
        self.labels = _BEGIN.findall(self.text)
        self.kind = der.kind_of(raw)
        self.decoded = _decoded(raw)
        self.path = _path(raw, wanted)

    @property
    def whole(self) -> bool:
        """Whether what is wanted is there, at least by its first line."""
        return any(_is(self.wanted, label) for label in self.labels)


class Form(NamedTuple):
    """One of the shapes in which such files arrive.

    Attributes:
        found: what the file holds; LABEL stands for the first line of its first block.
        certificate: the next step where a certificate is wanted; FILE stands for the file, PATH for one in JSON.
        key: the same where a private key is wanted.
        fits: whether content is of this form.
    """

    found: str
    certificate: str
    key: str
    fits: Callable[[Content], object]


def _same(found: str, step: str, fits: Callable[[Content], object]) -> Form:
    return Form(found, step, step, fits)


def _line(pattern: str) -> Callable[[Content], object]:
    expression = re.compile(pattern, re.MULTILINE | re.IGNORECASE)
    return lambda content: expression.search(content.text)


def _of_kind(*kinds: str) -> Callable[[Content], object]:
    return lambda content: content.kind in kinds


def _encoded(*kinds: str) -> Callable[[Content], object]:
    return lambda content: der.kind_of(content.decoded) in kinds


def _label(*ends: str) -> Callable[[Content], object]:
    return lambda content: not content.whole and any(label.endswith(ends) for label in content.labels)


_SWAPPED = "--cert names the certificate, --key its private key; are they swapped?"
_WHOSE = "--cert names the certificate that AWS IoT gave, --key its private key"
_SIGN = "aws iot create-certificate-from-csr --set-as-active --query certificatePem --output text "
_SIGN += "--certificate-signing-request file://{} > NEW"
# In the next steps that do not fit roots.
_OF_THE_DEVICE = re.compile("--cert|aws iot")
_OWN_LINES = r"""tr -d "\"'" < FILE | sed -E 's/ *(-----(BEGIN|END) [A-Z0-9 ]+-----) */\n\1\n/g' | sed '/^$/d' > NEW"""
_OLD_ARCHIVE = "add -legacy if its ciphers are old: "
_PKCS12 = "openssl pkcs12 -in {} -clcerts -nokeys -out NEW"
_PKCS12_KEY = "openssl pkcs12 -in {} -nocerts -nodes -out NEW"
_KEYTOOL = "keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype pkcs12; "
_PKCS7 = "openssl pkcs7 -inform {} -print_certs -in FILE -out NEW"
_DECODE = "base64 -d FILE | "

# The first that fits counts.
FORMS: tuple[Form, ...] = (
    _same("UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE > NEW", lambda it: it.raw[:2] in {b"\xff\xfe", b"\xfe\xff"}),
    _same("UTF-16 text", "iconv -f UTF-16BE -t UTF-8 FILE > NEW", lambda it: _WIDE in it.raw and it.raw[0] == 0),
    _same("UTF-16 text", "iconv -f UTF-16LE -t UTF-8 FILE > NEW", lambda it: _WIDE in it.raw),
    _same("a ZIP archive", "unzip FILE", lambda it: it.raw.startswith(b"PK\x03\x04")),
    Form(
        "a Java keystore",
        f"{_KEYTOOL}{_PKCS12.format('NEW.p12')}",
        f"{_KEYTOOL}{_PKCS12_KEY.format('NEW.p12')}",
        lambda it: it.raw.startswith((b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")),
    ),
    _same(
        "a web page", "download it again; did a captive portal or a login answer?", _line(r"\A\s*<(!doctype|html)\b")
    ),
    Form("a certificate in DER form", "openssl x509 -inform der -in FILE -out NEW", _SWAPPED, _of_kind(CERTIFICATE)),
    Form("a private key in DER form", _SWAPPED, "openssl pkey -inform der -in FILE -out NEW", _of_kind(KEY)),
    Form(
        "an encrypted private key in DER form",
        _SWAPPED,
        "openssl pkcs8 -inform der -in FILE -out NEW",
        _of_kind(der.ENCRYPTED_KEY),
    ),
    Form(
        "a PKCS#12 archive",
        _OLD_ARCHIVE + _PKCS12.format("FILE"),
        _OLD_ARCHIVE + _PKCS12_KEY.format("FILE"),
        _of_kind(der.PKCS12),
    ),
    Form("PKCS#7 certificates in DER form", _PKCS7.format("der"), _WHOSE, _of_kind(der.PKCS7)),
    Form(
        "a certificate request in DER form",
        "openssl req -inform der -in FILE -out NEW.csr; " + _SIGN.format("NEW.csr"),
        _WHOSE,
        _of_kind(der.REQUEST),
    ),
    _same("a public key in DER form", _WHOSE, _of_kind(der.PUBLIC_KEY)),
    _same("a revocation list in DER form", _WHOSE, _of_kind(der.REVOCATIONS)),
    _same("JSON with PEM text in it", "jq -r 'PATH' FILE > NEW", lambda it: it.path),
    _same(
        r"PEM text with \n in place of its line ends",
        r"""sed -E 's/\\+r//g; s/\\+n/\n/g' FILE | tr -d "\"'" > NEW""",
        _line(r"-----BEGIN [^\n]*\\n"),
    ),
    _same(
        "PEM text with the dashes or spaces of a word processor",
        "copy it again, without a word processor or a chat in between",
        lambda it: b"BEGIN" in it.raw and _TYPESET.search(it.raw),
    ),
    _same(
        "PEM text with the line ends of an old Macintosh",
        r"tr '\r' '\n' < FILE > NEW",
        lambda it: it.labels and "\r" in it.text and "\n" not in it.text.rstrip(),
    ),
    _same(
        "PEM text without line ends around its markers",
        _OWN_LINES,
        _line(r"-----(BEGIN|END) [A-Z0-9 ]+-----[ \t]*[^\s\"']|[^\s\"'-][ \t]*-----(BEGIN|END) "),
    ),
    _same("PEM text in quotes", r"""tr -d "\"'" < FILE > NEW""", _line(r"^[ \t]*[\"']-----|-----[\"']")),
    _same(
        "PEM text with spaces at the start of its lines",
        "sed 's/^[[:space:]]*//' FILE > NEW",
        _line(r"^[ \t]+(-----(BEGIN|END) |[A-Za-z0-9+/=]{20,}[ \t\r]*$)"),
    ),
    _same(
        "PEM text with empty lines between its lines",
        "sed '/^[[:space:]]*$/d' FILE > NEW",
        lambda it: it.labels and "DEK-Info" not in it.text and _SPACED.search(it.text),
    ),
    _same(
        "PEM text whose markers lack their five dashes",
        "the first line is -----BEGIN and the kind of the block, with five dashes on both sides",
        _line(r"^-{0,4}(BEGIN|END) (CERTIFICATE|[A-Z ]*PRIVATE KEY)-{0,5}\s*$|^-{6,}BEGIN |^-+BEGIN [A-Z ]+-{1,4}$"),
    ),
    _same("PEM text in base64", "base64 -d FILE > NEW", lambda it: it.decoded.startswith(b"-----BEGIN")),
    Form(
        "a certificate in base64 without its first and last line",
        f"{_DECODE}openssl x509 -inform der -out NEW",
        _SWAPPED,
        _encoded(CERTIFICATE),
    ),
    Form(
        "a private key in base64 without its first and last line",
        _SWAPPED,
        f"{_DECODE}openssl pkey -inform der -out NEW",
        _encoded(KEY),
    ),
    Form(
        "an encrypted private key in base64 without its first and last line",
        _SWAPPED,
        f"{_DECODE}openssl pkcs8 -inform der -out NEW",
        _encoded(der.ENCRYPTED_KEY),
    ),
    Form(
        "a PKCS#12 archive in base64",
        f"{_OLD_ARCHIVE}base64 -d FILE > NEW.p12; {_PKCS12.format('NEW.p12')}",
        f"{_OLD_ARCHIVE}base64 -d FILE > NEW.p12; {_PKCS12_KEY.format('NEW.p12')}",
        _encoded(der.PKCS12),
    ),
    _same(  # OpenSSL reads it from 3.0 on
        "PEM text after a byte order mark", "tail -c +4 FILE > NEW", lambda it: it.labels and it.raw.startswith(_MARK)
    ),
    Form(
        "a private key in OpenSSH's form",
        _SWAPPED,
        "umask 077; cp FILE NEW; ssh-keygen -p -N '' -m PEM -f NEW",
        lambda it: "OPENSSH PRIVATE KEY" in it.labels,
    ),
    Form(
        "a private key in PuTTY's form",
        _SWAPPED,
        "puttygen FILE -O private-openssh -o NEW",
        _line(r"\APuTTY-User-Key-File"),
    ),
    _same("a public key of SSH", _WHOSE, _line(r"\A(ssh-|ecdsa-sha2-)\S+ AAAA")),
    Form("a certificate request", _SIGN.format("FILE"), _WHOSE, _label("CERTIFICATE REQUEST")),
    Form("a private key", _SWAPPED, _SWAPPED, lambda it: not it.whole and any(_is(KEY, label) for label in it.labels)),
    Form("a certificate and no key", _SWAPPED, _SWAPPED, _label("CERTIFICATE")),
    _same("a public key", _WHOSE, _label("PUBLIC KEY")),
    Form("PKCS#7 certificates", _PKCS7.format("pem"), _WHOSE, _label("PKCS7", "PKCS #7 SIGNED DATA", "CMS")),
    _same("a revocation list", _WHOSE, _label("CRL")),
    _same("a PEM block of another kind, LABEL", _WHOSE, _label("")),
)


def form(raw: bytes, wanted: str, file: str) -> tuple[str, str] | None:
    """Return what a file holds in place of what is wanted, and the next step, or None where that is not known.

    Args:
        raw: the file's content.
        wanted: `certificate` or `private key`.
        file: its path.
    """
    content = Content(raw, wanted)
    for each in FORMS:
        if each.fits(content):
            step = each.certificate if wanted == CERTIFICATE else each.key
            # A file that a shell writes can be read by anybody unless umask prevents that.
            if wanted == KEY and "> NEW" in step:
                words, colon, command = step.rpartition(_OLD_ARCHIVE)
                step = f"{words}{colon}umask 077; {command}"
            found = each.found.replace("LABEL", short(content.labels[0]) if content.labels else "")
            return found, step.replace("PATH", content.path).replace("FILE", shlex.quote(file))
    return None


def form_of_roots(raw: bytes, file: str, usual: str) -> tuple[str, str] | None:
    """Return the same for a file of roots.

    Args:
        raw: the file's content.
        file: its path.
        usual: the next step where only other roots help.
    """
    found = form(raw, CERTIFICATE, file)
    if not found:
        return None
    what, step = found
    return what, usual if _OF_THE_DEVICE.search(step) else step.replace("-clcerts", "-cacerts")


def _is(wanted: str, label: str) -> bool:
    """Tell whether a block with this label is what is wanted."""
    return label.endswith("CERTIFICATE" if wanted == CERTIFICATE else ("PRIVATE KEY", "PROVIDER URI"))


def _decoded(raw: bytes) -> bytes:
    """Return what content encodes in base64, nothing if it does not."""
    if not _BASE64.fullmatch(raw):
        return b""
    try:
        return binascii.a2b_base64(raw)
    except binascii.Error:
        return b""


def _path(raw: bytes, wanted: str) -> str:
    """Return the path, in the words of jq, at which JSON holds a PEM text of what is wanted, nothing if it does not."""
    if not raw.lstrip().startswith(b"{"):
        return ""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    waiting: list[tuple[str, Any]] = [("", content)]
    while waiting:
        path, value = waiting.pop(0)
        if isinstance(value, dict) and path.count(".") < _LONGEST_PATH:
            # Of names that the shell and jq read as they are.
            waiting += [
                (f"{path}.{name}", inner) for name, inner in value.items() if re.fullmatch(r"[A-Za-z_]\w*", name)
            ]
        elif isinstance(value, str) and any(_is(wanted, label) for label in _BEGIN.findall(value)):
            return path
    return ""
