"""``/metrics``: the counters of all processes added up, gauges derived from the store, and process metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from proxy.journal.base import Depth
from proxy.metrics import STORE_GAUGES
from proxy.supervisor import ChildState

VERDICTS = ("promote", "reject", "undecided")


class _Families(Collector):
    """What was computed for this scrape."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def render(accept: str, metrics_directory: Path, families: Iterable[Metric]) -> tuple[bytes, str]:
    """The page in the format that the scraper accepts, and its content type.

    The registry is made for this scrape alone, as prometheus_client asks for with several processes.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(metrics_directory))  # type: ignore[no-untyped-call]  # theirs
    registry.register(_Families(families))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def report_families(entries: Sequence[dict[str, Any]]) -> list[Metric]:
    """Agreement, missing and verdicts as gauges, from the routes of a report."""
    gauges = {
        name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in STORE_GAUGES.items() if labels
    }
    for entry in entries:
        if entry["student"] is None:
            continue
        labels = [entry["route"], entry["student"]]
        slices = [("all", entry["agreement"])]
        slices += [(f"{part['key']}={part['value']}", part["agreement"]) for part in entry["segments"]]
        for segment, agreement in slices:
            for name, field in (("ratio", "estimate"), ("lower", "lower"), ("upper", "upper")):
                if agreement[field] is not None:
                    gauges[f"understudy_agreement_{name}"].add_metric([*labels, segment], agreement[field])
        if entry["missing"]["share"] is not None:
            gauges["understudy_missing_ratio"].add_metric(labels, entry["missing"]["share"])
        for verdict in VERDICTS:
            gauges["understudy_verdict"].add_metric([*labels, verdict], float(verdict == entry["verdict"]))
    return list(gauges.values())


def journal_families(depth: Depth, now: float) -> list[Metric]:
    """How much waits in the journal, and for how long."""
    age = 0.0 if depth.oldest is None else max(0.0, now - depth.oldest)
    values = {"understudy_journal_depth": float(depth.entries), "understudy_journal_oldest_seconds": age}
    return [GaugeMetricFamily(name, STORE_GAUGES[name][0], value=value) for name, value in values.items()]


def process_families(children: Sequence[ChildState]) -> list[Metric]:
    """The usual ``process_*`` families with ``role`` and ``slot``, and how often each child was started again."""
    families: dict[str, Metric] = {}
    restarts = CounterMetricFamily(
        "understudy_child_restarts", "Times a child process died and was started again.", labels=["role", "slot"]
    )
    for child in children:
        labels = {"role": child.role, "slot": str(child.slot)}
        restarts.add_metric(list(labels.values()), child.restarts)
        for metric in _process_metrics(child.pid):
            family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, labels, sample.value)
    return [*families.values(), restarts]


def _process_metrics(pid: int | None) -> Iterable[Metric]:
    if pid is None:
        return ()
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
