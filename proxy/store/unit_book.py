"""Units as one transaction sees and changes them: ``proxy.store.units`` over SQLite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from proxy.store import statements
from proxy.store.connection import Connection
from proxy.store.counting import Totals
from proxy.store.records import ExchangeRecord
from proxy.store.units import (
    IDLE_SECONDS,
    LONGEST_SECONDS,
    REPEAT_SECONDS,
    Contribution,
    Member,
    Turn,
    contribution,
    heads_of_repeats,
    parts_of,
)

_CLOSED_AT_ONCE = 50  # conversations: some milliseconds

MemberOf = Callable[[Mapping[str, Any]], Member]


class UnitBook:
    """Made within a transaction that holds the write lock.

    ``place`` is told of every new exchange, ``add`` of every new pair; ``enter`` counts, once all rows are written.
    A unit that was counted and changes, by a pair or a repeat that comes late, is taken out and counted anew.
    """

    def __init__(
        self, connection: Connection, replica: str, member_of: MemberOf, repeat_keys: Collection[str] = ()
    ) -> None:
        """``repeat_keys``: of the exchanges that ``place`` will be told of."""
        self._connection = connection
        self._replica = replica
        self._member_of = member_of
        self._fresh: dict[str, list[Member]] = {}  # heads of this transaction that nothing else belongs to
        self._changed: dict[str, Contribution] = {}  # other heads, and what they had been counted as
        wanted = msgspec.json.encode(sorted(set(repeat_keys) - {""})).decode()
        self._stored_keys = {row["key"] for row in connection.query(statements.STORED_REPEAT_KEYS, keys=wanted)}

    def place(self, exchange: ExchangeRecord) -> str | None:
        """The head of a new exchange; None while its conversation is open."""
        turn = Turn(exchange.captured_at, exchange.id)
        if exchange.unit_kind == "conversation":
            self._connection.execute(
                statements.OPEN_UNIT,
                {"route": exchange.route, "source": exchange.source, "unit": exchange.unit, "at": exchange.captured_at},
            )
            return None
        head = self._head_of_repeat(exchange, turn) if exchange.repeat_key in self._stored_keys else turn.id
        self._stored_keys |= {exchange.repeat_key} - {""}
        if head == turn.id:
            self._fresh[turn.id] = []
        return head

    def add(self, exchange_id: str, head: str | None, member: Member) -> None:
        """A new pair of an exchange, before its row is written."""
        if exchange_id in self._fresh:
            self._fresh[exchange_id].append(member)
        elif head is not None:
            self._note(head)

    def enter(self, totals: Totals) -> None:
        """Count what is new and what changed."""
        for head, members in self._fresh.items():
            if head not in self._changed:
                closes = members[0].captured_at if members else 0.0
                totals.add_unit(contribution(self._replica, head, members, closes))
        for head, before in self._changed.items():
            after = Counter(self._contribution(head))
            after.subtract(before)
            totals.add_unit(after)

    def close(self, until: float, totals: Totals) -> None:
        """Let some of the conversations enter that had been idle for long at this moment."""
        for row in self._connection.query(statements.UNITS_TO_CLOSE, **units_to_close(until)):
            unit = {name: row[name] for name in ("route", "source", "unit")}
            turns = [Turn(**each) for each in self._connection.query(statements.OPEN_TURNS, **unit)]
            parts = parts_of(turns)
            for part in parts:
                if part.closes <= until:
                    self._set_heads(dict.fromkeys([turn.id for turn in part.turns], part.turns[0].id))
                    self._changed.setdefault(part.turns[0].id, Counter())
            still = [turn for part in parts if part.closes > until for turn in part.turns]
            self._connection.execute(statements.CLOSE_UNIT, unit)
            if still:
                for at in (still[0].captured_at, still[-1].captured_at):
                    self._connection.execute(statements.OPEN_UNIT, {**unit, "at": at})
        self.enter(totals)

    def _head_of_repeat(self, exchange: ExchangeRecord, turn: Turn) -> str:
        """The head of a request that may be an exact repeat; other repeats get new heads where it comes late."""
        those = {"repeat_key": exchange.repeat_key, "route": exchange.route, "source": exchange.source}
        before = self._connection.query(
            statements.HEAD_BEFORE, **those, since=turn.captured_at - REPEAT_SECONDS, at=turn.captured_at, id=turn.id
        )
        if before:
            return str(before[0]["id"])
        after = self._connection.query(statements.REPEATS_AFTER, **those, at=turn.captured_at, id=turn.id)
        if after:
            old = {row["id"]: row["unit_head"] for row in after}
            new = heads_of_repeats([turn, *(Turn(row["captured_at"], row["id"]) for row in after)])
            moved = {id_: head for id_, head in old.items() if new[id_] != head}
            for id_ in moved:
                self._note(id_)
            self._set_heads({id_: new[id_] for id_ in moved})
        return turn.id

    def _set_heads(self, heads: dict[str, str]) -> None:
        self._connection.execute_many(
            statements.SET_UNIT_HEAD, [{"id": id_, "head": head} for id_, head in heads.items()]
        )

    def _note(self, head: str) -> None:
        """Remember what a unit is counted as, before anything of it changes."""
        if head not in self._changed:
            self._changed[head] = Counter() if head in self._fresh else self._contribution(head)

    def _contribution(self, head: str) -> Contribution:
        return counted_again(
            self._replica, head, self._connection.query(statements.UNIT_MEMBERS, head=head), self._member_of
        )


def units_to_close(until: float) -> dict[str, float]:
    """The parameters of ``statements.UNITS_TO_CLOSE``."""
    return {"idle_since": until - IDLE_SECONDS, "begun_before": until - LONGEST_SECONDS, "page": _CLOSED_AT_ONCE}


def counted_again(replica: str, head: str, rows: Sequence[Mapping[str, Any]], member_of: MemberOf) -> Contribution:
    """What a unit is counted as, from the rows of its exchanges and their pairs."""
    if not rows:
        return Counter()
    is_conversation = rows[0]["unit_kind"] == "conversation"
    turns = {Turn(row["captured_at"], row["exchange_id"]) for row in rows}
    closes = parts_of(turns)[-1].closes if is_conversation else rows[0]["captured_at"]
    members = [member_of(row) for row in rows if row["outcome"] is not None]
    return contribution(replica, head, members, closes)
