"""Stored pairs scored again, and how they are counted: apart from all evidence, by the same units.  For SQLite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from proxy.store import statements
from proxy.store.connection import Connection
from proxy.store.counting import Totals, Under
from proxy.store.evidence_book import EvidenceBook
from proxy.store.records import RESCORED, RescoredPair, Rescoring
from proxy.store.rows import utf8
from proxy.store.segment_names import SegmentNames
from proxy.store.unit_book import MemberOf, counted_again
from proxy.store.units import Contribution, Member


class Rescorings:
    """What one connection does for them."""

    def __init__(self, connection: Connection, replica: str) -> None:
        self._connection = connection
        self._replica = replica

    def begin(self, route: str, student: str, version: str, *, definition: str, decides: str) -> Rescoring:
        of = {"route": route, "student": student, "version": utf8(version), "definition": definition}
        begun = self.find(**of)
        if begun is None:
            with self._connection.writing():
                self._connection.execute(statements.NEW_RESCORING, {**of, "decides": decides})
            begun = Rescoring(**self._connection.query(statements.RESCORING, **of)[0])
        return begun

    def find(self, route: str, student: str, version: str, definition: str) -> Rescoring | None:
        rows = self._connection.query(
            statements.RESCORING, route=route, student=student, version=utf8(version), definition=definition
        )
        return Rescoring(**rows[0]) if rows else None

    def count(
        self,
        rescoring: Rescoring,
        pairs: Sequence[RescoredPair],
        totals: Totals,
        book: EvidenceBook,
        names: SegmentNames,
    ) -> int:
        """Count those that are new, within a transaction; returns how many."""
        member = partial(_member, rescoring, book, names)
        ids = msgspec.json.encode([each.exchange.id for each in pairs]).decode()
        heads = {row["unit_head"] for row in self._connection.query(statements.UNIT_HEADS, ids=ids)} - {None}
        before = {head: self._counted(rescoring, head, member) for head in heads}
        new = []
        for each in pairs:
            agrees = {name: score.agree for name, score in each.pair.scores.items()}
            row = {
                "rescoring_id": rescoring.id,
                "exchange_id": each.exchange.id,
                "outcome": each.pair.outcome,
                "agrees": msgspec.json.encode(agrees).decode(),
            }
            if not self._connection.execute(statements.NEW_RESCORED_PAIR, row):
                continue
            new.append(each)
            exchange = msgspec.structs.replace(each.exchange, source=RESCORED)
            segments = names.counted(exchange.route, exchange.segments)
            totals.add_pair(exchange, each.pair, Under(rescoring.id, book.note_teacher(exchange), segments))
        for head, counted in before.items():
            after = Counter(self._counted(rescoring, head, member))
            after.subtract(counted)
            totals.add_unit(after)
        if new:
            captures = [each.exchange.captured_at for each in new]
            grown = {
                "id": rescoring.id,
                "first": min(captures),
                "last": max(captures),
                "redacted_requests": sum(each.redacted_request for each in new),
            }
            self._connection.execute(statements.RESCORING_GROWN, grown)
        return len(new)

    def _counted(self, rescoring: Rescoring, head: str, member: MemberOf) -> Contribution:
        rows = self._connection.query(statements.RESCORED_MEMBERS, rescoring_id=rescoring.id, head=head)
        return counted_again(self._replica, head, rows, member)


def _member(rescoring: Rescoring, book: EvidenceBook, names: SegmentNames, row: Mapping[str, Any]) -> Member:
    return Member(
        exchange_id=row["exchange_id"],
        captured_at=row["captured_at"],
        source=RESCORED,
        route=row["route"],
        student=rescoring.student,
        under=Under(
            rescoring.id,
            book.counted_teacher(row["route"], row["teacher_version"]),
            names.counted(row["route"], msgspec.json.decode(row["segments"])),
        ),
        probability=row["probability"],
        thinning=row["thinning"],
        outcome=row["outcome"],
        decides=rescoring.decides,
        agrees=msgspec.json.decode(row["agrees"]),
    )
