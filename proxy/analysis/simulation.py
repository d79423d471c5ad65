"""Traffic whose agreement is known, and what would have been said of it by whoever looks after every unit.

Beside the gate stands what dashboards do: an interval made for one look (Wilson, 1927), over unweighted units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proxy.analysis.bounds import FloatArray
from proxy.analysis.looks import IntArray, Stream, Watch, first_of_all, first_of_any
from proxy.analysis.records import Circumstances, Decision, Gate, Slice
from proxy.analysis.verdict import decide

_ROUNDING = 1e-9  # of sums of agreements


@dataclass(frozen=True, slots=True)
class Change:
    """Agreement goes to another value, evenly, from one unit to another; at once where they are the same."""

    agreement: float
    begins: int  # the units before it
    ends: int


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the traffic that agrees alike."""

    share: float  # of the traffic
    agreement: float
    segment: tuple[str, str] | None = None  # key and value; None: of no segment that is watched
    probability: float = 1.0  # with which its units are sampled
    changes: tuple[Change, ...] = ()  # by their order in time

    def agreements(self, units: int) -> FloatArray:
        """At each of so many units."""
        when, values = [-1], [self.agreement]
        for change in self.changes:
            when += [change.begins - 1, change.ends]
            values += [values[-1], change.agreement]
        return np.interp(np.arange(units), when, values)


class Verdicts(NamedTuple):
    """Of one way of looking: when it first said so, by units seen; None: never."""

    promote: int | None
    reject: int | None


class Wrong(NamedTuple):
    """Whether what was said first was wrong of the traffic up to then."""

    promote: bool
    reject: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What one way of looking said of a run, and whether it was right."""

    verdicts: Verdicts
    wrong: Wrong


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """One draw of the traffic."""

    traffic: Traffic
    stream: Stream
    gate: Said
    naive: Said


@dataclass(frozen=True, eq=False, slots=True)
class Traffic:
    """Groups that make up the whole, for so many sampled units.  Each segment value is asked for by the gate."""

    groups: tuple[Group, ...]
    units: int

    @property
    def probability_floor(self) -> float:
        return min(group.probability for group in self.groups)

    @property
    def segments(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(group.segment for group in self.groups if group.segment))

    def kinds(self, segment: tuple[str, str] | None = None) -> IntArray:
        """Which kinds of unit (disagreeing and agreeing of each group) a segment has; None: the whole."""
        which = [n for n, group in enumerate(self.groups) if segment is None or group.segment == segment]
        return np.array([2 * n + agrees for n in which for agrees in (0, 1)])

    def at(self, segment: tuple[str, str] | None = None) -> FloatArray:
        """The agreement of all traffic (of a segment), sampled or not, at each unit."""
        groups = [group for group in self.groups if segment is None or group.segment == segment]
        weights = [group.share for group in groups]
        agreement: FloatArray = np.average([group.agreements(self.units) for group in groups], axis=0, weights=weights)
        return agreement

    def truth(self, segment: tuple[str, str] | None = None) -> FloatArray:
        """The mean of the same from the first unit to each."""
        so_far: FloatArray = self.at(segment).cumsum() / np.arange(1, self.units + 1)
        return so_far

    def draw(self, random: np.random.Generator) -> Stream:
        """The sampled units, one after another."""
        weights = np.array([group.share * group.probability for group in self.groups])
        group = random.choice(len(self.groups), size=self.units, p=weights / weights.sum())
        agreements = np.array([group.agreements(self.units) for group in self.groups])
        agreed = random.random(self.units) < agreements[group, np.arange(self.units)]
        probabilities = np.repeat([group.probability for group in self.groups], 2)
        return Stream.of(probabilities, np.tile([0.0, 1.0], len(self.groups)), 2 * group + agreed)


def run(traffic: Traffic, gate: Gate, seed: int) -> Run:
    """Draw the traffic once and look at it after every unit, from ``gate.min_pairs`` on.  Days are left out."""
    stream = traffic.draw(np.random.default_rng(seed))
    truths = [traffic.truth(segment) for segment in (None, *traffic.segments)]

    def said(verdicts: Verdicts) -> Said:
        promote, reject = (None if look is None else [float(truth[look - 1]) for truth in truths] for look in verdicts)
        return Said(
            verdicts,
            Wrong(
                promote=promote is not None and min(promote) <= gate.target + _ROUNDING,
                reject=reject is not None and min(reject) >= gate.target - _ROUNDING,
            ),
        )

    return Run(
        traffic, stream, said(first_verdicts(traffic, stream, gate)), said(naive_verdicts(traffic, stream, gate))
    )


def first_verdicts(traffic: Traffic, stream: Stream, gate: Gate) -> Verdicts:
    """The first look at which ``proxy.analysis.verdict`` says promote, and reject."""
    parts = [traffic.kinds(segment) for segment in traffic.segments]
    shared = gate.alpha / 2 / max(1, len(parts))
    failing = [(None, gate.alpha / 2), *((of, shared) for of in parts)]
    watches = [
        Watch(stream, gate.target, alpha, probability_floor=traffic.probability_floor, of=of, above=False)
        for of, alpha in failing
    ]
    return Verdicts(first_promotion(traffic, stream, gate), first_of_any(watches, gate.min_pairs))


def first_promotion(traffic: Traffic, stream: Stream, gate: Gate) -> int | None:
    """The first of these alone."""
    watches = [
        Watch(stream, gate.target, gate.alpha, probability_floor=traffic.probability_floor, of=of)
        for of in (None, *(traffic.kinds(segment) for segment in traffic.segments))
    ]
    return first_of_all(watches, gate.min_pairs)


def decision_at(traffic: Traffic, stream: Stream, gate: Gate, look: int) -> Decision:
    """The verdict after so many units, with its reasons and bounds."""

    def slice_(segment: tuple[str, str] | None) -> Slice:
        key, value = segment or ("all", "")
        units = stream.at(look, traffic.kinds(segment))
        return Slice(key=key, value=value, units=units.total, low=units, high=units, valid=units)

    circumstances = Circumstances(probability_floor=traffic.probability_floor, full_days=gate.min_days)
    return decide(slice_(None), [slice_(segment) for segment in traffic.segments], gate, circumstances)


def wilson(agreed: FloatArray, units: FloatArray, alpha: float) -> tuple[FloatArray, FloatArray]:
    """One-sided bounds at ``alpha`` for one look each (Wilson, 1927); 0 and 1 without units."""
    z, n = NormalDist().inv_cdf(1 - alpha), np.maximum(units, 1)
    mean = agreed / n
    middle, half = mean + z * z / (2 * n), z * np.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    scale, known = 1 + z * z / n, units > 0
    return np.where(known, (middle - half) / scale, 0.0), np.where(known, (middle + half) / scale, 1.0)


def naive_verdicts(traffic: Traffic, stream: Stream, gate: Gate) -> Verdicts:
    """The first look at which all one-look intervals are above the target, and the first at which one is below."""
    above, below = [], []
    for segment in (None, *traffic.segments):
        after = stream.after[gate.min_pairs :, traffic.kinds(segment)]
        lower, upper = wilson(after[:, 1::2].sum(axis=1), after.sum(axis=1), gate.alpha)
        above.append(lower > gate.target)
        below.append(upper < gate.target)
    return Verdicts(*(_first(looks, gate.min_pairs) for looks in (np.all(above, axis=0), np.any(below, axis=0))))


def _first(looks: NDArray[np.bool_], begin: int) -> int | None:
    return begin + int(looks.argmax()) if looks.any() else None


def share_of(happened: Sequence[bool]) -> tuple[float, float]:
    """The share of runs in which it happened, with its standard error (at none and all, as if one run more had)."""
    runs, times = len(happened), int(np.sum(happened))
    doubt = times / runs if 0 < times < runs else (times + 1) / (runs + 2)
    return times / runs, math.sqrt(doubt * (1 - doubt) / runs)
