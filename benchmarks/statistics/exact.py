"""Exact chances of having been promoted or rejected by whoever looks after every pair: a chain, nothing drawn.

The state is the number of disagreements.  Whoever is promoted leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from proxy.analysis import simulation
from proxy.analysis.bounds import UnitCounts, log_e_below, log_e_value
from proxy.analysis.records import Circumstances, Gate, Slice
from proxy.analysis.verdict import decide

Leaving = Callable[[int], NDArray[np.bool_]]  # after so many pairs: by the number of disagreements


def units(pairs: int, disagreed: int) -> UnitCounts:
    return UnitCounts.of([(1.0, 1.0, pairs - disagreed), (1.0, 0.0, disagreed)])


def verdict(pairs: int, disagreed: int, target: float, alpha: float, *, missing: int = 0) -> str:
    """What the gate says, asked for no number of pairs and no days; ``missing`` of the disagreed had no answer."""
    overall = Slice(
        units=pairs,
        low=units(pairs, disagreed),
        high=units(pairs, disagreed - missing),
        valid=units(pairs - missing, disagreed - missing),
        missing={"unavailable": missing},
        missing_share=missing / pairs if pairs else 0.0,
    )
    gate = Gate(target=target, alpha=alpha, min_pairs=1, min_days=0)
    return decide(overall, [], gate, Circumstances(probability_floor=1.0, full_days=0)).verdict


def least_pairs(target: float, alpha: float, pairs: int, *, floor: float = 1.0) -> NDArray[np.int64]:
    """By number of disagreements: from how many pairs on the lower bound is at the target.

    ``floor``: of the sampling probability, where all units are sampled with 1.
    """
    least: list[int] = []
    n = 1
    while n <= pairs:
        while n <= pairs and log_e_value(units(n, len(least)), target, probability_floor=floor) < math.log(1 / alpha):
            n += 1
        least.append(n)
    return np.array(least)


def most_pairs(target: float, alpha: float, pairs: int, disagreements: int) -> NDArray[np.int64]:
    """By number of disagreements: up to how many pairs the upper bound is under the target."""
    most = [0]
    for disagreed in range(1, disagreements + 1):
        n = max(most[-1], disagreed)
        while n <= pairs and log_e_below(units(n, disagreed), target, probability_floor=1.0) >= math.log(1 / alpha):
            n += 1
        most.append(n - 1)
    return np.array(most)


def promoted(least: NDArray[np.int64]) -> Leaving:
    return lambda pairs: least <= pairs


def promoted_by_wilson(target: float, alpha: float, disagreements: int) -> Leaving:
    """By an interval that was made for one look."""
    disagreed = np.arange(disagreements + 1)

    def leaving(pairs: int) -> NDArray[np.bool_]:
        agreed = np.maximum(pairs - disagreed, 0).astype(float)
        return simulation.wilson(agreed, np.full(disagreed.size, pairs, float), alpha)[0] > target

    return leaving


def chances(leaving: Leaving, agreement: float, pairs: int) -> NDArray[np.float64]:
    """The chance of having left, after each number of pairs.  Those with more disagreements than states never do."""
    still = np.zeros(leaving(1).size)
    still[0] = 1.0
    left = np.zeros(pairs)
    for n in range(1, pairs + 1):
        still[1:] = still[1:] * agreement + still[:-1] * (1 - agreement)
        still[0] *= agreement
        now = leaving(n)
        left[n - 1] = still[now].sum()
        still[now] = 0.0
    return left.cumsum()


def first(chance: NDArray[np.float64], share: float) -> int | None:
    """The number of pairs within which so many have left."""
    return int(np.argmax(chance >= share)) + 1 if chance[-1] >= share else None
