"""Where agreement is worst: a shallow search over slices of one half of a sample, by arrays alone.

What it finds is a guess: of some thousand slices the worst look bad by chance.  So it names a fixed number of
candidates at most, to be tested on pairs that it has not seen (``proxy.analysis.weak_spots``).

A slice has one condition or two, and all of these are looked at: sums over the slices of two conditions are a product
of matrices.  A slice's evidence is the number of its units times the divergence of their agreement from what it should
be: the rate at which a bettor against it would grow rich.  From that goes what naming the slice costs, the logarithm of
the number of conditions for each; so a second condition has to tell something.  The best is taken, its pairs are taken
out, and what is left is looked at again: a slice within another that says the same has nothing left to say.
(Sequential covering, as in subgroup discovery: Lavrač, Kavšek, Flach and Todorovski, 2004.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proxy.analysis.bounds import FloatArray
from proxy.analysis.sample import BoolArray, IntArray

LARGEST_SHARE = 0.5  # of the traffic: more is no spot


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slice to be tested: is agreement below ``line`` where all its conditions hold, and above it elsewhere?

    Elsewhere is outside of all candidates: the others may be as bad.
    """

    conditions: tuple[int, ...]  # columns, one or two
    line: float


@dataclass(frozen=True, eq=False, slots=True)
class Searched:
    """The pairs to search in, n of them, and the conditions that may hold of each, m of them."""

    holds: BoolArray  # n by m
    groups: IntArray  # of the conditions: two of the same group are never put together
    values: FloatArray  # agreement of each pair, in [0, 1]
    weights: FloatArray  # one over the sampling probability
    unit_shares: FloatArray  # what part of its unit each pair is


def candidates(searched: Searched, *, target: float, most: int, least_units: int) -> list[Candidate]:
    """The slices that seem to be under ``target`` and under all others, the surest first, at most so many.

    Args:
        searched: at most some ten thousand pairs, of some hundred conditions.
        target: the agreement that is asked for, in (0, 1).
        most: candidates.
        least_units: a slice of fewer is not looked at.
    """
    number = searched.groups.size
    left = np.ones(searched.values.size, dtype=bool)
    if number == 0 or left.size == 0:
        return []
    alone = np.eye(number, dtype=bool)
    together = np.triu(searched.groups[:, None] != searched.groups[None, :])
    cost = np.where(alone, 1, 2) * np.log(number)
    sums, totals = _sums(searched, left)
    found: list[tuple[tuple[int, ...], _Mean]] = []
    while len(found) < most:
        seen = _seen(sums, totals)
        evidence = np.where(
            (alone | together) & (seen.units >= least_units) & (seen.share <= LARGEST_SHARE),
            seen.units * _divergence_below(seen.inside, np.minimum(seen.outside, target)) - cost,
            -np.inf,
        )
        first, second = divmod(int(evidence.argmax()), number)
        if evidence[first, second] <= 0:
            break
        conditions = (first,) if first == second else (first, second)
        found.append((conditions, _Mean.of(sums[:, first, second])))
        taken = left & searched.holds[:, conditions].all(axis=1)
        left &= ~taken
        more, more_in_all = _sums(searched, taken)
        sums, totals = sums - more, totals - more_in_all
    elsewhere = _Mean.of(totals)
    return [Candidate(conditions, min(target, _between(inside, elsewhere))) for conditions, inside in found]


@dataclass(frozen=True, slots=True)
class _Mean:
    """Agreement with its standard error, pulled in by one agreement and one disagreement, so that nothing is exact.

    (Agresti and Coull, 1998.)
    """

    mean: float
    error: float

    @classmethod
    def of(cls, sums: FloatArray) -> _Mean:
        weight, squares, agreed = (max(0.0, float(each)) for each in sums)
        units = weight**2 / squares if squares > 0 else 0.0
        mean = (min(1.0, agreed / weight) * units + 1) / (units + 2) if weight > 0 else 0.5
        return cls(mean, math.sqrt(mean * (1 - mean) / (units + 2)))


def _between(low: _Mean, high: _Mean) -> float:
    """Where it is as sure that the one is below as that the other is above: as many standard errors from each."""
    return (low.mean * high.error + high.mean * low.error) / (low.error + high.error)


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    """Of every slice, m by m, a single condition on the diagonal."""

    units: FloatArray  # as many evenly weighted ones would tell as much (Kish)
    share: FloatArray
    inside: FloatArray  # agreement
    outside: FloatArray


def _sums(searched: Searched, rows: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Weights, weights for Kish's formula, and weighted agreement: summed over every slice, and over all rows."""
    holds = searched.holds[rows].astype(np.float64)
    weights = searched.weights[rows] * searched.unit_shares[rows]
    summed = np.stack([weights, weights * searched.weights[rows], weights * searched.values[rows]])
    return np.stack([holds.T @ (holds * each[:, None]) for each in summed]), summed.sum(axis=1)


def _seen(sums: FloatArray, totals: FloatArray) -> _Seen:
    weight, squares, agreed = sums
    rest_weight, _, rest_agreed = totals[:, None, None] - sums
    return _Seen(
        units=_ratio(weight**2, squares),
        share=_ratio(weight, totals[0]),
        inside=np.clip(_ratio(agreed, weight), 0, 1),
        outside=np.clip(_ratio(rest_agreed, rest_weight), 0, 1),
    )


def _ratio(over: FloatArray, under: FloatArray) -> FloatArray:
    # Sums that pairs were taken out of are not quite zero.
    there = under > 1e-9  # noqa: PLR2004
    return np.where(there, over / np.where(there, under, 1), 0)


def _divergence_below(p: FloatArray, q: FloatArray) -> FloatArray:
    """Kullback-Leibler divergence of Bernoulli ``p`` from ``q``, nats, where ``p`` is below; else 0."""
    q = np.clip(q, 1e-6, 1 - 1e-6)
    agreeing = p * np.log(np.where(p > 0, p, 1) / q)
    disagreeing = (1 - p) * np.log(np.where(p < 1, 1 - p, 1) / (1 - q))
    return np.where(p < q, agreeing + disagreeing, 0)
