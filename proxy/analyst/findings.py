"""What the analyst found out, as reports tell it: alerts, weak spots, drift, divergence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.analyst.shapes import rfc3339
from proxy.config.model import Route, Student
from proxy.store.base import Store
from proxy.store.records import Alert

if TYPE_CHECKING:
    from proxy.analyst.judging import Chosen

# Alerts that say that the student, or what it is held against, is not what the evidence was gathered of.  Drifted input
# alone is a ticket, and a changed teacher has begun evidence anew already.
HOLDING_BACK = frozenset({"agreement_dropped", "diverged", "student_errors"})


def found(store: Store, route: Route, student: Student, chosen: Chosen) -> dict[str, Any]:
    """Of the evidence in force; nothing of an earlier one."""
    alerts = [] if chosen.successor else store.alerts(route.name, student.name)
    assessment = store.assessment(route.name, student.name)
    document: dict[str, Any] = {}
    if assessment is not None and chosen.evidence is not None and assessment.evidence_id == chosen.evidence.id:
        document = assessment.document
    return {
        "weak_spots": document.get("weak_spots", []),
        "divergence": document.get("divergence"),
        "drift": [] if chosen.successor else [*_drift(store, route), *map(_without_windows, document.get("drift", []))],
        "alerts": [alert_json(alert) for alert in alerts],
    }


def found_of_route(store: Store, route: Route) -> dict[str, Any]:
    """Of a route that has no students."""
    return {
        "drift": _drift(store, route),
        "alerts": [alert_json(alert) for alert in store.alerts(route.name, "")],
    }


def drift_json(store: Store, route: str, student: str | None) -> dict[str, Any]:
    """All that was found of drift: of a route (student None) its input and teacher; of a student also divergence."""
    assessment = store.assessment(route, student or "")
    document: dict[str, Any] = assessment.document if assessment is not None else {}
    return {
        "route": route,
        "student": student,
        "until": rfc3339(document.get("looked", {}).get("until")),
        "findings": document.get("drift", []),
        "divergence": document.get("divergence"),
    }


def _drift(store: Store, route: Route) -> list[dict[str, Any]]:
    assessment = store.assessment(route.name, "")
    return [_without_windows(each) for each in assessment.document.get("drift", [])] if assessment else []


def _without_windows(finding: dict[str, Any]) -> dict[str, Any]:
    return {name: told for name, told in finding.items() if name != "windows"}


def open_alarms(store: Store, route: Route, student: Student) -> tuple[str, ...]:
    """Those that keep the student from being promoted, a sentence each."""
    alarms = [alert for alert in store.alerts(route.name, student.name) if alert.reason in HOLDING_BACK]
    return tuple(f"an alarm is open since {rfc3339(alert.opened_at)}: {_told(alert)}" for alert in alarms)


def alert_json(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "reason": alert.reason,
        "segment": alert.segment,
        "opened": rfc3339(alert.opened_at),
        "resolved": rfc3339(alert.resolved_at),
        **alert.detail,
    }


def _told(alert: Alert) -> str:
    where = "" if alert.segment == "all" else f" in {alert.segment}"
    likely = alert.detail.get("likely_since")
    between = f" ({alert.detail['earliest']} to {alert.detail['latest']})" if likely else ""
    return alert.reason.replace("_", " ") + where + (f", likely since {likely}{between}" if likely else "")
