"""Evidence and teacher versions as one transaction sees and changes them: ``proxy.store.evidence`` over SQLite."""

from __future__ import annotations

import msgspec

from proxy.store import statements
from proxy.store.connection import Connection
from proxy.store.evidence import Begins, Begun, place, place_apart
from proxy.store.records import ExchangeRecord, PairRecord, probability_of
from proxy.store.teachers import Teachers, TeacherVersion


class EvidenceBook:
    """Made within a transaction that holds the write lock, used for its exchanges in order of capture, and closed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._teachers: dict[str, Teachers] = {}
        self._histories: dict[tuple[str, str], list[Begun]] = {}
        self._latest: dict[int, float] = {}

    def note_teacher(self, exchange: ExchangeRecord) -> str:
        """Take note of the model that a live exchange's teacher names; returns the version that it is counted under."""
        version = exchange.teacher_version
        if version is not None and exchange.source == "live":
            new = self._teachers_of(exchange.route).note(exchange.requested_model, version, exchange.captured_at)
            if new is not None:
                self._connection.execute(
                    statements.NEW_TEACHER_VERSION, {"route": exchange.route, **msgspec.structs.asdict(new)}
                )
        return self.counted_teacher(exchange.route, version)

    def counted_teacher(self, route: str, version: str | None) -> str:
        """The version that an answer of this one is counted under; ``""`` for none."""
        return "" if version is None else self._teachers_of(route).counted(version)

    def evidence_of(self, exchange: ExchangeRecord, pair: PairRecord) -> int:
        """The id of the evidence that a new pair belongs to; it may begin with it."""
        history = self._history_of(exchange.route, pair.student)
        if exchange.source != "live":
            found = place_apart(
                history, version=pair.version, definition=pair.definition, captured_at=exchange.captured_at
            )
            return found.id if found is not None else self._not_begun(exchange, pair) or self._new(exchange, pair)
        placed = place(
            history,
            self._teachers_of(exchange.route).takeovers,
            version=pair.version,
            definition=pair.definition,
            captured_at=exchange.captured_at,
        )
        if isinstance(placed, Begins):
            return self._begin(exchange, pair, placed.since, history)
        if exchange.captured_at > placed.latest:
            history[history.index(placed)] = msgspec.structs.replace(placed, latest=exchange.captured_at)
            self._latest[placed.id] = exchange.captured_at
        return placed.id

    def close(self) -> None:
        """Write down what was only noted."""
        self._connection.execute_many(
            statements.EVIDENCE_LATEST, [{"id": id_, "latest": latest} for id_, latest in self._latest.items()]
        )

    def _begin(self, exchange: ExchangeRecord, pair: PairRecord, since: float, history: list[Begun]) -> int:
        latest = max(since, exchange.captured_at)
        number = len(history) + 1
        if (id_ := self._not_begun(exchange, pair)) is not None:
            self._connection.execute(
                statements.BEGIN_EVIDENCE,
                {
                    "id": id_,
                    "number": number,
                    "decides": pair.decides,
                    "since": since,
                    "latest": latest,
                    "probability_floor": _floor(exchange, pair),
                },
            )
        else:
            id_ = self._new(exchange, pair, number=number, since=since, latest=latest)
        history.append(Begun(id=id_, version=pair.version, definition=pair.definition, since=since, latest=latest))
        return id_

    def _new(
        self,
        exchange: ExchangeRecord,
        pair: PairRecord,
        *,
        number: int | None = None,
        since: float | None = None,
        latest: float | None = None,
    ) -> int:
        key = {"route": exchange.route, "student": pair.student}
        self._connection.execute(
            statements.NEW_EVIDENCE,
            {
                **key,
                "number": number,
                "version": pair.version,
                "definition": pair.definition,
                "decides": pair.decides,
                "since": since,
                "latest": latest,
                "probability_floor": _floor(exchange, pair),
            },
        )
        id_: int = self._connection.query(statements.NEWEST_EVIDENCE_ID, **key)[0]["id"]
        return id_

    def _not_begun(self, exchange: ExchangeRecord, pair: PairRecord) -> int | None:
        """The evidence that pairs which are not live are filed under already, while no live one began it."""
        rows = self._connection.query(
            statements.EVIDENCE_NOT_BEGUN,
            route=exchange.route,
            student=pair.student,
            version=pair.version,
            definition=pair.definition,
        )
        return rows[0]["id"] if rows else None

    def _history_of(self, route: str, student: str) -> list[Begun]:
        if (route, student) not in self._histories:
            rows = self._connection.query(statements.EVIDENCE_HISTORY, route=route, student=student)
            self._histories[route, student] = [Begun(**row) for row in rows]
        return self._histories[route, student]

    def _teachers_of(self, route: str) -> Teachers:
        if route not in self._teachers:
            rows = self._connection.query(statements.TEACHER_VERSIONS, route=route)
            self._teachers[route] = Teachers(msgspec.convert(row, TeacherVersion, strict=False) for row in rows)
        return self._teachers[route]


def _floor(exchange: ExchangeRecord, pair: PairRecord) -> float:
    return min(pair.probability_floor, probability_of(exchange, pair))
