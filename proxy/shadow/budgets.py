"""What may be spent on somebody who is asked, a student or the teacher again, and how often that may be.

A budget is kept by asking about fewer units: chosen ahead of time, at random and with the probability recorded, so that
the evidence stays what it is, only smaller (STATISTICS.md, a.4).  Down to half of them: that floor sets the bets.  What
is over even then is paused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from comparators.base import Ledger
from proxy.config.model import Budget as Limits

LEVELS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # few: the counts are kept apart by each
LEAST = LEVELS[-1]
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_WINDOW = 5 * _MINUTE
_BURST_SECONDS, _BURST = 10.0, 10.0  # so many seconds' worth of requests may come at once, or so many
_ROUNDING = 1e-9  # USD
_SALT = b"understudy.thinning.1\0"  # another than that of the sample: those drawn are a sample of the sample
_WHOLE = 2**64


def level_for(demand: float, allowance: float) -> float:
    """The highest level at which so much is within an allowance; the lowest where at none it is."""
    return next((level for level in LEVELS if level * demand <= allowance), LEAST)


def rate_of_last(window: float, *, now: float, this: float, before: float) -> float:
    """How much comes a second, told by the sums of this window of the clock and of the one before.

    The one before counts as far as it lies within the last ``window`` seconds.
    """
    return (this + before * (1 - now % window / window)) / window


def drawn(account: str, unit: str, level: float) -> bool:
    """Whether a unit is among the share ``level`` that is asked about; a higher level has all of a lower one."""
    digest = hashlib.sha256(_SALT + account.encode() + b"\0" + unit.encode()).digest()
    return int.from_bytes(digest[:8], "big") < level * _WHOLE


LeftOut = Literal["sampled_out", "paused"]


class Asking:
    """Asking about one exchange: a context to be entered when its turn has come, where there is a budget drawn then.

    Within it nobody is to be asked if it is ``left_out``; what the answer cost is to be written to ``usd``.
    """

    def __init__(self, budget: Budget | None, unit: str) -> None:
        self._budget = budget
        self._unit = unit
        self.thinning = 1.0  # the probability with which it was drawn
        self.left_out: LeftOut | None = None
        self.usd: float | None = None

    def __enter__(self) -> Self:
        if self._budget is not None:
            self.thinning, self.left_out = self._budget.draw(self._unit)
        return self

    def __exit__(self, *_: object) -> None:
        if self._budget is not None and self.left_out is None:
            self._budget.answered(self.usd, self.thinning)


class Budget:
    """The budget of one account, for the exchanges of one worker.

    What a day (UTC) may cost is kept together with all who share the ledger, and over restarts.  Requests a second are
    this worker's alone: a mean, from which bursts of some seconds may depart.

    Args:
        account: Under which the ledger has it; nobody else's.
        limits: As configured.
        ledger: Where spending is written down, and beside it under accounts of their own the number of answers by
            day, and by hour what would have been spent at level 1.
        now: Unix seconds.
    """

    def __init__(self, account: str, limits: Limits, ledger: Ledger, now: Callable[[], float]) -> None:
        self._account = account
        self._usd_per_day = limits.usd_per_day
        self._requests = None if limits.requests_per_second is None else _Pace(limits.requests_per_second)
        self._ledger = ledger
        self._now = now
        self._level = 1.0
        self._decided: float | None = None  # when
        self._demand = f"{account}, at level 1"  # USD by hour
        self._answers = f"{account}, answers"  # their number by day
        self._under_way = 0

    def draw(self, unit: str) -> tuple[float, LeftOut | None]:
        """The level in force, and whether the unit is left out.  Where it is not, ``answered`` is to follow."""
        now = self._now()
        if self._requests is not None:
            self._requests.note(now)
        level = self._level_at(now)
        if not drawn(self._account, unit, level):
            return level, "sampled_out"
        if self._is_spent(now):
            self._note_demand(now, self._mean_usd(now) / level)
            return level, "paused"
        if self._requests is not None and not self._requests.take(now):
            return level, "paused"
        self._under_way += 1
        return level, None

    def answered(self, usd: float | None, level: float) -> None:
        """An answer came, or none; what it cost where that is known, and the level at which it was drawn."""
        self._under_way -= 1
        if usd is not None and self._usd_per_day is not None:
            self._spend(usd, level)

    def _level_at(self, now: float) -> float:
        """Decided anew once a minute, and when a day begins."""
        before = self._decided
        if before is None or not 0 <= now - before < _MINUTE or _day(before) != _day(now):
            self._decided = now
            self._level = min(self._level_by_money(now), 1.0 if self._requests is None else self._requests.level(now))
        return self._level

    def _level_by_money(self, now: float) -> float:
        if self._usd_per_day is None:
            return 1.0
        this, before = (self._ledger.spent(self._demand, _hour(moment)) for moment in (now, now - _HOUR))
        rate = rate_of_last(_HOUR, now=now, this=this, before=before)
        return level_for(rate * _seconds_left(now), self._usd_per_day - self._ledger.spent(self._account, _day(now)))

    def _is_spent(self, now: float) -> bool:
        """Whether those under way may spend what is left."""
        if self._usd_per_day is None:
            return False
        spent = self._ledger.spent(self._account, _day(now))
        return spent + self._under_way * self._mean_usd(now) >= self._usd_per_day - _ROUNDING

    def _mean_usd(self, now: float) -> float:
        """What an answer of this day costs, or of the day before; 0 where nobody knows."""
        for day in (_day(now), _day(now - _DAY)):
            if answers := self._ledger.spent(self._answers, day):
                return self._ledger.spent(self._account, day) / answers
        return 0.0

    def _spend(self, usd: float, level: float) -> None:
        now = self._now()
        self._ledger.add(self._account, _day(now), usd)
        self._ledger.add(self._answers, _day(now), 1.0)
        self._note_demand(now, usd / level)

    def _note_demand(self, now: float, usd: float) -> None:
        if usd:
            self._ledger.add(self._demand, _hour(now), usd)


class _Pace:
    """Requests a second: how many come, and a token for each that may be sent."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._depth = max(_BURST, _BURST_SECONDS * per_second)
        self._tokens = self._depth
        self._filled: float | None = None
        self._began: float | None = None
        self._counts: dict[int, int] = {}  # of this window of the clock, and of the one before

    def note(self, now: float) -> None:
        """Another one comes."""
        window = int(now // _WINDOW)
        self._began = now if self._began is None else min(self._began, now)
        self._counts = {each: self._counts.get(each, 0) for each in (window - 1, window)}
        self._counts[window] += 1

    def level(self, now: float) -> float:
        window = int(now // _WINDOW)
        this, before = self._counts.get(window, 0), self._counts.get(window - 1, 0)
        rate = rate_of_last(_WINDOW, now=now, this=this, before=before)
        seen = min(_WINDOW, now - (now if self._began is None else self._began))
        return level_for(rate * _WINDOW / seen, self._per_second) if seen >= _MINUTE else 1.0

    def take(self, now: float) -> bool:
        if self._filled is not None:
            self._tokens = min(self._depth, self._tokens + max(0.0, now - self._filled) * self._per_second)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _hour(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="hours")[:13]


def _seconds_left(moment: float) -> float:
    """Until midnight, UTC."""
    at = datetime.fromtimestamp(moment, UTC)
    midnight = (at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - at).total_seconds()
