"""The entry of a report on pairs that were scored again: exploratory, beside the live evidence and never in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.analysis.records import Circumstances, Gate
from proxy.analysis.verdict import decide
from proxy.analyst.entry import told
from proxy.analyst.judging import gate_of, lost_between
from proxy.analyst.money import cost_of
from proxy.analyst.noise import to_noise_floor
from proxy.analyst.shapes import Window, rfc3339
from proxy.analyst.standing import is_paused, surfaces_not_compared
from proxy.analyst.summary import Summary, probability_floor, summarise
from proxy.config.model import Route, Student
from proxy.store.base import Store
from proxy.store.records import FORGOTTEN, REDACTED, RESCORED, Evidence, Rescoring

_DAY = 86400.0


def rescored_entry(  # noqa: PLR0917 - as many as there are
    store: Store, route: Route, student: Student, rescoring: Rescoring, live: Evidence | None, window: Window
) -> dict[str, Any]:
    """What stored pairs say by the comparators as they are configured now.

    Args:
        store: Where they are counted.
        route: Whose gate is asked.
        student: Whose pairs they are.
        rescoring: Where they are counted; it has pairs.
        live: The evidence that gathers by the same definition, if it has begun.
        window: What is read.
    """
    assert rescoring.first is not None  # noqa: S101 -- told apart by the caller
    assert rescoring.last is not None  # noqa: S101
    summary = summarise(
        store.counts(rescoring.id, source=RESCORED, since=window.since, until=window.until),
        decides=rescoring.decides,
        lost=lost_between(store, route, window, rescoring.first, rescoring.last),
        also=route.gate.also,
    )
    span = max(0.0, min(rescoring.last, window.end) - max(rescoring.first, window.since or 0.0))
    full_days = int(span // _DAY)
    gate = gate_of(route)
    decision = decide(
        summary.overall,
        summary.segments,
        gate,
        Circumstances(
            probability_floor=probability_floor(summary, None),
            full_days=full_days,
            exploratory=True,
            lost_share=summary.lost_share,
            student_errors=summary.student_errors,
            mended_by=rfc3339(rescoring.last) or "",  # whether it is set up wrongly now, the live evidence tells
            decides=rescoring.decides,
            not_compared=surfaces_not_compared(route),
        ),
    )
    return {
        "route": route.name,
        "student": student.name,
        "version": rescoring.version,
        "evidence_id": None,
        "evidence_number": None,
        "evidence_since": None,
        "read_until": rfc3339(window.end),
        "exploratory": True,
        "rescored": {
            "first": rfc3339(rescoring.first),
            "last": rfc3339(rescoring.last),
            "live_since": rfc3339(live.since) if live else None,
            "redacted": summary.overall.missing.get(REDACTED, 0),
            "redacted_requests": rescoring.redacted_requests,
            "forgotten": summary.excluded.get(FORGOTTEN, 0),
        },
        "paused": is_paused(store, route),
        **told(summary, decision, gate),
        **to_noise_floor(decision, None),
        "reasons": [*_reasons(summary, rescoring, live), *_without_floor(gate), *decision.reasons],
        "pairs_needed": None,
        "full_days": full_days,
        "cost": cost_of(summary.teacher_cost, summary.student_cost, student.price, hours=span / 3600),
    }


def _reasons(summary: Summary, rescoring: Rescoring, live: Evidence | None) -> Iterator[str]:
    yield "rescored: these are stored pairs, scored again by the comparators as they are configured now"
    if live is None:
        yield "live evidence by them begins with the first pair once this configuration is served"
    else:
        yield f"live evidence by them (number {live.number}) gathers since {rfc3339(live.since)}"
    redacted = summary.overall.missing.get(REDACTED, 0)
    if redacted:
        yield (
            f"on redacted text: {_pairs(redacted)} missing, as something had been taken out of an answer before it was"
            " stored, and nobody knows whether both sides had the same there"
        )
    if rescoring.redacted_requests:
        yield (
            f"on redacted text: {_pairs(rescoring.redacted_requests)} compared by requests that something had been"
            " taken out of"
        )
    forgotten = summary.excluded.get(FORGOTTEN, 0)
    if forgotten:
        yield f"{_pairs(forgotten)} left out, as their text is past its retention or was deleted"
    teachers = [segment.value for segment in summary.segments if segment.key == "teacher_version"]
    if len(teachers) > 1:
        yield f"answers of {len(teachers)} teacher versions are counted together; its segments tell them apart"


def _without_floor(gate: Gate) -> Iterator[str]:
    if gate.margin is not None:
        yield "the teacher's second answers are not scored again, so nothing tells how it stands to the noise floor"


def _pairs(number: int) -> str:
    return "1 pair is" if number == 1 else f"{number:,} pairs are"
