"""A round of the analyst: what the counts say of every route and student now, and which alerts that opens or ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from proxy.analysis.monitoring import Alarm
from proxy.analyst import alerting, drifting
from proxy.analyst.drifting import Drifting
from proxy.analyst.judging import Judgement, judge_student
from proxy.analyst.report import chosen_in_force, window_at
from proxy.analyst.shapes import Window
from proxy.analyst.watching import watch_student, watch_teacher
from proxy.analyst.weakness import searched
from proxy.config.model import Config, Route, Student
from proxy.errors import UnderstudyError
from proxy.journal.base import Depth
from proxy.store.base import Store
from proxy.store.records import TEACHER_REPLAY, Alert, Assessment, Evidence
from proxy.store.settled import ended_until

HOUR = 3600


@dataclass(frozen=True, slots=True)
class _Common:
    """What a route's students have in common."""

    drift: Drifting
    inputs: list[alerting.Cause]  # that its requests have drifted
    teacher: Mapping[str, Alarm]  # how it agrees with itself


_log = structlog.get_logger()


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
        drift = Drifting(self._store, until=until)
        for route in config.routes:
            try:
                self._assess_route(route, drift, window, until)
            except UnderstudyError:
                raise
            except Exception as error:  # noqa: BLE001 -- one route's trouble must not keep the others unwatched
                _log.error("route_not_assessed", route=route.name, error=type(error).__name__)

    def _assess_route(self, route: Route, drift: Drifting, window: Window, until: float) -> None:
        inputs = self._look_at_route(route, drift, window)
        common = _Common(drift, inputs, self._watch_teacher(route, window, until))
        for student in route.students:
            self._assess(route, student, window, until, common)

    def _look_at_route(self, route: Route, drift: Drifting, window: Window) -> list[alerting.Cause]:
        """Why its students are to be distilled again; where there are none, these alerts are the route's own."""
        before = self._store.assessment(route.name, "")
        document = drift.of_route(route.name, before.document if before else {})
        causes = list(drifting.drifted(document))
        changed = alerting.changes(
            [] if route.students else causes,
            self._store.alerts(route.name, ""),
            route=route.name,
            student="",
            now=window.now,
        )
        if changed or before is None or document != before.document:
            found = Assessment(route=route.name, student="", at=window.now, evidence_id=None, document=document)
            self._store.assess(found, changed)
        return causes

    def _watch_teacher(self, route: Route, window: Window, until: float) -> dict[str, Alarm]:
        evidence = next(reversed(self._store.evidences(route.name, TEACHER_REPLAY)), None)
        if route.noise_floor is None or evidence is None:
            return {}
        before = self._before(route.name, TEACHER_REPLAY, evidence)
        alarms = watch_teacher(self._store, route, evidence, before.get("monitors", {}), until=until)
        document = {"monitors": before.get("monitors", {}) | _kept(alarms)}
        assessment = Assessment(
            route=route.name, student=TEACHER_REPLAY, at=window.now, evidence_id=evidence.id, document=document
        )
        self._store.assess(assessment, [])
        return alarms

    def _assess(self, route: Route, student: Student, window: Window, until: float, common: _Common) -> None:
        chosen = chosen_in_force(self._store, route, student)
        judged = judge_student(self._store, route, student, chosen, window)
        before = self._before(route.name, student.name, chosen.evidence)
        alarms = watch_student(self._store, route, judged, before.get("monitors", {}), until=until)
        document = {
            **searched(self._store, judged, before, now=window.now),
            "monitors": before.get("monitors", {}) | _kept(alarms),
            "watched": {name: {"state": alarm.state, "nearness": alarm.nearness} for name, alarm in alarms.items()},
            **common.drift.of_student(chosen.evidence, before),
        }
        open_alerts = self._store.alerts(route.name, student.name)
        causes = list(alerting.dropped(alarms)) if alarms else _still(open_alerts, "agreement_dropped")
        causes += self._others(judged, open_alerts, window, common.teacher)
        causes += [*common.inputs, *drifting.diverged(document)]
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

    def _before(self, route: str, student: str, evidence: Evidence | None) -> dict[str, Any]:
        """What the last round came to, of the same evidence."""
        assessment = self._store.assessment(route, student)
        is_of_it = assessment is not None and evidence is not None and assessment.evidence_id == evidence.id
        return dict(assessment.document) if assessment is not None and is_of_it else {}

    def _others(
        self, judged: Judgement, open_alerts: list[Alert], window: Window, teacher: Mapping[str, Alarm]
    ) -> list[alerting.Cause]:
        evidence = judged.chosen.evidence
        if evidence is None:
            return []
        promotes = judged.decision.verdict == "promote"
        evidences = self._store.evidences(evidence.route, evidence.student)
        failed, due, kinds = self._lately(evidence, window)
        is_open = any(alert.reason == "student_errors" for alert in open_alerts)
        reasons = judged.decision.reasons
        return [
            *alerting.teacher_changed(evidences, teacher, promotes=promotes),
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


def _kept(alarms: Mapping[str, Alarm]) -> dict[str, Any]:
    return {name: msgspec.to_builtins(alarm.kept) for name, alarm in alarms.items()}


def _still(open_alerts: list[Alert], reason: str) -> list[alerting.Cause]:
    """Nothing new is known of these: they stay as they are."""
    return [
        alerting.Cause(alert.reason, alert.opened_at, alert.segment, alert.detail)
        for alert in open_alerts
        if alert.reason == reason
    ]
