"""What may be quoted from a user's text: nothing that may be a key, a certificate or a secret in place of a setting.

`SECRETENV_KEY="$(cat key.pem)"` gives the key's text instead of its path. A message that quotes it would bring
the key into the log.
"""

from __future__ import annotations

import re

LONGEST_PATH = 4096  # PATH_MAX of Linux, in bytes with the NUL that ends it
_LONGEST = 128  # characters; no setting that is quoted is longer
# The base64 of DER, which always begins with a SEQUENCE, and that of `-----BEGIN`.
_BASE64 = r"(?:M[A-Za-z0-9+/]{49,}|LS0tLS1[A-Za-z0-9+/]*)={0,2}"
# A URI of a kind that needs no slashes, or of any kind with them. The file `a:b` is still one.
_URI = (
    r"(?i)[\s'\"]*(?:(pkcs11|tpm2?|handle|engine|arn|data|env|base64|file|urn|vault|keyring):|([a-z][a-z0-9+.-]*)://)"
)


def uri(text: str) -> str:
    """Return the scheme of a URI, in lower case, or an empty string if it is not one. The rest of it may hold a PIN."""
    found = re.match(_URI, text) if ":" in text else None
    return (found[1] or found[2]).lower() if found else ""


def no_path(text: str) -> str:
    """Return why a text cannot be a path, in words that follow `with`; an empty string if it can be one."""
    # Without patterns where they are not needed: each start of `run` comes here for every path.
    kinds = {
        "a newline": "\n" in text or "\r" in text,
        "the first line of a PEM file": "BEGIN" in text and "-----" in text,
        "a PIN": "pin-" in text.lower() and re.search(r"(?i)pin-(?:value|source)\s*=", text) is not None,  # RFC 7512
        "braces": "{" in text or "}" in text,
        "base64": text.startswith(("M", "LS0tLS1")) and re.fullmatch(_BASE64, text) is not None,
    }
    if words := next((words for words, holds in kinds.items() if holds), ""):
        return words
    if len(text.encode("utf-8", "surrogatepass")) >= LONGEST_PATH:
        return f"more than {LONGEST_PATH - 1} bytes"
    return ""


def shown(text: str) -> str:
    """Return a user's text for a message: quoted, or described if it may be a secret."""
    what = no_path(text) or (f"more than {_LONGEST} characters" if len(text) > _LONGEST else "")
    return f"(text with {what}, not shown)" if what else repr(text)


def name(text: str) -> str:
    """Return the name of a table, a key or a secret in the settings file, as it is unless it may be a secret."""
    return shown(text) if no_path(text) or len(text) > _LONGEST else text
