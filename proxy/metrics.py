"""The metrics of CONTRACT.md, by the process that counts them.

With ``PROMETHEUS_MULTIPROC_DIR`` set before prometheus_client is imported (``proxy.main`` sees to it), values live in
files that the admin plane adds up.  Build one object per process; label children are cached where it is hot.
``proxy.metric_families`` declares them.
"""

from __future__ import annotations

import os
import threading

from prometheus_client import CollectorRegistry, values

from proxy import metric_families as families

_MOST_MODELS = 100
_LONGEST_MODEL = 128  # characters
_OTHER_MODEL = "other"


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
        self.requests = families.REQUESTS.counter(registry)
        self.overhead = families.RELAY_OVERHEAD.histogram(registry)
        self.captures = families.CAPTURES.counter(registry)
        self.not_shadowable = families.NOT_SHADOWABLE.counter(registry)
        self.upstream_duration = families.UPSTREAM_DURATION.histogram(registry)
        self.ttft = families.TIME_TO_FIRST_TOKEN.histogram(registry)


class ShadowMetrics:
    """Counted by shadow workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.models = ModelLabels()
        self.pairs = families.PAIRS.counter(registry)
        self.student_errors = families.STUDENT_ERRORS.counter(registry)
        self.disagreements = families.DISAGREEMENTS.counter(registry)
        self.score = families.SCORE.histogram(registry)
        self.comparator_failures = families.COMPARATOR_FAILURES.counter(registry)
        self.tokens = families.TOKENS.counter(registry)
        self.cost = families.COST.counter(registry)
        self.upstream_duration = families.UPSTREAM_DURATION.histogram(registry)
        self.ttft = families.TIME_TO_FIRST_TOKEN.histogram(registry)
