"""The relay's metrics, with label children kept at hand and unbounded labels bounded."""

from __future__ import annotations

from typing import Any

from proxy.journal.base import Exchange
from proxy.metrics import RelayMetrics

UNMATCHED = "unmatched"


class Telemetry:
    """Counts requests, captures and times.  Safe to use from the event loop and the writer thread at once."""

    def __init__(self, metrics: RelayMetrics) -> None:
        self._metrics = metrics
        self._requests: dict[tuple[str, int, bool], Any] = {}
        self._overhead: dict[str, Any] = {}
        self._captures: dict[tuple[str, str], Any] = {}
        self._times: dict[tuple[str, str], tuple[Any, Any]] = {}

    def requested(self, route: str, status: int, *, stream: bool, overhead: float) -> None:
        """A request was answered, or its client left: status 499."""
        key = (route, status, stream)
        child = self._requests.get(key)
        if child is None:
            child = self._metrics.requests.labels(route, str(status), "true" if stream else "false", "teacher")
            self._requests[key] = child
            self._overhead.setdefault(route, self._metrics.overhead.labels(route))
        child.inc()
        self._overhead[route].observe(overhead)

    def captured(self, route: str, outcome: str, reason: str = "", n: int = 1) -> None:
        """What became of ``n`` captures."""
        key = (route, outcome)
        child = self._captures.get(key)
        if child is None:
            child = self._captures[key] = self._metrics.captures.labels(route, outcome)
        child.inc(n)
        if outcome == "not_shadowable":
            self._metrics.not_shadowable.labels(route, reason).inc(n)

    def answered(self, exchange: Exchange) -> None:
        """How long the teacher took over an exchange."""
        self.timed(
            exchange.route, exchange.model or "", exchange.duration, exchange.ttft if exchange.streamed else None
        )

    def timed(self, route: str, model: str, duration: float, ttft: float | None) -> None:
        """How long the teacher took, and to its first byte where the answer was streamed."""
        model = self._metrics.models.of(route, "teacher", model)
        children = self._times.get((route, model))
        if children is None:
            labels = (route, "teacher", model)
            children = (self._metrics.upstream_duration.labels(*labels), self._metrics.ttft.labels(*labels))
            self._times[route, model] = children
        children[0].observe(duration)
        if ttft is not None:
            children[1].observe(ttft)
