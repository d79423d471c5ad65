"""``/metrics``: the counters of all processes added up, gauges derived from the store, and process metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from proxy import metric_families as families
from proxy.config.model import Config
from proxy.journal.base import Depth
from proxy.metric_families import Family
from proxy.supervisor import ChildState

Zeros = Sequence[tuple[Family, Mapping[str, str]]]


class _Page(Collector):
    """Metrics of this scrape."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def render(accept: str, counted: Iterable[Metric], computed: Iterable[Metric]) -> tuple[bytes, str]:
    """The page in the format that the scraper accepts, and its content type.

    The registry is made for this scrape alone, as prometheus_client asks for with several processes.
    """
    registry = CollectorRegistry()
    registry.register(_Page([*counted, *computed]))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def counted_families(metrics_directory: Path, zeros: Zeros) -> list[Metric]:
    """What all processes counted, added up, and 0 where nobody counted yet: a first event is a change only then."""
    # A process that is killed just as it makes its file leaves it empty, which nobody can read.
    files = [str(file) for file in metrics_directory.glob("*.db") if file.stat().st_size]
    merged = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # theirs
    counted: dict[str, Metric] = {metric.name: metric for metric in merged}
    there = {
        (sample.name, frozenset(sample.labels.items())) for metric in counted.values() for sample in metric.samples
    }
    for family, labels in zeros:
        if (family.exported, frozenset(labels.items())) not in there:
            metric = counted.setdefault(family.name, _metric(family))
            metric.add_sample(family.exported, dict(labels), 0.0)
    return list(counted.values())


def known_ahead(config: Config, roles: Collection[str]) -> Zeros:
    """What these roles may count, with labels that the configuration and the code know: bounded, whoever asks."""
    known: list[tuple[Family, Mapping[str, str]]] = []
    for route in config.routes:
        if "relay" in roles:
            for family in (families.CAPTURES, families.NOT_SHADOWABLE):
                known += [(family, labels) for labels in family.known_sets(route=route.name)]
        if "shadow" in roles:
            for student, family in product(
                route.students, (families.PAIRS, families.STUDENT_ERRORS, families.DISAGREEMENTS)
            ):
                known += [(family, each) for each in family.known_sets(route=route.name, student=student.name)]
    return known


def report_families(entries: Sequence[dict[str, Any]]) -> list[Metric]:
    """What the routes of a report say of live evidence, as gauges."""
    gauges = _Gauges()
    for entry in entries:
        if entry["rescored"] is not None:
            continue
        route = {"route": entry["route"]}
        if entry["noise_floor"] is not None:
            gauges.set(families.NOISE_FLOOR_RATIO, route, entry["noise_floor"]["estimate"])
        _of_drift(gauges, entry)
        if entry["student"] is not None:
            _of_student(gauges, entry, {**route, "student": entry["student"]})
    return gauges.metrics()


class _Gauges:
    """Metrics to be, each value once."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Family, dict[frozenset[tuple[str, str]], float]]] = {}

    def set(self, family: Family, labels: Mapping[str, str], value: float | None) -> None:
        """None: not known, so there is no sample."""
        _, values = self._values.setdefault(family.name, (family, {}))
        if value is not None:
            values[frozenset(labels.items())] = float(value)

    def metrics(self) -> list[Metric]:
        made = []
        for family, values in self._values.values():
            metric = _metric(family)
            for labels, value in values.items():
                named = dict(labels)
                metric.add_sample(family.name, {name: named[name] for name in family.labels}, value)
            made.append(metric)
        return made


def _of_student(gauges: _Gauges, entry: dict[str, Any], labels: dict[str, str]) -> None:
    slices = [("all", entry["agreement"])]
    slices += [(f"{part['key']}={part['value']}", part["agreement"]) for part in entry["segments"]]
    for segment, agreement in slices:
        named = {**labels, "segment": segment}
        gauges.set(families.AGREEMENT_RATIO, named, agreement["estimate"])
        gauges.set(families.AGREEMENT_LOWER, named, agreement["lower"])
        gauges.set(families.AGREEMENT_UPPER, named, agreement["upper"])
    gauges.set(families.MISSING_RATIO, labels, entry["missing"]["share"])
    for each in families.VERDICT.known_sets(**labels):
        gauges.set(families.VERDICT, each, each["verdict"] == entry["verdict"])
    reasons = {alert["reason"] for alert in entry["alerts"]}
    for each in families.REDISTILL_NEEDED.known_sets(**labels):
        gauges.set(families.REDISTILL_NEEDED, each, each["reason"] in reasons)
    for kind, told in (entry["divergence"] or {}).items():
        gauges.set(families.DIVERGENCE, {**labels, "kind": kind}, told["value"])


def _of_drift(gauges: _Gauges, entry: dict[str, Any]) -> None:
    for told in entry["drift"]:
        named = {name: told[name] for name in ("side", "feature", "statistic", "reference")}
        named |= {"route": entry["route"], "student": entry["student"] if told["side"] == "student" else ""}
        gauges.set(families.DRIFT, named, told["value"])
        gauges.set(families.DRIFT_THRESHOLD, named, told["threshold"])


def journal_families(depth: Depth, now: float) -> list[Metric]:
    """How much waits in the journal, and for how long."""
    age = 0.0 if depth.oldest is None else max(0.0, now - depth.oldest)
    entries, oldest = _metric(families.JOURNAL_DEPTH), _metric(families.JOURNAL_OLDEST)
    entries.add_sample(entries.name, {}, float(depth.entries))
    oldest.add_sample(oldest.name, {}, age)
    return [entries, oldest]


def process_families(children: Sequence[ChildState]) -> list[Metric]:
    """The usual ``process_*`` families with ``role`` and ``slot``, and how often each child was started again."""
    usual: dict[str, Metric] = {}
    restarts = _metric(families.CHILD_RESTARTS)
    for child in children:
        labels = {"role": child.role, "slot": str(child.slot)}
        restarts.add_sample(families.CHILD_RESTARTS.exported, labels, child.restarts)
        for metric in _process_metrics(child.pid):
            family = usual.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, labels, sample.value)
    return [*usual.values(), restarts]


def _metric(family: Family) -> Metric:
    return Metric(family.name, family.help, family.kind)


def _process_metrics(pid: int | None) -> Iterable[Metric]:
    if pid is None:
        return ()
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
