"""The errors of the device's files, of connections and of the credentials provider, in words.

The table in `provider_errors` says what AWS's own answers mean.
"""

from __future__ import annotations

from secretenv.errors import CertificateError, CredentialsError, Message
from secretenv.wording import DESCRIBE_ENDPOINT, PORTAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.errors import Link

# Next steps that several messages have.
SET_CLOCK = "set the clock, and compare: date -u; timedatectl status"
CHECK_NETWORK = "check the network and the firewall"
CHECK_PROXY = "check {variable}; hosts to be reached without it belong in NO_PROXY"
_ENCODE_PROXY = "percent-encode the password: # is %23, @ is %40"
PORTAL_OR_ENDPOINT = f"{PORTAL}; otherwise check the endpoint: {DESCRIBE_ENDPOINT}"
AWS_HEALTH = "AWS may have an outage: https://health.aws.amazon.com"
_CHECK_CERTIFICATE = (
    "is the certificate {certificate} registered, ACTIVE and not expired? aws iot describe-certificate "
    "--certificate-id CERTIFICATE_ID; openssl x509 -noout -dates -in {certificate}"
)
_CHECK_CLOCK = "renew the certificate, or set the clock if it is wrong: date -u; timedatectl"
_CHECK_ALIAS = "check the role alias: aws iot describe-role-alias --role-alias {role_alias}"


# Any of the device's files. The error blames the link of the file, whichever it is.
FILE_FOREIGN = Message(
    CertificateError,
    "the file {file} belongs to {owner}, who could change it, and secretenv runs as root",
    "chown root {file}, or run secretenv as {owner}",
    link="certificate file",
)
FILE_LATE = Message(
    CertificateError,
    "{file} was not read within {time}",
    "does its disk or share answer? findmnt -T {file}; dmesg | tail",
    transient=True,
    link="certificate file",
)


def _of_pem_file(link: Link, option: str) -> tuple[Message, Message, Message]:
    """Return what can be wrong with any PEM file: it is unreadable, empty, or too large."""
    return (
        Message(
            CertificateError,
            f"the {link} {{file}} cannot be read: {{reason}}",
            f"check {option}: ls -l {{file}}",
            link=link,
        ),
        Message(
            CertificateError,
            f"the {link} {{file}} is empty",
            "was it half written? write another file and rename it into place",
            link=link,
        ),
        Message(
            CertificateError, f"the {link} {{file}} is larger than 1 MiB", f"{option} must name a PEM file", link=link
        ),
    )


# certificate file
CERTIFICATE_UNREADABLE, CERTIFICATE_EMPTY, CERTIFICATE_TOO_LARGE = _of_pem_file("certificate file", "--cert")
NO_CERTIFICATE = Message(
    CertificateError,
    "the certificate file {file} holds no certificate in PEM form",
    "--cert must name a PEM file",
    link="certificate file",
)
CERTIFICATE_IN_OTHER_FORM = Message(
    CertificateError,
    "the certificate file {file} holds no certificate in PEM form, but {found}",
    "{fix}",
    link="certificate file",
)
CERTIFICATE_DAMAGED = Message(
    CertificateError,
    "the certificate in {file} is damaged",
    "was it only half written? openssl x509 -noout -subject -in {file}",
    link="certificate file",
)

# key file
KEY_UNREADABLE, KEY_EMPTY, KEY_TOO_LARGE = _of_pem_file("key file", "--key")
NO_KEY = Message(
    CertificateError,
    "the key file {file} holds no private key in PEM form",
    "--key must name a PEM file",
    link="key file",
)
KEY_IN_OTHER_FORM = Message(
    CertificateError,
    "the key file {file} holds no private key in PEM form, but {found}",
    "{fix}",
    link="key file",
)
KEY_CIPHER_TOO_OLD = Message(
    CertificateError,
    "the key {file} is encrypted with {cipher}, which OpenSSL 3 no longer reads by itself",
    "openssl pkey -provider legacy -provider default -in {file} -aes256 -out NEW",
    link="key file",
)
KEY_IN_HARDWARE = Message(
    CertificateError,
    "the key file {file} leads to a key in hardware, which OpenSSL cannot use here",
    "--key must name a PEM file with the key itself: secretenv does not support keys in hardware (PKCS#11, TPM) yet",
    link="key file",
)
KEY_UNUSABLE = Message(
    CertificateError,
    "the key {file} cannot be used ({reason})",
    "was it only half written? openssl pkey -noout -in {file}",
    link="key file",
)

# key password
PASSWORD_MISSING = Message(
    CertificateError,
    "the key {file} is encrypted, and no password file is given",
    "give its password with --key-password-file FILE; or decrypt it: openssl pkey -in {file} -out NEW",
    link="key password",
)
PASSWORD_WRONG = Message(
    CertificateError,
    "the key {file} does not open with the given password",
    "check the file in --key-password-file: openssl pkey -noout -in {file}",
    link="key password",
)
PASSWORD_ODD = Message(
    CertificateError,
    "the key {file} does not open with the given password: the password file {password_file} holds {found}",
    "put the key's password into it, and nothing else: printf %s PASSWORD > {password_file}",
    link="key password",
)
PASSWORD_UNREADABLE = Message(
    CertificateError, "the password file {file} cannot be read: {reason}", "ls -l {file}", link="key password"
)
PASSWORD_EMPTY = Message(
    CertificateError,
    "the password file {file} is empty",
    "put the key's password into it, and nothing else",
    link="key password",
)
PASSWORD_TOO_LONG = Message(
    CertificateError,
    "the password file {file} holds more than {limit} bytes",
    "put the key's password into it, and nothing else",
    link="key password",
)

# roots file
ROOTS_UNREADABLE, ROOTS_EMPTY, ROOTS_TOO_LARGE = _of_pem_file("roots file", "--ca")
NO_ROOTS = Message(
    CertificateError,
    "the roots file {file} holds no certificates in PEM form",
    "--ca must name a PEM file, for example https://www.amazontrust.com/repository/AmazonRootCA1.pem",
    link="roots file",
)
ROOTS_IN_OTHER_FORM = Message(
    CertificateError,
    "the roots file {file} holds no certificates in PEM form, but {found}",
    "{fix}",
    link="roots file",
)

BUNDLE_UNREADABLE, _, BUNDLE_TOO_LARGE = _of_pem_file("roots file", "AWS_CA_BUNDLE")
BUNDLE_EMPTY = Message(
    CertificateError, ROOTS_EMPTY.text, f"AWS_CA_BUNDLE points to it; {ROOTS_EMPTY.hint}", link="roots file"
)
NO_BUNDLE = Message(
    CertificateError,
    NO_ROOTS.text,
    "AWS_CA_BUNDLE must name a PEM file with the roots for Secrets Manager; if it is not set, certifi's are used",
    link="roots file",
)
BUNDLE_CHANGED = Message(
    CertificateError,
    "the roots to trust for {host} cannot be read",
    "AWS_CA_BUNDLE must name a PEM file: ls -l $AWS_CA_BUNDLE",
    link="roots file",
)

# key of another certificate
KEY_MISMATCH = Message(
    CertificateError,
    "the key {file} does not belong to the certificate {certificate}",
    "was one of them renewed without the other? compare: openssl x509 -noout -pubkey -in {certificate}; "
    "openssl pkey -pubout -in {file}",
    link="key of another certificate",
)

# certificate
CERTIFICATE_NOT_YET_VALID = Message(
    CertificateError,
    "the certificate {file} is not valid before {date}, and this machine's clock says {now}",
    _CHECK_CLOCK,
    transient=True,  # a device without a clock battery starts in 1970 and gets the time a little later
)
CERTIFICATE_EXPIRED = Message(
    CertificateError, "the certificate {file} expired at {date}, and this machine's clock says {now}", _CHECK_CLOCK
)
CERTIFICATE_TOO_WEAK = Message(
    CertificateError,
    "the certificate {file} is too weak for this system's OpenSSL: {weakness} ({reason})",
    "use an RSA 2048 or EC P-256 key and a SHA-256 signature: openssl x509 -noout -text -in {file}",
)
# Transient, as the closed connection is: the same refusal may show as either.
CERTIFICATE_REFUSED = Message(
    CredentialsError,
    "{host} refuses the certificate {certificate} ({reason})",
    _CHECK_CERTIFICATE,
    transient=True,
    link="certificate",
)
CLOSED_IN_HANDSHAKE = Message(
    CredentialsError,
    "{host} closed the connection in the TLS handshake; it may have refused the certificate {certificate}",
    _CHECK_CERTIFICATE,
    transient=True,
    link="certificate",
)
CLOSED_AFTER_HANDSHAKE = Message(
    CredentialsError,
    "{host} closed the connection without an answer; it may have refused the certificate {certificate}",
    _CHECK_CERTIFICATE,
    transient=True,
    link="certificate",
)

# DNS
NAME_UNKNOWN = Message(
    CredentialsError,
    "the name {name} cannot be resolved: {reason}",
    "getent hosts {name}",
    transient=True,
    link="DNS",
)

# proxy. Its URL may hold a password and is not shown. VARIABLE is the variable that sets it. A wrong
# setting does not become right by itself.
PROXY_UNUSABLE = Message(
    CredentialsError,
    "{variable} is not the URL of an HTTP proxy",
    f"write http://USER:PASSWORD@HOST:PORT or http://HOST:PORT, or unset it; {_ENCODE_PROXY}",
    link="proxy",
)
PROXY_OTHER_KIND = Message(
    CredentialsError,
    "{variable} names a proxy that is not an HTTP proxy",
    "secretenv needs an HTTP proxy: write http://HOST:PORT, or unset it",
    link="proxy",
)
PROXY_NOT_ASCII = Message(
    CredentialsError,
    "the user or the password in {variable} has characters beyond ASCII",
    "use ASCII characters only, and percent-encode special ones: # is %23, @ is %40",
    link="proxy",
)
PROXY_WANTS_PASSWORD = Message(
    CredentialsError,
    "the proxy refuses a tunnel to {host} with status 407, because it wants a password",
    f"set {{variable}}=http://USER:PASSWORD@HOST:PORT; {_ENCODE_PROXY}",
    link="proxy",
)
PROXY_NOT_TLS = Message(
    CredentialsError,
    "the proxy on the way to {host} does not speak TLS",
    "write {variable}=http://HOST:PORT; https:// is for a proxy that is itself reached over TLS",
    link="proxy",
)
PROXY_NOT_TRUSTED = Message(
    CredentialsError,
    "the certificate of the proxy on the way to {host} is not trusted: {reason}",
    "set its roots with AWS_CA_BUNDLE; if the proxy needs no TLS, write {variable}=http://HOST:PORT",
    link="proxy",
)
PROXY_REFUSES = Message(
    CredentialsError,
    "the proxy refuses a tunnel to {host} with status {status}",
    CHECK_PROXY,
    transient=True,
    link="proxy",
)
PROXY_UNKNOWN = Message(
    CredentialsError,
    "the name of the proxy cannot be resolved: {reason}",
    CHECK_PROXY,
    transient=True,
    link="proxy",
)
PROXY_LATE = Message(
    CredentialsError,
    "the proxy on the way to {host} did not answer in time",
    CHECK_PROXY,
    transient=True,
    link="proxy",
)
PROXY_UNREACHABLE = Message(
    CredentialsError,
    "the proxy on the way to {host} cannot be reached",
    CHECK_PROXY,
    transient=True,
    link="proxy",
)
PROXY_CLOSED = Message(
    CredentialsError,
    "the proxy on the way to {host} closed the connection",
    CHECK_PROXY,
    transient=True,
    link="proxy",
)
PROXY_UNCLEAR = Message(
    CredentialsError,
    "the proxy on the way to {host} sent a response that cannot be read",
    CHECK_PROXY,
    transient=True,
    link="proxy",
)

# connection
CONNECT_LATE = Message(
    CredentialsError, "no connection to {host} in time", CHECK_NETWORK, transient=True, link="connection"
)
CONNECTION_REFUSED = Message(
    CredentialsError,
    "{host} refuses connections",
    "check host and port, and the firewall",
    transient=True,
    link="connection",
)
CONNECTION_CLOSED = Message(
    CredentialsError,
    "{host} closed the connection without an answer",
    CHECK_NETWORK,
    transient=True,
    link="connection",
)
UNREACHABLE = Message(
    CredentialsError,
    "{host} cannot be reached: {reason}",
    "check the network: ip route",
    transient=True,
    link="connection",
)

# TLS
NO_TLS_CONTEXT = Message(
    CertificateError,
    "this system's OpenSSL cannot speak TLS ({reason})",
    "check the file of OPENSSL_CONF, or openssl.cnf: it must activate the provider default and allow TLS 1.2; "
    "openssl list -providers",
    link="TLS",
)
HANDSHAKE_ENDLESS = Message(
    CredentialsError, "no TLS handshake with {host} within {time}", CHECK_NETWORK, transient=True, link="TLS"
)
HANDSHAKE_LATE = Message(
    CredentialsError,
    "the TLS handshake with {host} did not complete in time",
    CHECK_NETWORK,
    transient=True,
    link="TLS",
)
NOT_TLS = Message(
    CredentialsError,
    "{host} does not speak TLS ({reason})",
    "check host and port; is a captive portal in between?",
    transient=True,
    link="TLS",
)
HANDSHAKE_FAILED = Message(
    CredentialsError,
    "the TLS handshake with {host} failed ({reason})",
    "the server must support TLS 1.2 or newer",
    transient=True,
    link="TLS",
)
HANDSHAKE_FAILED_WITH_CERTIFICATE = Message(
    CredentialsError,
    "the TLS handshake with {host} failed ({reason})",
    "the server must support TLS 1.2 or newer; also check that {certificate} is RSA or ECDSA, which AWS accepts",
    transient=True,
    link="TLS",
)
OTHER_HOST_NAME = Message(
    CredentialsError,
    "the server certificate of {host} is for another host name",
    f"get the right endpoint with: {DESCRIBE_ENDPOINT}",
    link="TLS",
)
OTHER_HOST_FOR_SECRETS = Message(
    CredentialsError,
    "the server certificate of {host} is for another host name",
    "check why the connection goes there: getent hosts {name}; echo $AWS_ENDPOINT_URL_SECRETS_MANAGER",
    link="TLS",
)
SERVER_NOT_TRUSTED = Message(
    CredentialsError,
    "the certificate of {host} is not trusted: {reason}; its issuer is {issuer}",
    "does a proxy or a firewall inspect TLS? a device certificate does not survive that: exempt {name} there or in "
    "NO_PROXY; otherwise set the roots for the credentials provider with --ca",
    link="TLS",
)
SECRETS_NOT_TRUSTED = Message(
    CredentialsError,
    "the certificate of {host} is not trusted: {reason}; its issuer is {issuer}",
    "set the roots for Secrets Manager with AWS_CA_BUNDLE, not with --ca; if a proxy or a firewall inspects TLS, use "
    "its roots",
    link="TLS",
)

# endpoint
ANSWER_LATE = Message(CredentialsError, "{host} did not answer in time", CHECK_NETWORK, transient=True)
ANSWER_ENDLESS = Message(CredentialsError, "{host} gave no full answer within {time}", CHECK_NETWORK, transient=True)
ANSWER_UNCLEAR = Message(
    CredentialsError,
    "{host} sent a response that cannot be read ({kind})",
    "a captive portal or a proxy may be in between",
    transient=True,
)
DATA_ENDPOINT_NOT_TRUSTED = Message(
    CredentialsError,
    "the certificate of {host} is not trusted: {reason}",
    f"this is the data endpoint; get the right endpoint with: {DESCRIBE_ENDPOINT}",
)
DATA_ENDPOINT = Message(
    CredentialsError,
    "{endpoint} is not a credentials provider; it may be the data endpoint{quote}",
    f"get the right endpoint with: {DESCRIBE_ENDPOINT}",
)
NO_CREDENTIALS = Message(
    CredentialsError, "{endpoint} returned an answer without credentials", PORTAL_OR_ENDPOINT, transient=True
)
INVALID_EXPIRATION = Message(
    CredentialsError,
    "{endpoint} returned credentials with an invalid expiration time",
    PORTAL_OR_ENDPOINT,
    transient=True,
)
PROVIDER_FAILED = Message(
    CredentialsError,
    "the credentials provider {endpoint} answered with status {status}{quote}",
    AWS_HEALTH,
    transient=True,
)
PROVIDER_UNCLEAR = Message(
    CredentialsError,
    "the credentials provider {endpoint} answered with status {status}{quote}",
    PORTAL_OR_ENDPOINT,
    transient=True,
)
NOT_FROM_AWS = Message(
    CredentialsError,
    "the credentials provider {endpoint} answered with status {status} without an error message: this did not "
    "come from AWS",
    PORTAL_OR_ENDPOINT,
    transient=True,
)
PROVIDER_REFUSED = Message(
    CredentialsError, "the credentials provider {endpoint} refused with status {status}{quote}", _CHECK_ALIAS
)

# clock. Transient: a device without a clock battery starts in 1970 and gets the time a little later.
SERVER_NOT_YET_VALID = Message(
    CredentialsError,
    "the certificate of {host} is not yet valid: this machine's clock says {now}",
    SET_CLOCK,
    transient=True,
    link="clock",
)
SERVER_EXPIRED = Message(
    CredentialsError,
    "the certificate of {host} has expired: this machine's clock says {now}",
    SET_CLOCK,
    transient=True,
    link="clock",
)
IMPOSSIBLE_EXPIRATION = Message(
    CredentialsError,
    "the new credentials expire at {expiration}, which cannot be right: this machine's clock says {now}, that of "
    "{endpoint} says {endpoint_time}",
    SET_CLOCK,
    transient=True,
    link="clock",
)
IMPOSSIBLE_EXPIRATION_WITHOUT_DATE = Message(
    CredentialsError,
    "the new credentials expire at {expiration}, which cannot be right: this machine's clock says {now}; {endpoint} "
    "sent no date",
    SET_CLOCK,
    transient=True,
    link="clock",
)

# throttling
PROVIDER_THROTTLES = Message(
    CredentialsError,
    "the credentials provider {endpoint} is throttling{quote}",
    "many devices at once? ask for a higher AssumeRoleWithCertificate quota (L-DA868E55)",
    transient=True,
    link="throttling",
)

# policy
PROVIDER_DENIED = Message(
    CredentialsError,
    "the credentials provider {endpoint} refused with status {status}{quote}",
    _CHECK_ALIAS,
    link="policy",
)
