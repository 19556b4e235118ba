"""Which secrets share a call, and whose each part of an answer is: properties, whatever secrets there are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secretenv.fetcher import batches

from .secrets import arn_of, names, value_of

OURS, THEIRS = 111122223333, 444455556666
existing = st.tuples(
    st.sampled_from([OURS, THEIRS]),
    # Names that look like parts of each other's ARNs.
    st.sampled_from(["app", "app-backup", "app-AbCdEf", "app-AbCdEf-AbCdEf", "a/app", "backup"]),
)


class Account:
    """Secrets Manager as far as it finds secrets by their ids."""

    def __init__(self, secrets: set[tuple[int, str]], failing: set[tuple[int, str]], *, echo: bool) -> None:
        self._secrets, self._failing, self._echo = secrets, failing, echo

    def find(self, secret_id: str) -> tuple[int, str] | None:
        """Return the secret of a name in the role's account, of a whole or of a partial ARN."""
        if not secret_id.startswith("arn:"):
            return (OURS, secret_id) if (OURS, secret_id) in self._secrets else None
        whole = {arn_of(name, account): (account, name) for account, name in self._secrets}
        partial = {arn[:-7]: found for arn, found in whole.items()}
        return whole.get(secret_id) or partial.get(secret_id)

    def fails(self, secret_id: str) -> bool:
        """Tell whether a secret is missing or refused."""
        found = self.find(secret_id)
        return found is None or found in self._failing

    def answer(self, ids: list[str]) -> tuple[list[Any], list[Any]]:
        """Return values, each once, and errors, whose SecretId is the id as it was asked for or the full ARN."""
        values: dict[Any, Any] = {}
        errors = []
        for each in ids:
            found = self.find(each)
            if found is None or found in self._failing:
                named = each if self._echo or found is None else arn_of(found[1], found[0])
                errors.append({"SecretId": named, "ErrorCode": "DecryptionFailure"})
            else:
                values[found] = value_of(found[1], arn_of(found[1], found[0]))
        return list(values.values()), errors


@given(st.sets(existing, min_size=1), st.sets(existing), st.booleans(), st.data())
def test_answers_find_their_ids(
    secrets: set[tuple[int, str]],
    failing: set[tuple[int, str]],
    echo: bool,  # noqa: FBT001
    data: st.DataObject,
) -> None:
    """Whatever secrets there are, here and in another account, and by whichever id: each gets its own answer."""
    account = Account(secrets, failing, echo=echo)
    every = {arn_of(name, number) for number, name in secrets}
    possible = every | {arn[:-7] for arn in every} | {name for _, name in secrets} | {"nowhere"}
    asked = data.draw(st.lists(st.sampled_from(sorted(possible)), min_size=1, unique=True))
    calls = batches.calls(dict.fromkeys(asked, "eu-west-1"), "eu-west-1")
    assert sorted(each for _, ids in calls for each in ids) == sorted(asked)
    for _, ids in calls:
        values, errors = account.answer(ids)
        entries = batches.by_id(data.draw(st.permutations(values)), data.draw(st.permutations(errors)))
        for each in ids:
            if account.fails(each):
                assert "ErrorCode" in entries[each]
            else:
                number, name = account.find(each) or (0, "")
                assert entries[each].get("SecretString") == arn_of(name, number)


@given(st.lists(st.sampled_from(["app", arn_of("app")[:-7], *names(60), *map(arn_of, names(60))]), unique=True))
def test_calls_are_few(ids: list[str]) -> None:
    """As few calls as there can be, 20 ids each; one more only where an ARN may be that of a name beside it."""
    calls = batches.calls(dict.fromkeys(ids, "eu-west-1"), "eu-west-1")
    assert all(len(asked) <= 20 for _, asked in calls)
    both = any(arn_of(each) in ids or arn_of(each)[:-7] in ids for each in ids if not each.startswith("arn:"))
    assert len(calls) <= -(-len(ids) // 20) + both


def test_equal_names_of_two_regions() -> None:
    """A name and an ARN of another region cannot be mixed up: they are in two calls anyway, and not in three."""
    there = [arn_of(name, region="us-west-2") for name in ("app", "other")]
    regions = {"app": "eu-west-1", **dict.fromkeys(there, "us-west-2")}
    assert batches.calls(regions, "eu-west-1") == [("eu-west-1", ["app"]), ("us-west-2", there)]
