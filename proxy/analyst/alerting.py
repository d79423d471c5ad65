"""Which alerts are to be open, and what changes of those that are.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from proxy.analysis.locating import Rate
from proxy.analysis.monitoring import Alarm
from proxy.analyst.shapes import rfc3339
from proxy.store.records import Alert, Evidence

DOWN, UP_AGAIN = 0.05, 0.01  # share of an hour's pairs that the student failed on: opens an alert, ends it
LEAST_PAIRS = 20  # of that hour


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an alert is to be open."""

    reason: str
    opened_at: float
    segment: str = "all"
    detail: Mapping[str, Any] = field(default_factory=dict)


def changes(
    causes: Sequence[Cause], still_open: Sequence[Alert], *, route: str, student: str, now: float
) -> list[Alert]:
    """Alerts that are new, say something new, or are over."""
    known = {(alert.reason, alert.segment): alert for alert in still_open}
    changed = []
    for cause in causes:
        alert = known.pop((cause.reason, cause.segment), None)
        if alert is None:
            name = f"{route}\0{student}\0{cause.reason}\0{cause.segment}\0{cause.opened_at}"
            alert = Alert(
                id=hashlib.sha256(name.encode()).hexdigest()[:16],
                route=route,
                student=student,
                reason=cause.reason,
                segment=cause.segment,
                opened_at=cause.opened_at,
            )
            changed.append(msgspec.structs.replace(alert, detail=dict(cause.detail)))
        elif alert.detail != cause.detail:
            changed.append(msgspec.structs.replace(alert, detail=dict(cause.detail)))
    return [*changed, *(msgspec.structs.replace(alert, resolved_at=now) for alert in known.values())]


def dropped(alarms: Mapping[str, Alarm]) -> Iterator[Cause]:
    """Agreement is lower than it was, or than it is to be."""
    for segment, alarm in alarms.items():
        if alarm.state in ("alert", "recovering") and alarm.opened is not None:
            yield Cause("agreement_dropped", alarm.opened, segment, _of_alarm(alarm))


def teacher_changed(
    evidences: Sequence[Evidence], with_itself: Mapping[str, Alarm], *, promotes: bool
) -> Iterator[Cause]:
    """The teacher is another, and the student is not yet one that agrees with it.

    Evidence of the same version and definition as the one before has begun because a teacher version took over.  One
    that changes under the same name may be seen by its agreement with itself.
    """
    before, newest = evidences[-2:] if len(evidences) > 1 else (None, evidences[-1])
    if before and (before.version, before.definition) == (newest.version, newest.definition) and not promotes:
        yield Cause("teacher_changed", newest.since, detail={"evidence_before": before.id})
        return
    for alarm in with_itself.values():
        if alarm.state in ("alert", "recovering") and alarm.opened is not None:
            yield Cause("teacher_changed", alarm.opened, detail={"with_itself": _of_alarm(alarm)})


def student_errors(failed: int, due: int, kinds: Mapping[str, int], *, is_open: bool, now: float) -> Iterator[Cause]:
    """The student fails: of the pairs of the last hour, those that are missing because of it."""
    share = failed / due if due else 0.0
    if (due >= LEAST_PAIRS and share > DOWN) or (is_open and share > UP_AGAIN):
        yield Cause("student_errors", now, detail={"share": share, "pairs": due, "kinds": dict(kinds)})


def never_good_enough(verdict: str, evidence: Evidence, reasons: Sequence[str], *, now: float) -> Iterator[Cause]:
    """More pairs will not make it pass: it is proven to be under the target."""
    if verdict == "reject":
        yield Cause("never_good_enough", now, detail={"evidence_id": evidence.id, "why": list(reasons)})


def _of_alarm(alarm: Alarm) -> dict[str, Any]:
    since = alarm.since
    return {
        "state": alarm.state,
        "severity": alarm.severity,
        "against": alarm.null,
        "likely_since": None if since is None else rfc3339(since.likely),
        "earliest": None if since is None else rfc3339(since.earliest),
        "latest": None if since is None else rfc3339(since.latest),
        "before": _rate(alarm.before),
        "after": _rate(alarm.after),
        "decomposition": [msgspec.to_builtins(each) for each in alarm.decompositions],
    }


def _rate(rate: Rate | None) -> dict[str, Any] | None:
    return None if rate is None else msgspec.to_builtins(rate)
