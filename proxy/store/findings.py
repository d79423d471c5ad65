"""What the analyst keeps: who of several it is, its assessments, and alerts.  For SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from proxy.store.connection import Connection
from proxy.store.records import Alert, Assessment

_HOLD = """
INSERT INTO leases (name, holder, until) VALUES (:name, :holder, :until)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE leases.holder = excluded.holder OR leases.until <= :now
"""
_LET_GO = "DELETE FROM leases WHERE name = :name AND holder = :holder"
_ASSESS = """
INSERT INTO assessments (route, student, at, evidence_id, document)
VALUES (:route, :student, :at, :evidence_id, :document)
ON CONFLICT (route, student) DO UPDATE SET
    at = excluded.at, evidence_id = excluded.evidence_id, document = excluded.document
"""
_ASSESSMENT = "SELECT * FROM assessments WHERE route = :route AND student = :student"
_ALERTS = """
SELECT * FROM alerts WHERE route = :route AND student = :student AND (:all OR resolved_at IS NULL)
ORDER BY opened_at DESC, id LIMIT :limit
"""
_PUT_ALERT = """
INSERT INTO alerts (id, route, student, reason, segment, opened_at, resolved_at, detail)
VALUES (:id, :route, :student, :reason, :segment, :opened_at, :resolved_at, :detail)
ON CONFLICT (id) DO UPDATE SET resolved_at = excluded.resolved_at, detail = excluded.detail
"""


Record = TypeVar("Record", Alert, Assessment)


class Findings:
    """What one connection does for them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hold(self, name: str, holder: str, *, now: float, seconds: float) -> bool:
        with self._connection.writing():
            row = {"name": name, "holder": holder, "now": now, "until": now + seconds}
            return self._connection.execute(_HOLD, row) > 0

    def let_go(self, name: str, holder: str) -> None:
        with self._connection.writing():
            self._connection.execute(_LET_GO, {"name": name, "holder": holder})

    def assess(self, assessment: Assessment, alerts: Sequence[Alert]) -> None:
        with self._connection.writing():
            self._connection.execute(_ASSESS, _row(assessment, "document"))
            self._connection.execute_many(_PUT_ALERT, [_row(alert, "detail") for alert in alerts])

    def assessment(self, route: str, student: str) -> Assessment | None:
        rows = self._connection.query(_ASSESSMENT, route=route, student=student)
        return _record(rows[0], "document", Assessment) if rows else None

    def alerts(self, route: str, student: str, *, resolved: bool, limit: int) -> list[Alert]:
        rows = self._connection.query(_ALERTS, route=route, student=student, all=resolved, limit=limit)
        return [_record(row, "detail", Alert) for row in rows]


def _record(row: Mapping[str, Any], as_json: str, of: type[Record]) -> Record:
    return msgspec.convert({**row, as_json: msgspec.json.decode(row[as_json])}, of)


def _row(of: msgspec.Struct, as_json: str) -> dict[str, object]:
    row = msgspec.structs.asdict(of)
    return row | {as_json: msgspec.json.encode(row[as_json]).decode()}
