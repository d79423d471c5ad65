"""How often the lower bound is ever at the target, from drawn streams of units with a look after every one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.statistics.figures import share
from proxy.analysis.bounds import UnitCounts, log_e_value
from proxy.analysis.looks import Stream, Watch
from proxy.analysis.records import Circumstances, Differences, Gate, Slice
from proxy.analysis.verdict import decide

Drawn = Callable[[np.random.Generator], Stream]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gate asks, and of how many streams."""

    target: float
    alpha: float
    runs: int
    seed: int
    margin: float | None = None  # units are differences to the noise floor, and so is the target


def first_looks(drawn: Drawn, asked: Asked) -> Iterator[tuple[int | None, float]]:
    """When each stream is promoted first, and the wealth then or at the end.

    Raises:
        AssertionError: the verdict is another.
    """
    random = np.random.default_rng(asked.seed)
    gate = Gate(target=asked.target, alpha=asked.alpha, min_pairs=1, min_days=0, margin=asked.margin)
    for _ in range(asked.runs):
        stream = drawn(random)
        floor = float(stream.probabilities.min())
        look = Watch(stream, asked.target, asked.alpha, probability_floor=floor).next(1)
        if look is not None:
            assert verdict(stream.at(look), gate, floor) == "promote"
            assert verdict(stream.at(look - 1), gate, floor) != "promote"
        end = stream.at(stream.units if look is None else look)
        yield look, math.exp(log_e_value(end, asked.target, probability_floor=floor))


def promoted(drawn: Drawn, asked: Asked, *, fair: bool = False) -> tuple[float, float]:
    """The share of runs in which it ever is, and its standard error.

    ``fair``: the mean is the target exactly.  Wealth then has the mean 1 wherever one stops, and the draws miss that
    by chance; taking out alpha times the miss leaves the share what it is and makes the error some ten times smaller
    (a control variate).
    """
    looks, wealth = zip(*first_looks(drawn, asked), strict=True)
    found = [look is not None for look in looks]
    if not fair:
        return share(found)
    controlled = np.array(found) - asked.alpha * (np.array(wealth) - 1)
    return float(controlled.mean()), float(controlled.std() / math.sqrt(asked.runs))


def verdict(counted: UnitCounts, gate: Gate, floor: float) -> str:
    """What the gate says of these units, or of differences."""
    differences = Differences(counted, counted, counted) if gate.margin is not None else None
    overall = Slice(units=counted.total, low=counted, high=counted, valid=counted, difference=differences)
    return decide(overall, [], gate, Circumstances(probability_floor=floor, full_days=0)).verdict
