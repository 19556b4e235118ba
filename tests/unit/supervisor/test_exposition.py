"""The metrics of runs, as Prometheus's own reader understands them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from secretenv.supervisor.exposition import exposition
from tests.unit.cli.status.statuses import DAY, EPOCH, VERSION, cache, failing, refused, secret, status

LABELS = {"program": "myapp", "pid": "4711"}


def read(*statuses: dict[str, Any]) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the samples that a reader finds, by the name of the metric; each has a type and a meaning."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(exposition(statuses)):
        assert family.type in {"gauge", "counter"}
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def test_the_metrics_of_a_run() -> None:
    """Each has its value; times are those of the epoch, whatever the clock of this machine says now."""
    found = read(status(restarts=2, refused=[refused()], failing=failing()))
    assert found == {
        "secretenv_up": [(LABELS, 1)],
        "secretenv_phase": [
            (LABELS | {"phase": "waiting"}, 0),
            (LABELS | {"phase": "running"}, 1),
            (LABELS | {"phase": "stopping"}, 0),
            (LABELS | {"phase": "cleaning"}, 0),
        ],
        "secretenv_start_time_seconds": [(LABELS, EPOCH - 1345)],
        "secretenv_looked_at_timestamp_seconds": [(LABELS, EPOCH - 45)],
        "secretenv_failing": [(LABELS, 1)],
        "secretenv_restarts_total": [(LABELS, 2)],
        "secretenv_refused_versions": [(LABELS, 1)],
        "secretenv_certificate_end_timestamp_seconds": [(LABELS, EPOCH + 200 * DAY)],
        "secretenv_secret_info": [(LABELS | {"secret": "prod/app", "version": VERSION}, 1)],
    }


def test_what_is_not_known_is_left_out() -> None:
    """Before the first look and without a certificate there is no such sample, and no heading for it."""
    found = read(status(phase="waiting", looked_at=None, certificate_end=None, secrets=[]))
    assert found["secretenv_up"] == [(LABELS, 0)]
    assert not {
        "secretenv_looked_at_timestamp_seconds",
        "secretenv_certificate_end_timestamp_seconds",
        "secretenv_secret_info",
    } & set(found)
    assert exposition([]) == ""


@pytest.mark.parametrize("in_use", [True, False])
def test_the_metrics_of_a_cache(in_use: bool) -> None:  # noqa: FBT001
    """Only with a cache; the last look may have been before this boot, and a cache that was not written has no time."""
    found = read(status(cache=cache(in_use=in_use), looked_at=-3 * DAY))
    assert found["secretenv_cache_in_use"] == [(LABELS, in_use)]
    assert found["secretenv_cache_sealed_at_timestamp_seconds"] == [(LABELS, EPOCH - 2 * DAY)]
    assert found["secretenv_looked_at_timestamp_seconds"] == [(LABELS, EPOCH - 12345 - 3 * DAY)]
    assert "secretenv_cache_sealed_at_timestamp_seconds" not in read(status(cache=cache(sealed_at=None)))
    assert not [name for name in read(status()) if "cache" in name]


def test_several_runs_stand_together() -> None:
    """All samples of a metric follow one heading, as the format demands."""
    text = exposition([status(), status(pid=1, program="other")])
    assert text.count("# TYPE secretenv_up gauge") == 1
    assert [labels["pid"] for labels, _ in read(status(), status(pid=1))["secretenv_up"]] == ["4711", "1"]
    names = [line.split("{")[0] for line in text.splitlines() if not line.startswith("#")]
    assert names == sorted(names, key=names.index)


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", "a\\nb", "é 🔑", '{x="y"} 1', "a,b=c", "\r"])
def test_hostile_names(name: str) -> None:
    """A name with quotes, backslashes, newlines or letters of any language comes back as it was."""
    found = read(status(program=name, secrets=[secret(secret=name)]))
    assert found["secretenv_secret_info"] == [({"program": name, "pid": "4711", "secret": name, "version": VERSION}, 1)]


def test_a_name_that_is_no_text() -> None:
    """A byte that is no UTF-8 does not spoil the file."""
    assert '"my?app"' in exposition([status(program="my\udcffapp")])
    assert exposition([status(program="my\udcffapp")]).encode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name(name: str) -> None:
    """Every text comes back."""
    assert read(status(program=name))["secretenv_up"] == [({"program": name, "pid": "4711"}, 1)]
