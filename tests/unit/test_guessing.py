"""How names are written: whole, unless they are probably values that were typed into the field of the key."""

from __future__ import annotations

import pytest

from secretenv.guessing import shown_key

NAMES = """
A API_KEY AWS_SECRET_ACCESS_KEY ConnectionStrings:Default DATABASE_URL GOOGLE_APPLICATION_CREDENTIALS OAUTH2_CLIENT_ID
S3_BUCKET_NAME_EU_WEST_1 SpringDatasourceHikariMaximumPoolSize databaseConnectionString db-password größe
my-app/db.password oauth2ClientSecretV2 spring.datasource.password v1 BASH_FUNC_module%%
""".split()  # noqa: SIM905 - shorter
VALUES = [
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AKIAIOSFODNN7EXAMPLE",
    "123e4567-e89b-12d3-a456-426614174000",
    "9f86d081884c7d659a2feaa0c55ad015",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "postgres://user:pw@host/db",
    "Tr0ub4dor&3-x",
    "correct-horse-battery-staple-" * 3,
    '{"PASSWORD": "hunter2"}',
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown(name: str) -> None:
    """The name of a key is named, whatever style it has."""
    assert shown_key(name) == name


@pytest.mark.parametrize("value", VALUES)
def test_values_in_the_place_of_a_name(value: str) -> None:
    """What is long, or looks random, is shown by its first four characters and its length."""
    shown = shown_key(value)
    assert shown.endswith(f"… ({len(value)} characters)")
    assert len(shown.partition("…")[0].replace("\\", "")) <= 4
    assert value[4:] not in shown
