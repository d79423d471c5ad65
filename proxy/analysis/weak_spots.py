"""Where a student cannot replace the teacher: slices of the traffic in which agreement is provably too low.

A weak spot is a slice whose agreement is under the target *and* under what it is elsewhere.  Under the target alone is
not enough: where the student is bad everywhere, every slice is, and none tells where to look.  Under the rest alone is
not enough either: a slice at 97% among others at 99% keeps the student from nothing.

Whoever looks for the worst of some thousand slices finds bad ones where there are none.  So the sample is in two
halves.  One is searched (``proxy.analysis.search``), over values of segments, clusters of prompts and words in them: it
names K candidates at most, each with a line that is not above the target.  In the other half a candidate is a weak spot
if two e-values reach K/alpha: one against "agreement in the slice is at the line or above it", one against "outside of
all candidates it is at the line or under it".  Of a slice that is no weak spot one of these is true wherever the line
is, so the chance that it is named is alpha/K at most, and that any such is named is alpha (an intersection-union test,
as in Berger, 1982, and Bonferroni's sum over candidates that were fixed before).  Missing pairs count in the student's
favour: in the slice as agreements, elsewhere as disagreements.

What is named must also say something new: without the pairs of weak spots already named it has to pass the same test.
That can only take names away.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proxy.analysis import bounds
from proxy.analysis.clusters import Clusters, cluster
from proxy.analysis.records import Agreement
from proxy.analysis.sample import BoolArray, Half, SampledPair, halves, unit_of
from proxy.analysis.search import Candidate, Searched, candidates
from proxy.analysis.slices import Condition, conditions_of, groups_of, holding, worth_searching

MOST_CANDIDATES = 20
LEAST_UNITS = 30  # of a slice in the half that is searched
EXAMPLES = 3
KINDS = 5


@dataclass(frozen=True, slots=True)
class WeakSpot:
    """A slice of the traffic in which the student provably does worse than it should and than elsewhere."""

    name: str
    conditions: Mapping[str, str]  # segments that an exchange must all have
    word: str | None  # and a word that its prompt must have
    cluster: int | None  # or the cluster that this must be in: a number that holds within one search
    cluster_terms: tuple[str, ...]  # what the cluster's prompts are told by: three words at most
    share: float  # of the traffic
    units: int  # of the sample, both halves
    agreement: Agreement  # in the half that it was confirmed on; bounds at alpha over the number of candidates
    elsewhere: Agreement  # the same outside of all slices that were suspected
    kinds: Mapping[str, int]  # the most frequent kinds of disagreement, by pairs
    examples: tuple[str, ...]  # ids of disagreeing pairs
    alpha: float  # of all searches: the chance that any ever names a slice that is no weak spot
    confirmed_on: int  # units of the slice in that half


def weak_spots(
    pairs: Iterable[SampledPair], *, target: float, alpha: float, seed: int = 0, search: int = 1
) -> tuple[WeakSpot, ...]:
    """The weak spots that a bounded random sample of pairs shows, the surest first.

    The same sample gives the same, in whatever order it comes.

    Args:
        pairs: of one evidence, some twenty thousand at most; of a few hundred hardly anything is found.
        target: agreement that is asked for, in (0, 1).
        alpha: the chance that any search of this evidence ever names a slice that is no weak spot.
        seed: of the clusters.
        search: the how-manieth search of this evidence, from 1.  The nth has alpha / (n (n + 1)), which is alpha over
            all of them: so search again when the sample has doubled, not at every look.
    """
    searched, other = halves(pairs)
    clusters = cluster([searched.pairs[row].text for row in searched.first_of_units], seed=seed)
    conditions = conditions_of(searched, clusters)
    chosen = worth_searching(searched, conditions, LEAST_UNITS)
    holds = holding(conditions, chosen)
    found = candidates(
        Searched(
            holds=holds,
            groups=groups_of(chosen),
            values=searched.high,
            weights=1 / searched.probabilities,
            unit_shares=searched.unit_shares,
        ),
        target=target,
        most=MOST_CANDIDATES,
        least_units=LEAST_UNITS,
    )
    if not found:
        return ()
    level = alpha / (search * (search + 1)) / len(found)
    other_holds = holding(conditions_of(other, clusters), chosen)
    insides = [_in_all(other_holds, candidate) for candidate in found]
    elsewhere = ~np.logical_or.reduce(insides, dtype=bool)
    unnamed = np.ones_like(elsewhere)
    named = []
    for candidate, inside in zip(found, insides, strict=True):
        tested = _Tested(
            searched=searched,
            found_in=_in_all(holds, candidate),
            other=other,
            inside=inside,
            elsewhere=elsewhere,
            level=level,
        )
        if tested.is_weak(candidate.line, unnamed):
            unnamed &= ~inside
            named.append(_weak_spot(tested, [chosen[column] for column in candidate.conditions], clusters, alpha))
    return tuple(named)


def _in_all(holds: BoolArray, candidate: Candidate) -> BoolArray:
    first, last = candidate.conditions[0], candidate.conditions[-1]
    return holds[:, first] & holds[:, last]


@dataclass(frozen=True, eq=False, slots=True)
class _Tested:
    """A slice in both halves, as rows, and the level that it was tested at."""

    searched: Half
    found_in: BoolArray
    other: Half
    inside: BoolArray
    elsewhere: BoolArray
    level: float

    def is_weak(self, line: float, unnamed: BoolArray) -> bool:
        """Whether it is below the line, with and without what other names stand for, and elsewhere is above."""
        half, floor, enough = self.other, self.other.probability_floor, math.log(1 / self.level)
        above = bounds.log_e_value(half.counted(self.elsewhere, half.low), line, probability_floor=floor)
        return above >= enough and all(
            bounds.log_e_below(half.counted(which, half.high), line, probability_floor=floor) >= enough
            for which in (self.inside, self.inside & unnamed)
        )

    @property
    def share(self) -> float:
        whole = _weight(self.searched, np.ones_like(self.found_in)) + _weight(self.other, np.ones_like(self.inside))
        return (_weight(self.searched, self.found_in) + _weight(self.other, self.inside)) / whole

    @property
    def pairs(self) -> list[SampledPair]:
        return [
            *itertools.compress(self.searched.pairs, self.found_in),
            *itertools.compress(self.other.pairs, self.inside),
        ]

    def agreement(self, which: BoolArray) -> Agreement:
        half, floor = self.other, self.other.probability_floor
        return Agreement(
            estimate=bounds.estimate(half.counted(which & ~half.missing, half.low)),
            lower=bounds.lower_bound(half.counted(which, half.low), self.level, probability_floor=floor),
            upper=bounds.upper_bound(half.counted(which, half.high), self.level, probability_floor=floor),
            alpha=self.level,
        )


def _weak_spot(tested: _Tested, conditions: Sequence[Condition], clusters: Clusters, alpha: float) -> WeakSpot:
    segments = dict(sorted(condition for condition in conditions if isinstance(condition, tuple)))
    number = next((condition for condition in conditions if isinstance(condition, int)), None)
    word = next((condition for condition in conditions if isinstance(condition, str)), None)
    terms = () if number is None else clusters.terms[number]
    pairs = sorted(tested.pairs, key=lambda pair: pair.id)
    disagreeing = [pair for pair in pairs if pair.agree is False]
    kinds = Counter(kind for pair in disagreeing for kind in pair.kinds)
    newest_of_units = {unit_of(pair): pair.id for pair in disagreeing}
    return WeakSpot(
        name=_name(segments, word, number, terms),
        conditions=segments,
        word=word,
        cluster=number,
        cluster_terms=terms,
        share=tested.share,
        units=len({unit_of(pair) for pair in pairs}),
        agreement=tested.agreement(tested.inside),
        elsewhere=tested.agreement(tested.elsewhere),
        kinds=dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:KINDS]),
        examples=tuple(sorted(newest_of_units.values(), reverse=True)[:EXAMPLES]),
        alpha=alpha,
        confirmed_on=tested.other.counted(tested.inside, tested.other.low).total,
    )


def _name(segments: Mapping[str, str], word: str | None, number: int | None, terms: Sequence[str]) -> str:
    parts = [f"{key}={value}" for key, value in segments.items()]
    if word is not None:
        parts.append(f'prompts with "{word}"')
    if number is not None:
        parts.append(f"prompts {number}" + (f" ({', '.join(terms)})" if terms else ""))
    return " and ".join(parts)


def _weight(half: Half, which: BoolArray) -> float:
    units = half.counted(which, half.low)
    return float((units.counts / units.probabilities).sum())
