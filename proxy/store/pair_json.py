"""A pair as ``understudy pairs`` and ``/api/pairs`` give it: CONTRACT.md, "A pair"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from proxy.store.records import AnswerRecord, PairRecord, StoredPair, probability_of


def pair_json(stored: StoredPair) -> dict[str, Any]:
    """A JSON object, made of plain Python values."""
    exchange, pair = stored.exchange, stored.pair
    return {
        "id": stored.id,
        "exchange_id": exchange.id,
        "time": rfc3339(exchange.arrived_at),
        "route": exchange.route,
        "surface": exchange.surface,
        "student": pair.student,
        "version": pair.version,
        "teacher_version": exchange.teacher_version,
        "source": exchange.source,
        "request": exchange.request,
        "teacher": None if exchange.teacher is None else _answer(exchange.teacher),
        "student_answer": _student_answer(pair),
        "scores": {name: msgspec.to_builtins(score) for name, score in pair.scores.items()},
        "agree": pair.agree,
        "missing": pair.missing,
        "segments": dict(exchange.segments),
        "weight": 1.0 / probability_of(exchange, pair),
        "labels": list(stored.labels),
    }


def rfc3339(timestamp: float) -> str:
    """A moment in UTC, to the millisecond."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _answer(answer: AnswerRecord) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(answer)
    del fields["error"]
    return fields


def _student_answer(pair: PairRecord) -> dict[str, Any]:
    error = pair.answer.error
    if msgspec.structs.replace(pair.answer, error=None) == AnswerRecord():  # it was not asked
        return {"error": error or {"kind": pair.outcome, "message": ""}}
    return {**_answer(pair.answer), "error": error}
