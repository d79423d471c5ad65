"""One entry of a report: a route with one of its students, or a route that has none."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from proxy.analysis.latency import quantile_ms
from proxy.analysis.records import Agreement, Decision, Gate
from proxy.analysis.serving import may_serve, mostly_later
from proxy.analyst.findings import found, found_of_route
from proxy.analyst.judging import Chosen, Judgement, gate_of, judge_student
from proxy.analyst.money import HOURS_A_MONTH, cost_of
from proxy.analyst.noise import noise_floor, to_noise_floor
from proxy.analyst.shapes import Window, agreement_json, rfc3339
from proxy.analyst.standing import is_paused
from proxy.analyst.summary import Money, Summary
from proxy.config.model import Route, Student
from proxy.store.base import Store
from proxy.store.records import LATENCY_STEP

DAY = 86400.0
# What not every entry has.
NOTHING_FOUND: dict[str, Any] = {
    "quality": None,  # brought by a later version
    "weak_spots": [],
    "may_serve": None,
    "divergence": None,
    "drift": [],
    "alerts": [],
}


def student_entry(store: Store, route: Route, student: Student, chosen: Chosen, window: Window) -> dict[str, Any]:
    """What the evidence says of a student."""
    judged = judge_student(store, route, student, chosen, window)
    summary, decision = judged.summary, judged.decision
    cost = cost_of(summary.teacher_cost, summary.student_cost, student.price, hours=_observed_hours(chosen, window))
    only_a_rollout = mostly_later(summary.turns)
    return {
        **_identity(route, student.name, chosen, window),
        "paused": is_paused(store, route),
        **told(summary, decision, judged.gate),
        "reasons": [*decision.reasons, *_superseded(chosen), *([only_a_rollout] if only_a_rollout else [])],
        "promotes_around": _promotes_around(judged, window),
        "open_turns": judged.open_turns,
        **to_noise_floor(decision, noise_floor(store, route, window)),
        "full_days": judged.full_days,
        "cost": cost,
        "may_serve": _may_serve(judged, student, cost),
        **found(store, route, student, chosen),
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
        "margin": gate.margin,
        "missing": {"share": summary.overall.missing_share, "kinds": dict(summary.overall.missing)},
        "excluded": {
            "share": summary.overall.excluded_share,
            "over_budget_share": summary.overall.over_budget_share,
            "kinds": dict(summary.excluded),
        },
        **NOTHING_FOUND,
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
        "margin": gate.margin,
        "full_days": 0,
        "missing": {"share": 0.0, "kinds": {}},
        "excluded": {"share": 0.0, "over_budget_share": 0.0, "kinds": {}},
        **NOTHING_FOUND,
        **found_of_route(store, route),
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


def _may_serve(judged: Judgement, student: Student, cost: Mapping[str, Any]) -> dict[str, Any] | None:
    per_hour = student.price.per_hour if student.price is not None else None
    part = may_serve(
        judged.summary.overall,
        judged.decision.segments,
        judged.gate,
        saving_usd=cost["saving_usd_per_month"],
        fixed_usd=(per_hour or 0.0) * HOURS_A_MONTH,
    )
    return None if part is None else dataclasses.asdict(part)


def _promotes_around(judged: Judgement, window: Window) -> str | None:
    """When the pairs that are still needed will have come, at the rate of the evidence so far."""
    needed, evidence, units = judged.decision.units_needed, judged.chosen.evidence, judged.summary.overall.units
    if needed is None or evidence is None or not units:
        return None
    lasted = window.end - max(evidence.since, window.since or 0)
    days_left = max(0, judged.gate.min_days - judged.full_days)
    return rfc3339(math.ceil(window.end + max(needed * lasted / units, days_left * DAY)))


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
