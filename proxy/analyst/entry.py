"""One entry of a report: a route with one of its students, or a route that has none."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.analysis.latency import quantile_ms
from proxy.analysis.records import Agreement, Circumstances, Decision, Gate
from proxy.analysis.settling import joining, settle
from proxy.analysis.verdict import decide
from proxy.analyst.money import cost_of
from proxy.analyst.noise import noise_floor, to_noise_floor
from proxy.analyst.shapes import Window, agreement_json, rfc3339
from proxy.analyst.standing import is_paused, surfaces_not_compared
from proxy.analyst.summary import NOTHING_LOST, Lost, Money, Summary, probability_floor, summarise
from proxy.config.model import Route, Student
from proxy.errors import StoreError
from proxy.journal.base import BUCKET_SECONDS, LOST, bucket_of
from proxy.store.base import Store
from proxy.store.records import LATENCY_STEP, Evidence

WEEK = 7 * 86400.0
RECENTLY = (float(BUCKET_SECONDS), 3600.0, 86400.0)  # seconds: the first of them that knows of pairs
# Named by the contract, brought by later versions.
NOT_YET: dict[str, Any] = {
    "quality": None,
    "weak_spots": [],
    "may_serve": None,
    "divergence": None,
    "drift": [],
    "alerts": [],
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The evidence that an entry rests on (None: none yet for ``version``), and the one that came after it."""

    version: str
    evidence: Evidence | None
    successor: Evidence | None = None


def student_entry(store: Store, route: Route, student: Student, chosen: Chosen, window: Window) -> dict[str, Any]:
    """What the evidence says of a student."""
    evidence = chosen.evidence
    summary = _summary(store, route, chosen, window)
    full_days = store.full_days(evidence.id, window.end) if evidence else 0
    open_turns = store.open_turns(route.name)
    floor = noise_floor(store, route, window)
    gate = _settled(store, gate_of(route), summary, chosen, window, full_days)
    decision = decide(
        summary.overall,
        summary.segments,
        gate,
        Circumstances(
            probability_floor=probability_floor(summary, evidence),
            full_days=full_days,
            exploratory=window.since is not None,
            lost_share=summary.lost_share,
            student_errors=summary.student_errors,
            mended_by=_mended_by(store, summary, chosen, window),
            unsettled=window.unsettled if _holds_back(window, summary) else 0,
            read_until=rfc3339(window.end) or "",
            decides=route.comparators[0].label,
            not_compared=surfaces_not_compared(route),
            open_turns=open_turns,
        ),
    )
    return {
        **_identity(route, student.name, chosen, window),
        "paused": is_paused(store, route),
        **told(summary, decision, gate),
        "reasons": [*decision.reasons, *_superseded(chosen)],
        "open_turns": open_turns,
        **to_noise_floor(decision, floor),
        "full_days": full_days,
        "cost": cost_of(
            summary.teacher_cost, summary.student_cost, student.price, hours=_observed_hours(chosen, window)
        ),
    }


def told(summary: Summary, decision: Decision, gate: Gate) -> dict[str, Any]:
    """What an entry tells of a student's pairs, as counted and decided: all but reasons, days and cost."""
    return {
        "pairs": summary.pairs,
        "units": summary.overall.units,
        "verdict": decision.verdict,
        "reasons": list(decision.reasons),
        "pairs_needed": decision.units_needed,
        "agreement": agreement_json(decision.agreement),
        "target": gate.target,
        "missing": {"share": summary.overall.missing_share, "kinds": dict(summary.overall.missing)},
        "excluded": {"share": summary.overall.excluded_share, "kinds": dict(summary.excluded)},
        **NOT_YET,
        "segments": _segments(decision),
        "comparators": _comparators(summary, decision, gate),
        "kinds": dict(summary.kinds),
        "student_errors": dict(summary.student_errors),
        "student_logprobs": dict(summary.student_logprobs),
        "latency_ms": {
            side: _latency(summary.latencies[f"{side}_ms"], summary.latencies[f"{side}_ttft_ms"])
            for side in ("teacher", "student")
        },
    }


def route_entry(store: Store, route: Route, window: Window) -> dict[str, Any]:
    """What is known of a route without students: volume, cost and latency of its teacher."""
    traffic = store.traffic(route.name, since=window.since)
    gate = gate_of(route)
    hours = (traffic.last - traffic.first) / 3600 if traffic.first is not None and traffic.last is not None else 0.0
    usd = traffic.teacher_nano_usd / 1e9 if traffic.teacher_priced else None
    nothing: Mapping[int, float] = {}
    return {
        **_identity(route, None, Chosen(version="", evidence=None), window),
        "paused": is_paused(store, route),
        "pairs": 0,
        "units": 0,
        "exchanges": traffic.exchanges,
        "first": rfc3339(traffic.first),
        "last": rfc3339(traffic.last),
        "verdict": "undecided",
        "reasons": ["no student is configured for this route: exchanges are kept, nothing is compared"],
        "pairs_needed": None,
        "agreement": agreement_json(Agreement(estimate=None, lower=0.0, upper=1.0, alpha=gate.alpha)),
        "target": gate.target,
        "full_days": 0,
        "missing": {"share": 0.0, "kinds": {}},
        "excluded": {"share": 0.0, "kinds": {}},
        **NOT_YET,
        "noise_floor": noise_floor(store, route, window),
        "difference": None,
        "relative_agreement": None,
        "segments": [],
        "comparators": {},
        "kinds": {},
        "student_errors": {},
        "student_logprobs": {},
        "latency_ms": {
            "teacher": _latency(traffic.teacher_ms, traffic.teacher_ttft_ms),
            "student": _latency(nothing, nothing),
        },
        "cost": cost_of(Money(usd=usd, whole_usd=usd), Money(usd=None, whole_usd=None), None, hours=hours),
    }


def gate_of(route: Route) -> Gate:
    """The route's gate as plain data."""
    gate = route.gate
    return Gate(
        target=gate.agreement,
        alpha=gate.alpha,
        min_pairs=gate.min_pairs,
        min_days=gate.min_days,
        require=gate.required_segments,
        also=gate.also,
        margin=gate.margin if gate.relative_to == "noise_floor" else None,
    )


def _identity(route: Route, student: str | None, chosen: Chosen, window: Window) -> dict[str, Any]:
    evidence = chosen.evidence
    return {
        "route": route.name,
        "student": student,
        "version": chosen.version or None,
        "evidence_id": evidence.id if evidence else None,
        "evidence_number": evidence.number if evidence else None,
        "evidence_since": rfc3339(evidence.since) if evidence else None,
        "read_until": rfc3339(window.end),
        "exploratory": window.since is not None,
        "rescored": None,
    }


def _settled(  # noqa: PLR0917 - one step of student_entry
    store: Store, gate: Gate, summary: Summary, chosen: Chosen, window: Window, full_days: int
) -> Gate:
    """The gate with the segments that were settled for the evidence; they are settled at the first look that can."""
    evidence = chosen.evidence
    if evidence is None:
        return gate
    settled = store.settled_segments(evidence.id)
    if chosen.successor is None and window.since is None:
        if not settled:
            new = settle(summary.overall, summary.segments, gate, full_days)
        elif window.end - evidence.since >= WEEK:
            new = _joining(store, evidence, settled, window)
        else:
            new = {}
        if new:
            with contextlib.suppress(StoreError):  # a full disk keeps nobody from reading; the next look settles them
                store.settle_segments(evidence.id, new, at=window.now)
            settled = settled | new
    return dataclasses.replace(gate, settled=settled)


def _joining(
    store: Store, evidence: Evidence, settled: Mapping[tuple[str, str], bool], window: Window
) -> dict[tuple[str, str], bool]:
    week = summarise(
        store.counts(evidence.id, since=bucket_of(window.end - WEEK), until=window.until),
        decides=evidence.decides,
        lost=NOTHING_LOST,
    )
    units = {(segment.key, segment.value): segment.units for segment in week.segments}
    return joining(settled, units, week.overall.units)


def _summary(store: Store, route: Route, chosen: Chosen, window: Window) -> Summary:
    evidence, also = chosen.evidence, route.gate.also
    if evidence is None:
        return summarise((), decides=route.comparators[0].label, lost=NOTHING_LOST, also=also)
    return summarise(
        store.counts(evidence.id, since=window.since, until=window.until),
        decides=evidence.decides,
        lost=_lost(store, route, evidence, chosen.successor, window),
        also=also,
    )


def _lost(store: Store, route: Route, evidence: Evidence, successor: Evidence | None, window: Window) -> Lost:
    """Captures lost in the evidence's time."""
    return lost_between(store, route, window, evidence.since, None if successor is None else successor.since)


def lost_between(store: Store, route: Route, window: Window, begun: float, ended: float | None) -> Lost:
    """Captures lost from one moment to another, as far as the window goes.

    The buckets of both are counted whole: lost captures weigh against the student, so the doubt is on the safe side.
    """
    since = max(bucket_of(begun), window.since or 0)
    until = window.until
    if ended is not None:
        end = bucket_of(ended) + BUCKET_SECONDS
        until = end if until is None else min(until, end)
    missing: Counter[str] = Counter()
    by_probability: Counter[float] = Counter()
    paused = 0
    for count in store.captures(route.name, since=since, until=until):
        if count.outcome in LOST:
            missing[count.outcome] += count.n
            by_probability[count.probability] += count.n
        elif count.outcome == "paused":
            paused += count.n
    return Lost(missing=missing, by_probability=by_probability, paused=paused)


def _holds_back(window: Window, summary: Summary) -> bool:
    """Whether counts would tell more if they were read up to now: what the last five minutes hold is always late."""
    return window.until is not None and (window.until < bucket_of(window.now) or not summary.pairs)


def _mended_by(store: Store, summary: Summary, chosen: Chosen, window: Window) -> str:
    """Since when a student that was set up wrongly refused nothing: the last few minutes that it was asked in tell."""
    if chosen.evidence is None or not summary.overall.missing.get("misconfigured"):
        return ""
    for span in RECENTLY:
        since = max(bucket_of(window.end - span), window.since or 0)
        counted = Counter[str]()
        for row in store.counts(chosen.evidence.id, since=since, until=window.until):
            if row.segment_key == "all":
                counted[row.measure] += row.n
        if counted["pairs"]:
            return "" if counted["missing:misconfigured"] else rfc3339(since) or ""
    return ""


def _superseded(chosen: Chosen) -> list[str]:
    if chosen.evidence is None or chosen.successor is None:
        return []
    number, successor = chosen.evidence.number, chosen.successor
    return [f"this is earlier evidence (number {number}): number {successor.number} began {rfc3339(successor.since)}"]


def _observed_hours(chosen: Chosen, window: Window) -> float:
    if chosen.evidence is None:
        return 0.0
    end = window.end if chosen.successor is None else min(window.end, chosen.successor.since)
    return max(0.0, end - max(chosen.evidence.since, window.since or 0)) / 3600


def _comparators(summary: Summary, decision: Decision, gate: Gate) -> dict[str, dict[str, float | None]]:
    """What each comparator says; bounds and target of those that must reach one beside the deciding one."""
    told: dict[str, dict[str, float | None]] = {}
    for name in sorted({*summary.comparators, *decision.also}):
        means, bounds = summary.comparators.get(name), decision.also.get(name)
        told[name] = {
            "mean": means.mean if means else None,
            "agreement": means.agreement if means else None,
            **({"lower": bounds.lower, "upper": bounds.upper, "target": gate.also[name]} if bounds else {}),
        }
    return told


def _segments(decision: Decision) -> list[dict[str, Any]]:
    return [
        {
            "key": segment.slice.key,
            "value": segment.slice.value,
            "units": segment.slice.units,
            "required": segment.required,
            "agreement": agreement_json(segment.agreement),
            "missing": {"share": segment.slice.missing_share, "kinds": dict(segment.slice.missing)},
            "verdict": segment.verdict,
            "reasons": list(segment.reasons),
        }
        for segment in decision.segments
    ]


def _latency(whole: Mapping[int, float], first_token: Mapping[int, float]) -> dict[str, float | None]:
    return {
        "p50": quantile_ms(whole, 0.5, step=LATENCY_STEP),
        "p95": quantile_ms(whole, 0.95, step=LATENCY_STEP),
        "ttft_p50": quantile_ms(first_token, 0.5, step=LATENCY_STEP),
    }
