"""The noise floor of a report: how often the teacher agrees with itself, and how a student stands to that."""

from __future__ import annotations

from typing import Any

from proxy.analysis import bounds
from proxy.analysis.records import Agreement, Decision
from proxy.analyst.shapes import Window
from proxy.analyst.summary import NOTHING_LOST, probability_floor, summarise
from proxy.config.model import Route
from proxy.definition import build_comparators, definition_hash
from proxy.store.base import Store
from proxy.store.records import TEACHER_REPLAY


def noise_floor(store: Store, route: Route, window: Window) -> dict[str, Any] | None:
    """By the present definition of agreement and the present teacher; None where nobody asked it again yet."""
    newest = next(reversed(store.evidences(route.name, TEACHER_REPLAY)), None)
    if newest is None or newest.definition != definition_hash(route, build_comparators(route)):
        return None
    rows = store.counts(newest.id, since=window.since, until=window.until)
    summary = summarise(rows, decides=newest.decides, lost=NOTHING_LOST)
    if not summary.overall.units:
        return None
    floor = probability_floor(summary, newest)
    return {
        "estimate": bounds.estimate(summary.overall.valid),
        "lower": bounds.lower_bound(summary.overall.low, route.gate.alpha, probability_floor=floor),
        "upper": bounds.upper_bound(summary.overall.high, route.gate.alpha, probability_floor=floor),
        "pairs": summary.pairs,
        "missing": {"share": summary.overall.missing_share, "kinds": dict(summary.overall.missing)},
        "usd": summary.student_cost.usd,
    }


def to_noise_floor(decision: Decision, floor: dict[str, Any] | None) -> dict[str, Any]:
    """The noise floor, the paired difference, and agreement over the noise floor with its interval from both bounds."""
    return {
        "noise_floor": floor,
        "difference": None if decision.difference is None else _plain(decision.difference),
        "relative_agreement": None if floor is None else _relative(decision.agreement, floor),
    }


def _plain(difference: Agreement) -> dict[str, float | None]:
    return {"estimate": difference.estimate, "lower": difference.lower, "upper": difference.upper}


def _relative(agreement: Agreement, floor: dict[str, Any]) -> dict[str, float | None]:
    def over(student: float | None, teacher: float | None) -> float | None:
        return None if student is None or not teacher else student / teacher

    return {
        "estimate": over(agreement.estimate, floor["estimate"]),
        "lower": over(agreement.lower, floor["upper"]),
        "upper": over(agreement.upper, floor["lower"]),
    }
