"""The statuses of runs as metrics in the text format of Prometheus. Pure.

The page on the format: https://prometheus.io/docs/instrumenting/exposition_formats/. Loaded only where someone asks
for metrics.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_PHASES = ("waiting", "running", "stopping", "cleaning")


def exposition(statuses: Sequence[Mapping[str, Any]]) -> str:
    """Return the metrics of these statuses, grouped by name; empty without a status.

    Args:
        statuses: as a run writes them, of the format that docs/status.md describes.
    """
    lines = []
    for name, kind, meaning, samples in METRICS:
        found = [
            f"{name}{{{_labels(status, more)}}} {value}"
            for status in statuses
            for value, more in samples(status)
            if value is not None
        ]
        if found:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *found]
    return "".join(f"{line}\n" for line in lines)


def _labels(status: Mapping[str, Any], more: Mapping[str, str]) -> str:
    labels = {"program": status["program"], "pid": str(status["pid"]), **more}
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    """Return the value of a label. A byte that was not UTF-8, kept as half of a surrogate pair, becomes `?`."""
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _epoch(status: Mapping[str, Any], moment: float | None) -> float | None:
    """Return a time of a status in seconds since the epoch: a status shows the same moment by both clocks."""
    return None if moment is None else round(status["time"] + moment - status["written"], 3)


def _up(status: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    yield int(status["phase"] == "running"), {}


def _phase(status: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    for phase in _PHASES:
        yield int(status["phase"] == phase), {"phase": phase}


def _started(status: Mapping[str, Any]) -> Iterator[tuple[float | None, dict[str, str]]]:
    yield _epoch(status, status["started"]), {}


def _looked_at(status: Mapping[str, Any]) -> Iterator[tuple[float | None, dict[str, str]]]:
    yield _epoch(status, status["looked_at"]), {}


def _failing(status: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    yield int(status["failing"] is not None), {}


def _restarts(status: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    yield status["restarts"], {}


def _refused(status: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    yield len(status["refused"]), {}


def _cache_in_use(status: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    if cache := status["cache"]:
        yield int(cache["in_use"]), {}


def _cache_sealed_at(status: Mapping[str, Any]) -> Iterator[tuple[float | None, dict[str, str]]]:
    if cache := status["cache"]:
        yield cache["sealed_at"], {}


def _certificate_end(status: Mapping[str, Any]) -> Iterator[tuple[float | None, dict[str, str]]]:
    yield status["certificate_end"], {}


def _secrets(status: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    for each in status["secrets"]:
        yield 1, {"secret": each["secret"], "version": each["version"]}


# Name, type, meaning, and the samples of a status, each with its labels besides program and pid.
METRICS = (
    ("secretenv_up", "gauge", "Whether the command runs.", _up),
    ("secretenv_phase", "gauge", "1 for the phase of the run, 0 for each other phase.", _phase),
    ("secretenv_start_time_seconds", "gauge", "When secretenv started, in seconds since the epoch.", _started),
    (
        "secretenv_looked_at_timestamp_seconds",
        "gauge",
        "When the secrets were last looked at successfully, in seconds since the epoch.",
        _looked_at,
    ),
    ("secretenv_failing", "gauge", "Whether the last look at the secrets failed.", _failing),
    ("secretenv_restarts_total", "counter", "Starts of the command after the first.", _restarts),
    ("secretenv_refused_versions", "gauge", "Versions that the command or --validate refused.", _refused),
    (
        "secretenv_cache_in_use",
        "gauge",
        "Whether the command runs with values of the cache that AWS has not confirmed yet.",
        _cache_in_use,
    ),
    (
        "secretenv_cache_sealed_at_timestamp_seconds",
        "gauge",
        "When the cache was sealed, in seconds since the epoch.",
        _cache_sealed_at,
    ),
    (
        "secretenv_certificate_end_timestamp_seconds",
        "gauge",
        "When the device's certificate expires, in seconds since the epoch.",
        _certificate_end,
    ),
    ("secretenv_secret_info", "gauge", "The version of each secret that the command runs with.", _secrets),
)
