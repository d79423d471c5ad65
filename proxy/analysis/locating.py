"""When agreement dropped, and whether it was the student or the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proxy.analysis.blocks import Blocks, FloatArray, time_of
from proxy.analysis.bounds import UnitCounts, estimate
from proxy.analysis.drops import GAPS

# How likely drops of these sizes are taken to be.  Tiny ones weigh less: for them any begin will do.
SIZES = np.array([0.25, 0.5, *[1.0] * (GAPS.size - 2)])
WITHIN = 0.99  # of the likelihood is in the range
_LEAST = 0.001


@dataclass(frozen=True, slots=True)
class Rate:
    """Agreement over some time; each bound is one-sided, at ``alpha``."""

    estimate: float | None
    lower: float
    upper: float
    units: int


@dataclass(frozen=True, slots=True)
class Since:
    """The likely moment of a drop, and the range that it lies in.  Unix seconds."""

    likely: float
    earliest: float
    latest: float


def since(blocks: Blocks, expected: FloatArray) -> Since:
    """Since when agreement is lower.

    With each block as the begin, the likelihood of all later units after a drop is held against that without one,
    scanned backwards (likelihood ratio, over drops of many sizes).  ``likely`` halves the sum of these over all begins;
    the range leaves out half a percent of it at each end.  It held the true moment in 99% of simulated drops
    (benchmarks/statistics/drops.py).

    What is expected is first taken as given, then moved to the level that the units were at before the begin so found:
    the null of an alarm is somewhat lower than that.

    Args:
        blocks: up to the one that raised the alarm; one at least has units.
        expected: agreement without a drop, of each row.
    """
    first = _scan(blocks, expected)[1]
    before = blocks.block < first
    if before.any():
        weights = blocks.counts[before] / blocks.probabilities[before]
        level = weights @ (blocks.values[before] - expected[before]) / weights.sum()
        expected = expected + max(0.0, float(level))
    earliest, likely, latest = _scan(blocks, expected)
    earlier = blocks.block[blocks.block < earliest]
    return Since(
        likely=time_of(likely),
        # The moment may be within the block before the first that is lower as a whole.
        earliest=time_of(int(earlier[-1]) if earlier.size else blocks.begin),
        latest=time_of(latest + 1),
    )


def _scan(blocks: Blocks, expected: FloatArray) -> tuple[int, int, int]:
    """The begin of the range, the middle, and its end: blocks."""
    m = np.clip(expected, _LEAST, 1 - _LEAST)[:, None]
    p = np.maximum(m - GAPS, _LEAST)
    # Uneven sampling: weights, scaled to as many units as they are worth (Kish).
    weights = 1 / blocks.probabilities
    weights *= (weights @ blocks.counts) / (weights**2 @ blocks.counts)
    x, w = blocks.values[:, None], weights[:, None]
    gains = w * (x * np.log(p / m) + (1 - x) * np.log((1 - p) / (1 - m)))
    firsts = blocks.firsts
    from_here = blocks.sums(gains)[::-1].cumsum(axis=0)[::-1]
    likelihood = (np.exp(from_here - from_here.max()) @ SIZES).cumsum()
    shares = np.array([(1 - WITHIN) / 2, 0.5, (1 + WITHIN) / 2])
    at = np.searchsorted(likelihood, shares * likelihood[-1])
    earliest, likely, latest = blocks.block[firsts[at]].tolist()
    return earliest, likely, latest


@dataclass(frozen=True, slots=True)
class Part:
    """What one value of a segment key has to do with a change of agreement."""

    value: str
    share_before: float  # of the traffic
    share_after: float
    agreement_before: float | None
    agreement_after: float | None
    mix: float
    quality: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A change of agreement, after minus before, as the sum of two (Kitagawa, Oaxaca, Blinder).

    ``mix``: the traffic moved to values on which the student agrees less often, or that were not there before.
    ``quality``: the student agrees less often on the same.
    """

    key: str
    mix: float
    quality: float
    parts: tuple[Part, ...]  # those with the largest share in the fall first

    @property
    def total(self) -> float:
        return self.mix + self.quality

    @property
    def mostly_mix(self) -> bool:
        """More of the fall is because the traffic moved: what is missing is examples of it."""
        return self.mix < self.quality


def decomposed(key: str, before: Mapping[str, UnitCounts], after: Mapping[str, UnitCounts]) -> Decomposition | None:
    """The change from ``before`` to ``after``, by the values of one segment key; None where either has no units."""
    old, new = ({value: _weight(units) for value, units in each.items()} for each in (before, after))
    all_old, all_new = sum(old.values()), sum(new.values())
    if not all_old or not all_new:
        return None
    parts = []
    overall = sum(old[value] * (estimate(units) or 0.0) for value, units in before.items()) / all_old
    for value in sorted({*before, *after}):
        share_before, share_after = old.get(value, 0.0) / all_old, new.get(value, 0.0) / all_new
        rate_before, rate_after = (estimate(each[value]) if value in each else None for each in (before, after))
        # What was not there on one side has no quality that could have changed.
        was = rate_after if rate_before is None else rate_before
        now = rate_before if rate_after is None else rate_after
        if was is None or now is None:
            continue
        # Held against the mean, so that each part says what it did; the sum is the same.
        mix, quality = (share_after - share_before) * (was - overall), share_after * (now - was)
        parts.append(Part(value, share_before, share_after, rate_before, rate_after, mix, quality))
    parts.sort(key=lambda part: part.mix + part.quality)
    return Decomposition(key, sum(part.mix for part in parts), sum(part.quality for part in parts), tuple(parts))


def _weight(units: UnitCounts) -> float:
    return float((units.counts / units.probabilities).sum())


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out of a drop."""

    since: Since
    before: Rate
    decompositions: tuple[Decomposition, ...]  # by segment key, the one in which the traffic did most first
