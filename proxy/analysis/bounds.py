"""Bounds on a mean that hold at every moment, however often anyone looks.

A bettor starts with 1 and bets, unit by unit, that the mean is above ``m``.  If it is not, no way of betting makes
her rich: her wealth ever reaches ``1/alpha`` with probability ``alpha`` at most (Ville's inequality).  So wealth is
an e-value against "the mean is at most ``m``", and the lower bound is the largest ``m`` against which it stands at
``1/alpha`` or more.  (Betting confidence sequences: Waudby-Smith and Ramdas, 2024; the centred form for uneven
sampling: docs/statistics.md.)

She spreads her money over bets that are fixed before the first unit.  Fixed bets make wealth a function of counts
alone, the order of arrival forgotten: counts from replicas add, and any target can be tried on old counts.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BISECTIONS = 40


@dataclass(frozen=True, eq=False, slots=True)
class Bets:
    """Stakes as fractions of the largest that can never lose everything, and how the money is spread over them."""

    fractions: FloatArray
    log_weights: FloatArray


def _bets(useful: FloatArray, smallest: float) -> Bets:
    # Eight halvings of the smallest bet, with a tenth of the money: without them the bounds of large counts stop
    # shrinking.
    small = smallest * 2.0 ** -np.arange(1, 9)
    weights = np.concatenate([np.full(useful.size, 0.9 / useful.size), np.full(small.size, 0.1 / small.size)])
    return Bets(np.concatenate([useful, small]), np.log(weights))


# Never adapt these to the data: that the bets are fixed is what makes looking at any time safe.
ABOVE = _bets(np.arange(1, 20) / 20, 0.05)
# Agreement is near 1, so its complement is near 0: legal stakes against it reach far beyond the useful ones.
BELOW = _bets(0.99 * 2.0 ** (-np.arange(14) / 1.5), 0.99 * 2.0 ** (-13 / 1.5))


@dataclass(frozen=True, eq=False, slots=True)
class UnitCounts:
    """How many sampled units had which value: rows of (sampling probability, value in [0, 1], count)."""

    probabilities: FloatArray
    values: FloatArray
    counts: FloatArray

    @classmethod
    def of(cls, rows: Iterable[tuple[float, float, float]]) -> UnitCounts:
        """Rows in any order, repeated ones added; those without units are left out."""
        added: dict[tuple[float, float], float] = {}
        for probability, value, count in rows:
            if count:
                added[probability, value] = added.get((probability, value), 0) + count
        table = np.array([(p, v, n) for (p, v), n in sorted(added.items())], dtype=np.float64).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], table[:, 2])

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def reflected(self) -> UnitCounts:
        return UnitCounts(self.probabilities, 1 - self.values, self.counts)


def estimate(units: UnitCounts) -> float | None:
    """The mean over all units, each weighted by one over its sampling probability; None without any."""
    weights = units.counts / units.probabilities
    total = weights.sum()
    return float(weights @ units.values / total) if total > 0 else None


def log_e_value(units: UnitCounts, mean: float, *, probability_floor: float, bets: Bets = ABOVE) -> float:
    """Natural logarithm of the e-value against "the mean is at most ``mean``".

    Under that hypothesis it ever reaches ``log(1/alpha)`` with probability ``alpha`` at most.

    Args:
        units: the sampled units.
        mean: in (0, 1).
        probability_floor: the least sampling probability, fixed before the first unit.
        bets: fixed before the first unit.

    Raises:
        ValueError: a unit was sampled with less than the floor, so that a bet could lose more than it has.
    """
    if units.counts.size == 0:
        return 0.0
    return float(np.logaddexp.reduce(bets.log_weights + _log_gains(units, mean, probability_floor, bets)))


def _log_gains(units: UnitCounts, mean: float, probability_floor: float, bets: Bets) -> FloatArray:
    """By how much each bet has grown."""
    if units.probabilities.min() < probability_floor:
        raise ValueError("a unit's sampling probability is below the floor that the bets were made for")
    stakes = bets.fractions * (probability_floor / mean)
    gains: FloatArray = np.log1p(np.outer(stakes, (units.values - mean) / units.probabilities)) @ units.counts
    return gains


def log_e_below(units: UnitCounts, mean: float, *, probability_floor: float) -> float:
    """Natural logarithm of the e-value against "the mean is at least ``mean``": the reflected problem."""
    return log_e_value(units.reflected(), 1 - mean, probability_floor=probability_floor, bets=BELOW)


def lower_bound(units: UnitCounts, alpha: float, *, probability_floor: float) -> float:
    """The mean is above this, at every moment at once, with probability 1 - ``alpha``; 0 without units."""
    return _largest_refuted_mean(units, alpha, probability_floor, ABOVE)


def upper_bound(units: UnitCounts, alpha: float, *, probability_floor: float) -> float:
    """The mean is below this, at every moment at once, with probability 1 - ``alpha``; 1 without units."""
    return 1 - _largest_refuted_mean(units.reflected(), alpha, probability_floor, BELOW)


def _largest_refuted_mean(units: UnitCounts, alpha: float, probability_floor: float, bets: Bets) -> float:
    """Bisection between 0 and the estimate; wealth falls as the hypothesised mean rises."""
    low, high = 0.0, estimate(units) or 0.0
    for _ in range(BISECTIONS if high > 0 else 0):
        middle = (low + high) / 2
        refuted = log_e_value(units, middle, probability_floor=probability_floor, bets=bets) >= math.log(1 / alpha)
        low, high = (middle, high) if refuted else (low, middle)
    return low  # refuted itself, so what the bisection left open is on the safe side


def units_needed(units: UnitCounts, target: float, alpha: float, *, probability_floor: float) -> int | None:
    """Forecast: how many more units until the lower bound reaches ``target``, if they keep coming like those so far.

    None where it never will: there are no units, or their mean is not above the target.
    """
    mean = estimate(units)
    if mean is None or mean <= target:
        return None
    gains, wanted = _log_gains(units, target, probability_floor, ABOVE), math.log(1 / alpha)
    winning = gains > 0
    if not winning.any():  # the mean is too near to the target for the smallest bet
        return None

    def reached(more: int) -> bool:
        return bool(np.logaddexp.reduce(ABOVE.log_weights + gains * (1 + more / units.total)) >= wanted)

    # Every bet that wins would do it alone; wealth by times is convex, so it passes what is wanted once.
    times = ((wanted - ABOVE.log_weights[winning]) / gains[winning]).min()
    most = max(0, math.ceil((times - 1) * units.total))
    return bisect.bisect_left(range(most), True, key=reached)
