"""Errors: what makes them, what decides about a retry, and the links that they may blame."""

from __future__ import annotations

import pytest

from secretenv.errors import CertificateError, CredentialsError, Message, SecretenvError


def test_a_message_makes_errors() -> None:
    """A template gives its kind, link and hint to each error; what is put in is not read as a template."""
    message = Message(CredentialsError, "{endpoint} is away", "ping {endpoint}", transient=True, link="DNS")
    error = message(endpoint="{host}")
    assert isinstance(error, CredentialsError)
    assert (error.message, error.hint, error.link, error.transient) == ("{host} is away", "ping {host}", "DNS", True)


def test_a_value_that_is_missing_is_a_defect() -> None:
    """A name in braces without a value is found by the first test that meets it."""
    with pytest.raises(KeyError):
        Message(SecretenvError, "{file} is away")()


@pytest.mark.parametrize(
    ("error", "at_the_start", "running"),
    [
        (SecretenvError("x"), False, False),
        (SecretenvError("x", transient=True), True, True),
        (CertificateError("x"), False, True),
        (CertificateError("x", transient=True), True, True),
    ],
)
def test_one_thing_decides_about_a_retry(error: SecretenvError, *, at_the_start: bool, running: bool) -> None:
    """A pair that does not load is final before the first start, and may be half renewed after it."""
    assert error.may_pass(running=False) == at_the_start
    assert error.may_pass(running=True) == running
