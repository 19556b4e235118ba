"""The errors of the cache, in words."""

from __future__ import annotations

from secretenv.cache_protocol import CacheError
from secretenv.errors import Message

# Next steps that several messages have.
_WRITTEN_ANEW = "nothing: it is not used, and a new one is written after the next fetch"
_WITHOUT = "or leave out --cache"
_OWN_FILE = "--cache must name a file of its own"

# The file.
CACHE_NOT_REGULAR = Message(
    CacheError, "the cache {file} is not a regular file, but {found}", f"{_OWN_FILE}: ls -ld {{file}}"
)
CACHE_FOREIGN = Message(
    CacheError,
    "the cache {file} belongs to user {owner}, and secretenv runs as user {user}",
    "remove it, or run secretenv as its owner: ls -ln {file}",
)
CACHE_IN_USE = Message(CacheError, "--cache names {file}, which is the device's {found}", _OWN_FILE)
CACHE_TOO_LARGE = Message(CacheError, "the cache {file} is larger than 64 MiB", _WRITTEN_ANEW)
CACHE_UNREADABLE = Message(CacheError, "the cache {file} cannot be read: {reason}", "ls -l {file}")
CACHE_NOT_WRITTEN = Message(
    CacheError,
    "the cache {file} cannot be written: {reason}",
    "its folder must exist and be writable, on a disk with room: ls -ld {folder}; df -h {folder}",
)
CACHE_NOT_REMOVED = Message(CacheError, "the cache {file} cannot be removed: {reason}", "ls -ld {file} {folder}")
VALUES_TOO_LARGE = Message(
    CacheError,
    "the cache {file} is not written: the values take more than 64 MiB",
    f"read fewer or smaller secrets, {_WITHOUT}",
)

# What is in it.
NOT_A_CACHE = Message(
    CacheError,
    "{file} is not a cache that secretenv wrote, but text: it is neither replaced nor removed",
    "does --cache name the right file? ls -l {file}",
)
NO_CACHE = Message(
    CacheError, "the cache {file} is damaged, or was not written by this version of secretenv", _WRITTEN_ANEW
)
# AES-GCM cannot tell which of them it is.
CACHE_SEALED_OTHERWISE = Message(
    CacheError,
    "the cache {file} was sealed with another key pair, or is damaged",
    _WRITTEN_ANEW,
)
CACHE_OF_OTHER_SETTINGS = Message(
    CacheError,
    "the cache {file} was sealed for other settings: another endpoint, role alias, thing, region or other secrets",
    _WRITTEN_ANEW,
)
CACHE_TOO_OLD = Message(
    CacheError,
    "the cache {file} was last confirmed by AWS {age} ago, and --max-age is {limit}",
    "connect this device to AWS, or give a longer --max-age; is the clock right? date -u",
)

# The device's certificate and key.
CERTIFICATE_UNUSABLE = Message(
    CacheError,
    "the certificate {file} cannot be used for the cache: {reason}",
    "openssl x509 -noout -subject -in {file}",
)
KEY_UNUSABLE = Message(
    CacheError, "the key {file} cannot be used for the cache: {reason}", "openssl pkey -noout -in {file}"
)
KEY_OF_OTHER_KIND = Message(
    CacheError,
    "the key {file} cannot be used for the cache, which needs an RSA or an EC key",
    f"use a certificate with an RSA 2048 or EC P-256 key, {_WITHOUT}",
)
KEY_OF_ANOTHER_CERTIFICATE = Message(
    CacheError,
    "the cache is not written: the key {file} does not belong to the certificate {certificate}",
    "was one of them renewed without the other? compare: openssl x509 -noout -pubkey -in {certificate}; "
    "openssl pkey -pubout -in {file}",
)
KEY_UNSTEADY = Message(
    CacheError,
    "the cache is not written: the key {file} in hardware gives another result each time",
    f"have it sign with PKCS#1 v1.5, {_WITHOUT}",
)
KEY_LATE = Message(
    CacheError,
    "the key {file} in hardware did not answer within {time}",
    "does openssl get an answer from it? openssl pkey -noout -in {file}",
    transient=True,
)
OPENSSL_MISSING = Message(
    CacheError,
    "the key {file} is in hardware: for the cache, the openssl command is needed, but it is not installed",
    f"install openssl, {_WITHOUT}",
)

# The process.
OUTCOME_NOT_WRITTEN = Message(
    CacheError, "the process of the cache has no room for its answer: {reason}", "free; ulimit -a", transient=True
)
