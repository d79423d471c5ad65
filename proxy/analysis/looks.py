"""Units in their order of arrival, looked at after every one: when would a bound have passed the target first?

Exact, yet not every look is computed: wealth grows by a known factor at most with each unit that raises it, and by
nothing with any other, so looks at which it cannot have got there are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from proxy.analysis.bounds import ABOVE, BELOW, FloatArray, UnitCounts, log_e_below, log_e_value

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Stream:
    """Units as they came; look ``n`` is that after the first ``n`` of them.

    A kind of unit is a sampling probability and a value, as a row of ``UnitCounts``; two kinds may be alike.
    """

    probabilities: FloatArray  # by kind
    values: FloatArray  # by kind
    kinds: IntArray  # by unit
    after: IntArray  # units of each kind, by look: one row more than there are units

    @classmethod
    def of(cls, probabilities: FloatArray, values: FloatArray, kinds: IntArray) -> Stream:
        """Count them at every look."""
        after = np.zeros((kinds.size + 1, values.size), dtype=np.int64)
        np.cumsum(kinds[:, None] == np.arange(values.size), axis=0, out=after[1:])
        return cls(probabilities, values, kinds, after)

    @property
    def units(self) -> int:
        return self.kinds.size

    def at(self, look: int, of: IntArray | None = None) -> UnitCounts:
        """What had been counted then, of these kinds or of all."""
        which = slice(None) if of is None else of
        return UnitCounts(
            self.probabilities[which],
            self.values[which],
            self.after[look, which].astype(np.float64),
        )


class Watch:
    """Asks at every look whether the mean is proven to be above a target, or below it."""

    def __init__(
        self,
        stream: Stream,
        target: float,
        alpha: float,
        *,
        probability_floor: float,
        of: IntArray | None = None,
        above: bool = True,
    ) -> None:
        self._stream = stream
        self._of = np.arange(stream.values.size) if of is None else of
        self._level = math.log(1 / alpha)
        self._log_e = partial(log_e_value if above else log_e_below, mean=target, probability_floor=probability_floor)
        away = (stream.values - target) / stream.probabilities * (1 if above else -1)
        bets, mean = (ABOVE, target) if above else (BELOW, 1 - target)
        raising = self._of[away[self._of] > 0]
        self._raised = np.flatnonzero(np.isin(stream.kinds, raising)) + 1
        most = float(away[raising].max(initial=0.0))
        self._gain = math.log1p(float(bets.fractions.max()) * probability_floor / mean * most)

    def next(self, look: int) -> int | None:
        """The first look, this one or a later one, at which it is proven."""
        while look <= self._stream.units:
            short = self._level - self._log_e(self._stream.at(look, self._of))
            if short <= 0:
                return look
            at = int(np.searchsorted(self._raised, look, side="right"))
            if at < self._raised.size:
                at += max(1, math.ceil(short / self._gain * (1 - 1e-9))) - 1
            if at >= self._raised.size:
                return None
            look = int(self._raised[at])
        return None


def first_of_all(watches: Sequence[Watch], look: int) -> int | None:
    """The first look from ``look`` on at which all of them are proven at once."""
    while True:
        latest = look
        for watch in watches:
            found = watch.next(latest)
            if found is None:
                return None
            latest = found
        if latest == look:
            return look
        look = latest


def first_of_any(watches: Sequence[Watch], look: int) -> int | None:
    """The first look from ``look`` on at which one of them is proven."""
    found = [each for watch in watches if (each := watch.next(look)) is not None]
    return min(found, default=None)
