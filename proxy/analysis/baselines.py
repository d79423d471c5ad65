"""What agreement is held against: the null of each block, made of blocks before it alone.

Two things can be broken, and the null of a block is the larger of what they say.

* The **floor**: what the gate asks for.  It counts from the block on after which the student's lower bound was at it
  once.  A student that never got there cannot fall below it: it is not good enough, which the verdict says, and an
  alarm that begins with the first block says nothing.
* The **baseline**: what the student itself did before.  In the first three weeks this is the lower bound of its mean so
  far; then the mean of the same hour of the week in the weeks before, less a margin.

Traffic breathes: agreement is lower at night, or at week-ends.  A null that is constant at the mean, or at a bound of
it, is broken every night, and ten alarms a month are the consequence (STATISTICS.md, c.3).  So as soon as the season is
known, its own value takes the place of the mean's bound, and where it dips, the floor dips with it: what the gate asks
for is a mean over the whole traffic.

What is counted while an alarm is open is no baseline, or the drop would become what is normal.  But what comes every
week, and raises an alarm because nobody can know it yet, is season: at an hour of the week that was in an alarm before
and now is in another, both enter once the second is over.

Seasonal values are means shrunk towards their like by as much as their differences can be chance (empirical Bayes): an
effect of the hour of the day, one of the day of the week, and what is left of each hour of the week.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from proxy.analysis.blocks import DAY, WEEK, WEEK_HOURS, Blocks, FloatArray, IntArray
from proxy.analysis.bounds import UnitCounts, lower_bound

MARGIN = 0.005  # of a seasonal value; more, where two standard errors of the mean are
# Before a whole week is known, its week-end may be still to come.
UNSEEN_WEEK_MARGIN = 0.02
SEASON_WEEKS = 3
FIRST_RENEWALS = (DAY, 2 * DAY, 4 * DAY)  # after the begin; then after every week
# A week counts this much less with every week that follows: half after seven.
KEPT = 0.9
_LEAST, _MOST = 0.001, 0.999  # that a null can be

BoolArray = NDArray[np.bool_]
Hours = tuple[float, ...]  # by hour of the week


@dataclass(frozen=True, slots=True)
class Sums:
    """Of units, each weighted by one over its sampling probability: by hour of the week, 168 each.  Plain."""

    weights: Hours = (0.0,) * WEEK_HOURS
    squares: Hours = (0.0,) * WEEK_HOURS  # of weights
    values: Hours = (0.0,) * WEEK_HOURS  # weight times value

    def plus(self, blocks: Blocks) -> Sums:
        """With these units put in, one block after another."""
        hours = blocks.hours
        weights = 1 / blocks.probabilities
        added = (weights, weights * weights, weights * blocks.values)
        return Sums(*(_added(old, hours, new * blocks.counts) for old, new in zip(self.columns, added, strict=True)))

    def where(self, hours: BoolArray) -> Sums:
        """Those of some hours of the week alone."""
        return Sums(*(tuple((column * hours).tolist()) for column in np.array(self.columns)))

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(tuple(column.tolist()) for column in np.array(self.columns) + other.columns))

    @property
    def columns(self) -> tuple[Hours, Hours, Hours]:
        return self.weights, self.squares, self.values


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of agreement before a block: what its null is made of.  Plain, for storing."""

    begin: int  # block
    renewed: int = 0  # blocks after the begin: up to there units are in `bound` and `season`
    sums: Sums = Sums()  # whole weeks
    fresh: Sums = Sums()  # since then
    doubtful: Sums = Sums()  # of alarms that are over
    units: tuple[tuple[float, float, float], ...] = ()  # probability, value, count: all, until the season is known
    weeks: int = 0  # that brought units
    bound: float = 0.0  # lower, of the mean
    season: Hours = ()  # seasonal means
    mean: float = 0.0
    doubt: float = 0.0  # standard error of the mean

    @property
    def next_renewal(self) -> int:
        """The block before which this is renewed."""
        first = next((each for each in FIRST_RENEWALS if each > self.renewed), None)
        return self.begin + (first if first is not None else (self.renewed // WEEK + 1) * WEEK)

    @property
    def season_is_known(self) -> bool:
        return self.weeks >= SEASON_WEEKS

    def plus(self, blocks: Blocks) -> Baseline:
        """With the units of later blocks, which change no null before the next renewal."""
        units = self.units
        if not self.season_is_known:
            more = blocks.units()
            rows = zip(more.probabilities.tolist(), more.values.tolist(), more.counts.tolist(), strict=True)
            both = UnitCounts.of([*units, *rows])
            columns = both.probabilities.tolist(), both.values.tolist(), both.counts.tolist()
            units = tuple(zip(*columns, strict=True))
        return replace(self, fresh=self.fresh.plus(blocks), units=units)

    def after_alarm(self, sums: Sums) -> Baseline:
        """With what was counted while it was open."""
        both = self.doubtful + sums
        again = (np.array(self.doubtful.weights) > 0) & (np.array(sums.weights) > 0)
        return replace(self, fresh=self.fresh + both.where(again), doubtful=both.where(~again))

    def dip(self) -> FloatArray:
        """By how much the season is under the mean, by hour of the week: 0 or less."""
        return np.minimum(0.0, np.array(self.season) - self.mean) if self.season else np.zeros(WEEK_HOURS)

    def nulls(self) -> FloatArray | None:
        """What the baseline says of each hour of the week; None: nothing yet."""
        if self.season_is_known:
            return np.clip(np.array(self.season) - math.hypot(MARGIN, 2 * self.doubt), _LEAST, _MOST)
        margin = UNSEEN_WEEK_MARGIN if self.renewed < WEEK else 0.0
        return np.clip(self.bound + self.dip() - margin, _LEAST, _MOST) if self.bound > margin else None

    def floors(self, floor: float) -> FloatArray:
        """What is left of the floor in each hour of the week."""
        return np.clip(floor + self.dip(), _LEAST, _MOST)


def renewed(baseline: Baseline, alpha: float, probability_floor: float) -> Baseline:
    """With all units before its next renewal in bound and season; ``alpha`` is that of the bound."""
    age = baseline.next_renewal - baseline.begin
    old, fresh = (np.array(sums.columns) for sums in (baseline.sums, baseline.fresh))
    whole_week = age % WEEK == 0
    came = whole_week and bool(fresh[0].any())
    # What brought nothing, such as a week of alarm, does not make older weeks count less.
    kept = np.where(fresh[0] > 0, KEPT, 1.0) if whole_week else np.ones(WEEK_HOURS)
    columns = old * [kept, kept * kept, kept] + fresh
    weeks = baseline.weeks + came
    known = weeks >= SEASON_WEEKS
    mean, season = seasonal(*columns)
    return replace(
        baseline,
        renewed=age,
        sums=Sums(*(tuple(column.tolist()) for column in columns)) if whole_week else baseline.sums,
        fresh=Sums() if whole_week else baseline.fresh,
        units=() if known else baseline.units,
        weeks=weeks,
        bound=0.0 if known else lower_bound(UnitCounts.of(baseline.units), alpha, probability_floor=probability_floor),
        season=tuple(season.tolist()),
        mean=mean,
        doubt=math.sqrt(mean * (1 - mean) * columns[1].sum()) / max(float(columns[0].sum()), 1.0),
    )


def seasonal(weights: FloatArray, squares: FloatArray, values: FloatArray) -> tuple[float, FloatArray]:
    """The mean, and the shrunk mean of each hour of the week, from sums by hour of the week."""
    total = weights.sum()
    if total == 0:
        return 0.0, np.zeros(WEEK_HOURS)
    mean = float(values.sum() / total)
    season = np.full(WEEK_HOURS, mean)
    hour = np.arange(WEEK_HOURS)
    for group in (hour % 24, hour // 24, hour):
        by_group = [
            np.bincount(group, column).astype(np.float64) for column in (weights, squares, values - weights * season)
        ]
        season = season + _shrunk(*by_group, variance=mean * (1 - mean))[group]
    return mean, np.clip(season, 0.0, 1.0)


def _shrunk(weights: FloatArray, squares: FloatArray, sums: FloatArray, *, variance: float) -> FloatArray:
    """Effects of groups, shrunk towards 0 (DerSimonian and Laird, 1986); ``variance``: of one unit, or more."""
    effects = np.zeros(weights.size)
    known = weights > 0
    if known.sum() <= 1 or variance <= 0:
        return effects
    mean = sums[known] / weights[known]
    chance = variance * squares[known] / weights[known] ** 2
    precision = 1 / chance
    total = precision.sum()
    scatter = (precision * (mean - (precision @ mean) / total) ** 2).sum()
    true = max(0.0, (scatter - (known.sum() - 1)) / (total - (precision**2).sum() / total))
    effects[known] = mean * true / (true + chance)
    return effects


def _added(old: Hours, hours: IntArray, new: FloatArray) -> Hours:
    # In the order of time, so that the same sums come of any number of steps.
    total = np.bincount(np.concatenate([np.arange(WEEK_HOURS), hours]), np.concatenate([old, new]), WEEK_HOURS)
    return tuple(total.tolist())
