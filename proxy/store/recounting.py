"""Counting everything again from the pairs and exchanges that are kept.  For SQLite.

What is counted and kept nowhere else stays as it is, and so does what was scored again.  One transaction: others wait
meanwhile, and see all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from proxy.store import statements
from proxy.store.connection import Connection
from proxy.store.counting import Series, Totals, Under
from proxy.store.evidence_book import EvidenceBook
from proxy.store.folding import Folded, day_of, month_of
from proxy.store.records import ExchangeRecord, Recounted
from proxy.store.rows import exchange_of, stored_pair
from proxy.store.segment_names import Remembered, SegmentNames
from proxy.store.unit_book import MemberOf, counted_again

REPLICA = "recount"
_AT_ONCE = 2_000  # exchanges, between writes

_SERIES_BUT_REPLICA = """evidence_id, source, route, student, teacher_version, comparator, segment_key, segment_value,
    probability"""
# Measures that are counted, and kept with no pair.
_KEPT = """
(measure NOT LIKE 'student_logprobs:%' AND measure NOT IN ('js_micros', 'kl_micros', 'logprob_positions'))
"""
_TABLE = """
CREATE TEMP TABLE recounted (
    series_id INTEGER, bucket INTEGER, day INTEGER, measure TEXT, bin INTEGER, n INTEGER,
    PRIMARY KEY (series_id, bucket, measure, bin)
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO recounted (series_id, bucket, day, measure, bin, n) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (series_id, bucket, measure, bin) DO UPDATE SET n = n + excluded.n
"""
_BY_DAY = f"""
SELECT {_SERIES_BUT_REPLICA}, day, measure, bin, sum(n) AS n
FROM ({{counts}}) AS counted JOIN series ON series.id = counted.series_id
WHERE series.source != 'rescored' AND {_KEPT}
GROUP BY {_SERIES_BUT_REPLICA}, day, measure, bin HAVING sum(n) != 0
"""  # noqa: S608 - all names are ours
_THERE = _BY_DAY.format(counts="SELECT * FROM daily_counts UNION ALL SELECT * FROM monthly_counts")
_FOUND = _BY_DAY.format(counts="SELECT series_id, day, measure, bin, n FROM recounted")
_DIFFERENCES = f"""
SELECT
    (SELECT count(*) FROM (SELECT * FROM ({_THERE}) EXCEPT SELECT * FROM ({_FOUND})))
    + (SELECT count(*) FROM (SELECT * FROM ({_FOUND}) EXCEPT SELECT * FROM ({_THERE}))) AS n
"""  # noqa: S608
_COUNTED_FROM_PAIRS = f"{_KEPT} AND series_id IN (SELECT id FROM series WHERE source != 'rescored')"  # noqa: S608
_REPLACES = (
    *(f"DELETE FROM {table} WHERE {_COUNTED_FROM_PAIRS}" for table in ("counts", "daily_counts", "monthly_counts")),  # noqa: S608
    """
    INSERT INTO counts (series_id, bucket, measure, bin, n) SELECT series_id, bucket, measure, bin, n FROM recounted
    WHERE n != 0 AND bucket >= (SELECT before FROM folded WHERE span = 'day')
    """,
    """
    INSERT INTO daily_counts (series_id, day, measure, bin, n)
    SELECT series_id, day, measure, bin, sum(n) FROM recounted
    WHERE bucket >= (SELECT before FROM folded WHERE span = 'month') GROUP BY series_id, day, measure, bin
    """,
    """
    INSERT INTO monthly_counts (series_id, month, measure, bin, n)
    SELECT series_id, day, measure, bin, sum(n) FROM recounted
    WHERE bucket < (SELECT before FROM folded WHERE span = 'month') GROUP BY series_id, day, measure, bin
    """,
)
_EXCHANGES = "SELECT * FROM exchanges WHERE id > :after ORDER BY id LIMIT :page"


class Recount:
    """One recount, within a transaction."""

    def __init__(
        self,
        connection: Connection,
        folded: Folded,
        *,
        series_id: Callable[[Series], int],
        member_of: Callable[[EvidenceBook, SegmentNames], MemberOf],
    ) -> None:
        self._connection = connection
        self._folded = folded
        self._series_id = series_id
        self._book = EvidenceBook(connection)
        self._names = SegmentNames(connection, Remembered())
        self._member_of = member_of(self._book, self._names)
        self._series: dict[Series, int] = {}

    def run(self, advance: Callable[[int], None]) -> Recounted:
        """Count into a table of its own, and compare.  ``advance`` is told of exchanges that are done."""
        self._connection.execute(_TABLE, {})
        exchanges = pairs = 0
        for rows in self._pages():
            totals = Totals(REPLICA)
            for row in rows:
                exchange = exchange_of(row)
                teacher_version = self._book.counted_teacher(exchange.route, exchange.teacher_version)
                totals.add_exchange(exchange, teacher_version)
                pairs += self._pairs_of(exchange, teacher_version, totals)
                if row["unit_head"] == exchange.id:
                    members = self._connection.query(statements.UNIT_MEMBERS, head=exchange.id)
                    totals.add_unit(counted_again(REPLICA, exchange.id, members, self._member_of))
            self._keep(totals)
            exchanges += len(rows)
            advance(len(rows))
        wrong = self._connection.query(_DIFFERENCES)[0]["n"]
        return Recounted(exchanges=exchanges, pairs=pairs, wrong=wrong)

    def replace(self) -> None:
        """Let what was counted be what is read."""
        for statement in _REPLACES:
            self._connection.execute(statement, {})
        self._connection.execute("DROP TABLE recounted", {})

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        after = ""
        while rows := self._connection.query(_EXCHANGES, after=after, page=_AT_ONCE):
            yield rows
            after = rows[-1]["id"]

    def _pairs_of(self, exchange: ExchangeRecord, teacher_version: str, totals: Totals) -> int:
        rows = self._connection.query(statements.PAIRS_OF_EXCHANGE, exchange_id=exchange.id)
        for row in rows:
            stored = stored_pair(row)
            segments = self._names.counted(exchange.route, exchange.segments)
            totals.add_pair(exchange, stored.pair, Under(row["evidence_id"], teacher_version, segments))
        return len(rows)

    def _keep(self, totals: Totals) -> None:
        cells = []
        for series, counts in totals.by_series().items():
            id_ = self._series.get(series)
            if id_ is None:
                id_ = self._series[series] = self._series_id(series)
            cells += [
                (id_, bucket, self._day(bucket), measure, bin_, n) for (bucket, measure, bin_), n in counts.items()
            ]
        self._connection.execute_many(_ADD, cells)

    def _day(self, bucket: int) -> int:
        """The start of the day that a bucket's counts are kept by; of the month, once they are folded."""
        return month_of(bucket) if bucket < self._folded.month else day_of(bucket)
