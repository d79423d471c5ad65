"""Counts lose detail as they age: by five minutes first, then by day, then by month (DESIGN.md, "Counts").  For SQLite.

Every count is in `daily_counts` or, once that day was folded, in `monthly_counts`: never in both, and never in neither.
`counts` has the same by five minutes, as long as anybody asks for such detail.  `folded` says from which moment on
there is what: readers take their beginnings and ends down to what is kept there, so that folding moves no number
between two reports of the same span.  It does so in the transaction that lets the first detail go.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from proxy.journal.base import bucket_of
from proxy.store import statements
from proxy.store.connection import Connection

DAY = 86_400
DAYS_AFTER = 35 * DAY
MONTHS_AFTER = 365 * DAY
_SERIES_AT_ONCE = 20
_ROWS_AT_ONCE = 2_000


class Folded(NamedTuple):
    """From which moments on counts are kept in detail.  Unix seconds: the start of a day, and of a month, UTC."""

    day: int = 0  # by five minutes from here on, by day before
    month: int = 0  # by month before this

    def start_of(self, moment: float) -> int:
        """The start of the five minutes, the day or the month that the counts of a moment are kept by."""
        moment = max(0.0, moment)
        if moment < self.month:
            return month_of(moment)
        return day_of(moment) if moment < self.day else bucket_of(moment)


class Folding:
    """What one connection does to counts that have come of age."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done_through = 0  # series of this round, one after the other by id; only to find the next one quickly

    def step(self, until: float) -> bool:
        """Fold some of what is old at the moment ``until``; False when there was nothing left.

        One transaction: after a crash between any two of them every count is still there once.
        """
        before = Folded(max(0, day_of(until - DAYS_AFTER)), max(0, month_of(until - MONTHS_AFTER)))
        found = self._connection.query(
            statements.SERIES_TO_FOLD, after=self._done_through, page=_SERIES_AT_ONCE, **before._asdict()
        )
        if not found:
            self._done_through = 0
            return False
        with self._connection.writing():
            for span, moment in before._asdict().items():
                self._connection.execute(statements.FOLD_BEFORE, {"span": span, "before": moment})
            room = _ROWS_AT_ONCE
            for row in found:
                while room > 0 and (gone := self._fold_oldest(row["id"], before)):
                    room -= gone
                if room <= 0:
                    break
                self._done_through = row["id"]
        return True

    def _fold_oldest(self, series: int, before: Folded) -> int:
        """Fold the oldest day, or else the oldest month, of a series; returns how many rows it had."""
        which = {"series": series}
        oldest = self._connection.query(statements.OLDEST_BUCKET, **which)[0]["oldest"]
        if oldest is not None and oldest < before.day:
            return self._connection.execute(statements.DELETE_BUCKETS, {**which, "before": day_of(oldest) + DAY})
        oldest = self._connection.query(statements.OLDEST_DAY, **which)[0]["oldest"]
        if oldest is None or oldest >= before.month:
            return 0
        month = {**which, "month": month_of(oldest), "before": month_of(month_of(oldest) + 32 * DAY)}
        self._connection.execute(statements.ADD_TO_MONTH, month)
        return self._connection.execute(statements.DELETE_DAYS, month)


def day_of(moment: float) -> int:
    """Start of the day, UTC, that a moment falls into."""
    return int(moment // DAY) * DAY


def month_of(moment: float) -> int:
    """Start of the month, UTC, that a moment falls into."""
    start = datetime.fromtimestamp(moment, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp())
