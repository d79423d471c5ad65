"""A round of the analyst: what the counts say of every route and student now, and which alerts that opens or ends."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.analyst import alerting
from proxy.analyst.judging import Judgement, judge_student
from proxy.analyst.report import chosen_in_force, window_at
from proxy.analyst.shapes import Window
from proxy.analyst.watching import watch
from proxy.analyst.weakness import searched
from proxy.config.model import Config, Route, Student
from proxy.journal.base import Depth
from proxy.store.base import Store
from proxy.store.records import Alert, Assessment, Evidence
from proxy.store.settled import ended_until

HOUR = 3600


class Rounds:
    """What it works from is in the store, and so is what it comes to: it may stop and start at any point."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def work(self, config: Config, *, now: float, unsettled: Depth) -> None:
        """One round.  Raises StoreError."""
        until = ended_until(unsettled, now)
        while self._store.close_units(until):
            pass
        window = window_at(now, unsettled)
        for route in config.routes:
            for student in route.students:
                self._assess(route, student, window, until)

    def _assess(self, route: Route, student: Student, window: Window, until: float) -> None:
        chosen = chosen_in_force(self._store, route, student)
        judged = judge_student(self._store, route, student, chosen, window)
        before = self._before(route, student, chosen.evidence)
        alarms = watch(self._store, route, judged, before.get("monitors", {}), until=until)
        monitors = {name: msgspec.to_builtins(alarm.kept) for name, alarm in alarms.items()}
        document = {
            **searched(self._store, judged, before, now=window.now),
            "monitors": before.get("monitors", {}) | monitors,
            "watched": {name: {"state": alarm.state, "nearness": alarm.nearness} for name, alarm in alarms.items()},
        }
        open_alerts = self._store.alerts(route.name, student.name)
        causes = list(alerting.dropped(alarms)) if alarms else _still(open_alerts, "agreement_dropped")
        causes += self._others(judged, open_alerts, window)
        self._store.assess(
            Assessment(
                route=route.name,
                student=student.name,
                at=window.now,
                evidence_id=chosen.evidence.id if chosen.evidence else None,
                document=document,
            ),
            alerting.changes(causes, open_alerts, route=route.name, student=student.name, now=window.now),
        )

    def _before(self, route: Route, student: Student, evidence: Evidence | None) -> dict[str, Any]:
        """What the last round came to, of the same evidence."""
        assessment = self._store.assessment(route.name, student.name)
        is_of_it = assessment is not None and evidence is not None and assessment.evidence_id == evidence.id
        return dict(assessment.document) if assessment is not None and is_of_it else {}

    def _others(self, judged: Judgement, open_alerts: list[Alert], window: Window) -> list[alerting.Cause]:
        evidence = judged.chosen.evidence
        if evidence is None:
            return []
        promotes = judged.decision.verdict == "promote"
        evidences = self._store.evidences(evidence.route, evidence.student)
        failed, due, kinds = self._lately(evidence, window)
        is_open = any(alert.reason == "student_errors" for alert in open_alerts)
        reasons = judged.decision.reasons
        return [
            *alerting.teacher_changed(evidences, promotes=promotes),
            *alerting.student_errors(failed, due, kinds, is_open=is_open, now=window.now),
            *alerting.never_good_enough(judged.decision.verdict, evidence, reasons, now=window.now),
        ]

    def _lately(self, evidence: Evidence, window: Window) -> tuple[int, int, dict[str, int]]:
        """Of the last hour: pairs that the student failed on, pairs that were due, errors by kind."""
        since = int(window.end - HOUR)
        due = failed = 0
        kinds: dict[str, int] = {}
        for row in self._store.counts(evidence.id, since=since, until=window.until):
            if row.segment_key != "all":
                continue
            if row.measure == "pairs":
                due += row.n
            elif row.measure in ("missing:unavailable", "missing:misconfigured"):
                failed += row.n
            elif row.measure.startswith("student_error:"):
                kinds[row.measure.partition(":")[2]] = row.n
        return failed, due, kinds


def _still(open_alerts: list[Alert], reason: str) -> list[alerting.Cause]:
    """Nothing new is known of these: they stay as they are."""
    return [
        alerting.Cause(alert.reason, alert.opened_at, alert.segment, alert.detail)
        for alert in open_alerts
        if alert.reason == reason
    ]
