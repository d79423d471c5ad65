"""What workers read in a relay's file.

The file may be damaged, and SQLite notices that only where it has to follow what stands there: so every row is held
against what was written.  Functions raise sqlite3.Error; the relay's own exchanges are then what cannot be read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from proxy.journal.base import Delivery, Exchange, TallyTotal
from proxy.journal.embedded_files import DamagedError, is_damage

T = TypeVar("T")

_decode = msgspec.msgpack.Decoder(Exchange).decode


class Entry(msgspec.Struct, frozen=True):
    """Where an entry stands: a relay file's origin, and the number in it."""

    origin: str
    seq: int
    captured_at: float
    attempts: int


class _Place(msgspec.Struct, array_like=True):
    seq: int
    captured_at: float


class _Row(msgspec.Struct, array_like=True):
    exchange_id: str
    route: str
    captured_at: float
    probability: float
    body: Any


class _TallyRow(msgspec.Struct, array_like=True):
    revision: int
    route: str
    outcome: str
    reason: str
    bucket: int
    probability: float
    total: int


def origin_of(relay: sqlite3.Connection) -> str:
    """What tells the file from any other that ever had its name."""
    return _checked(relay.execute("SELECT origin FROM state").fetchone(), tuple[str])[0]


def total_of(relay: sqlite3.Connection) -> tuple[int, int]:
    """Entries that are not deleted, and their bytes."""
    return _checked(relay.execute("SELECT entries, bytes FROM state").fetchone(), tuple[int, int])


def entries_after(relay: sqlite3.Connection, origin: str, seq: int, limit: int) -> Iterator[Entry]:
    """Entries with higher numbers, in their order; of a damaged file those before the damage, then the error."""
    query = "SELECT seq, captured_at FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"

    def some(most: int) -> Iterator[Entry]:
        for row in relay.execute(query, (seq, most)):
            place = _checked(row, _Place)
            yield Entry(origin, place.seq, place.captured_at, 0)

    try:
        for entry in some(limit):
            seq = entry.seq
            yield entry
    except sqlite3.Error:
        yield from some(1)  # a cursor that fails keeps to itself the row before
        raise


def delivery_of(relay: sqlite3.Connection, entry: Entry, tell: Callable[[sqlite3.Error], None]) -> Delivery | None:
    """The entry with its exchange; None where there is no such entry.

    Where the exchange alone is damaged, or another version's, it is handed over like one that was shed, so that it is
    counted; ``tell`` is told.
    """
    columns, where = "SELECT exchange_id, route, captured_at, probability", "WHERE seq = ?"
    try:
        found = relay.execute(f"{columns}, body FROM entries LEFT JOIN bodies USING (seq) {where}", (entry.seq,))
        row = found.fetchone()
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        row = relay.execute(f"{columns}, NULL FROM entries {where}", (entry.seq,)).fetchone()
        tell(error)
    if row is None:
        return None
    read = _checked(row, _Row)
    return Delivery(
        token=f"{entry.origin}:{entry.seq}",
        exchange_id=read.exchange_id,
        route=read.route,
        captured_at=read.captured_at,
        probability=read.probability,
        attempts=entry.attempts + 1,
        exchange=None if read.body is None else _exchange(read.body, tell),
    )


def tallies_after(relay: sqlite3.Connection, origin: str, revision: int) -> Iterator[tuple[int, TallyTotal]]:
    """Totals that changed since a revision, each with its own, in their order; up to the damage, then the error."""
    rows = relay.execute(
        "SELECT revision, route, outcome, reason, bucket, probability, total"
        " FROM tallies WHERE revision > ? ORDER BY revision",
        (revision,),
    )
    for row in rows:
        tally = _checked(row, _TallyRow)
        total = TallyTotal(
            origin=origin,
            route=tally.route,
            outcome=tally.outcome,
            reason=tally.reason,
            bucket=tally.bucket,
            probability=tally.probability,
            total=tally.total,
        )
        yield tally.revision, total


def _checked(row: object, form: type[T]) -> T:
    try:
        return msgspec.convert(row, form)
    except msgspec.ValidationError:
        raise DamagedError("a row is not as it was written") from None


def _exchange(body: Any, tell: Callable[[sqlite3.Error], None]) -> Exchange | None:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        tell(DamagedError("an exchange is not as this version writes it"))
        return None
