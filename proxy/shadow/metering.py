"""Counting what was stored: a pair counts once, however often its exchange was delivered."""

from __future__ import annotations

import threading
from collections.abc import Collection
from weakref import WeakKeyDictionary

from comparators.base import Asked
from comparators.kinds import KINDS
from proxy.metrics import ShadowMetrics
from proxy.store.records import ANSWERED, OURS, TEACHER_REPLAY, AnswerRecord, PairRecord, Settlement

_MOST_KINDS = 50  # of a route's own comparators, beside those of the list
_OTHER_KIND = "other"


class KindLabels:
    """Values of a label ``kind``, bounded: a comparator of one's own may make up kinds, out of the answers even.

    Those of ``KINDS`` keep their names, and so do the first fifty others of a route; all that come later are
    ``other``.  For several threads.
    """

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def of(self, route: str, kind: str) -> str:
        if kind in KINDS or kind == _OTHER_KIND:
            return kind
        with self._lock:
            known = self._known.setdefault(route, set())
            if kind not in known and len(known) >= _MOST_KINDS:
                return _OTHER_KIND
            known.add(kind)
        return kind


_KIND_LABELS: WeakKeyDictionary[ShadowMetrics, KindLabels] = WeakKeyDictionary()


def count_stored(
    metrics: ShadowMetrics,
    settlement: Settlement,
    *,
    new_students: Collection[str],
    new_exchange: bool,
    route_known: bool,
    models: dict[str, str],
) -> None:
    """Count a settlement that is in the store.

    Args:
        metrics: Where to count.
        settlement: What was stored.
        new_students: Whose pairs were not there before.
        new_exchange: Whether the exchange was not there before.
        route_known: Whether it is known for which students the exchange was due.
        models: By student, the model that was asked.
    """
    exchange = settlement.exchange
    if new_exchange and exchange.teacher is not None:
        named = exchange.teacher_version or exchange.requested_model or ""
        model = metrics.models.of(exchange.route, "teacher", named)
        _count_usage(metrics, exchange.route, "teacher", model, exchange.teacher)
    if new_exchange and not route_known:  # as missing for a student without a name, so that it is seen
        metrics.pairs.labels(exchange.route, "", "expired").inc()
    for pair in settlement.pairs:
        if pair.student in new_students:
            _count_pair(metrics, exchange.route, pair, models.get(pair.student, ""))


def count_asked(metrics: ShadowMetrics, route: str, asked: Asked) -> None:
    """Count a question that a comparator asked of another machine."""
    role, model = "judge", metrics.models.of(route, "judge", asked.model)
    if asked.seconds is not None:
        metrics.upstream_duration.labels(route, role, model).observe(asked.seconds)
    for kind, tokens in (("input", asked.input_tokens), ("output", asked.output_tokens)):
        if tokens:
            metrics.tokens.labels(route, role, model, kind).inc(tokens)
    if asked.usd:
        metrics.cost.labels(route, role, model).inc(asked.usd)


def _count_pair(metrics: ShadowMetrics, route: str, pair: PairRecord, model: str) -> None:
    student, answer = pair.student, pair.answer
    if student == TEACHER_REPLAY:
        _count_answer(metrics, route, TEACHER_REPLAY, model, pair)
        return
    metrics.pairs.labels(route, student, pair.outcome).inc()
    if answer.error is not None and pair.outcome not in OURS:
        metrics.student_errors.labels(route, student, answer.error["kind"]).inc()
    if pair.outcome == "disagreed":
        labels = _KIND_LABELS.setdefault(metrics, KindLabels())
        # In the order in which the comparator told them; several that are `other` are one.
        for kind in dict.fromkeys(labels.of(route, kind) for kind in pair.scores[pair.decides].kinds):
            metrics.disagreements.labels(route, student, kind).inc()
    for label, score in pair.scores.items():
        metrics.score.labels(route, student, label).observe(score.score)
    _count_answer(metrics, route, "student", model, pair)


def _count_answer(metrics: ShadowMetrics, route: str, role: str, model: str, pair: PairRecord) -> None:
    model, answer = metrics.models.of(route, role, model), pair.answer
    if pair.outcome in ANSWERED and answer.latency_ms is not None:
        metrics.upstream_duration.labels(route, role, model).observe(answer.latency_ms / 1000)
        if answer.ttft_ms is not None:
            metrics.ttft.labels(route, role, model).observe(answer.ttft_ms / 1000)
    _count_usage(metrics, route, role, model, answer)


def _count_usage(metrics: ShadowMetrics, route: str, role: str, model: str, answer: AnswerRecord) -> None:
    if answer.usage is not None:
        cached = answer.usage["cached_input_tokens"]
        kinds = {
            "input": answer.usage["input_tokens"] - cached,  # each token once, so that kinds can be added up
            "cached_input": cached,
            "output": answer.usage["output_tokens"],
        }
        for kind, tokens in kinds.items():
            if tokens:
                metrics.tokens.labels(route, role, model, kind).inc(tokens)
    if answer.cost_usd is not None:
        metrics.cost.labels(route, role, model).inc(answer.cost_usd)
