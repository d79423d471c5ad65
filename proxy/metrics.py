"""The metrics of CONTRACT.md, by the process that counts them.

With ``PROMETHEUS_MULTIPROC_DIR`` set before prometheus_client is imported (``proxy.main`` sees to it), values live in
files that the admin plane adds up.  Build one object per process; label children are cached where it is hot.
"""

from __future__ import annotations

import os
import threading

from prometheus_client import CollectorRegistry, Counter, Histogram, values

_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_ANSWER = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 600.0)
_MOST_MODELS = 100
_LONGEST_MODEL = 128  # characters
_OTHER_MODEL = "other"
_SCORE = tuple(tenths / 10 for tenths in range(11))


def name_process() -> None:
    """Tell the values of metrics whose they are, once: prometheus_client asks the system with every count.

    For a process that never forks; before its metrics are built.
    """
    if values.ValueClass is not values.MutexValue:
        process = os.getpid()
        values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call] # it has no types


class ModelLabels:
    """Values of a label ``model``, bounded: clients may ask for anything, and there are servers that answer as it.

    The first hundred names of a route's role keep theirs, all that come later are ``other``.  For several threads.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], set[str]] = {}
        self._lock = threading.Lock()

    def of(self, route: str, role: str, model: str) -> str:
        known = self._known.setdefault((route, role), set())
        if model in known:
            return model
        # Half of a surrogate pair, which JSON can hold, would make the whole page unwritable.
        name = model[:_LONGEST_MODEL].encode("utf-8", "replace").decode()
        with self._lock:
            if name not in known and len(known) >= _MOST_MODELS:
                return _OTHER_MODEL
            known.add(name)
        return name


class RelayMetrics:
    """Counted by relay processes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.models = ModelLabels()
        self.requests = Counter(
            "understudy_requests",
            "Client requests answered.",
            ["route", "status", "stream", "served_by"],
            registry=registry,
        )
        self.overhead = Histogram(
            "understudy_relay_overhead_seconds",
            "Time inside the proxy, the upstream's taken out.",
            ["route"],
            buckets=_OVERHEAD,
            registry=registry,
        )
        self.captures = Counter(
            "understudy_captures",
            "What became of each request that a route matched.",
            ["route", "outcome"],
            registry=registry,
        )
        self.not_shadowable = Counter(
            "understudy_not_shadowable",
            "Requests that cannot be asked of a student, by reason.",
            ["route", "reason"],
            registry=registry,
        )
        self.upstream_duration, self.ttft = upstream_histograms(registry)


class ShadowMetrics:
    """Counted by shadow workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.models = ModelLabels()
        self.pairs = Counter(
            "understudy_pairs",
            "What became of each journaled exchange, for each student.",
            ["route", "student", "outcome"],
            registry=registry,
        )
        self.student_errors = Counter(
            "understudy_student_errors",
            "Students that did not answer, by kind.",
            ["route", "student", "kind"],
            registry=registry,
        )
        self.disagreements = Counter(
            "understudy_disagreements",
            "Pairs that disagree, by kind of difference.",
            ["route", "student", "kind"],
            registry=registry,
        )
        self.score = Histogram(
            "understudy_score",
            "Scores, by comparator.",
            ["route", "student", "comparator"],
            buckets=_SCORE,
            registry=registry,
        )
        self.comparator_failures = Counter(
            "understudy_comparator_failures",
            "Comparators that failed on a pair, by kind of error.",
            ["route", "comparator", "error"],
            registry=registry,
        )
        self.tokens = Counter(
            "understudy_tokens",
            "Tokens read and written.",
            ["route", "role", "model", "kind"],
            registry=registry,
        )
        self.cost = Counter(
            "understudy_cost_usd",
            "Cost, where prices are known.",
            ["route", "role", "model"],
            registry=registry,
        )
        self.upstream_duration, self.ttft = upstream_histograms(registry)


def upstream_histograms(registry: CollectorRegistry) -> tuple[Histogram, Histogram]:
    """Duration of whole answers and time to their first token, for whoever asks an upstream."""
    labels = ["route", "role", "model"]
    return (
        Histogram(
            "understudy_upstream_duration_seconds",
            "From sending a request to the last byte of its answer.",
            labels,
            buckets=_ANSWER,
            registry=registry,
        ),
        Histogram(
            "understudy_time_to_first_token_seconds",
            "From sending a request to the first byte of its answer's body.",
            labels,
            buckets=_ANSWER,
            registry=registry,
        ),
    )


# Gauges that the admin plane derives from the store and the journal at each scrape: name, help text, labels.
STORE_GAUGES: dict[str, tuple[str, list[str]]] = {
    "understudy_agreement_ratio": ("Agreement, missing pairs left out.", ["route", "student", "segment"]),
    "understudy_agreement_lower": ("Anytime-valid lower bound of agreement.", ["route", "student", "segment"]),
    "understudy_agreement_upper": ("Anytime-valid upper bound of agreement.", ["route", "student", "segment"]),
    "understudy_missing_ratio": ("Share of due exchanges without a valid score.", ["route", "student"]),
    "understudy_verdict": ("1 for the present verdict.", ["route", "student", "verdict"]),
    "understudy_journal_depth": ("Exchanges in the journal that are not settled.", []),
    "understudy_journal_oldest_seconds": ("Age of the oldest exchange in the journal that is not settled.", []),
}
