"""How often the lower bound is ever at the target, from drawn streams of units with a look after every one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from benchmarks.statistics.figures import share
from proxy.analysis.bounds import UnitCounts, log_e_value
from proxy.analysis.looks import Stream, Watch
from proxy.analysis.records import Circumstances, Differences, Gate, Slice
from proxy.analysis.verdict import decide

Drawn = Callable[[np.random.Generator], Stream]


def promoted(
    drawn: Drawn, *, target: float, alpha: float, runs: int, seed: int, fair: bool = False, margin: float | None = None
) -> tuple[float, float]:
    """The share of runs, and its standard error.  Raises AssertionError where the verdict is another.

    ``fair``: the mean is the target exactly.  Wealth then has the mean 1 wherever one stops, and the draws miss that
    by chance; taking out alpha times the miss leaves the share what it is and makes the error some ten times smaller
    (a control variate).  ``margin``: units are differences to the noise floor, and so is the target.
    """
    random, found, wealth = np.random.default_rng(seed), [], []
    for _ in range(runs):
        stream = drawn(random)
        floor = float(stream.probabilities.min())
        look = Watch(stream, target, alpha, probability_floor=floor).next(1)
        found.append(look is not None)
        if look is not None:
            gate = Gate(target=target, alpha=alpha, min_pairs=1, min_days=0, margin=margin)
            assert verdict(stream.at(look), gate, floor) == "promote"
            assert verdict(stream.at(look - 1), gate, floor) != "promote"
        wealth.append(math.exp(log_e_value(stream.at(look or stream.units), target, probability_floor=floor)))
    if not fair:
        return share(found)
    controlled = np.array(found) - alpha * (np.array(wealth) - 1)
    return float(controlled.mean()), float(controlled.std() / math.sqrt(runs))


def verdict(counted: UnitCounts, gate: Gate, floor: float) -> str:
    """What the gate says of these units, or of differences."""
    differences = Differences(counted, counted, counted) if gate.margin is not None else None
    overall = Slice(units=counted.total, low=counted, high=counted, valid=counted, difference=differences)
    return decide(overall, [], gate, Circumstances(probability_floor=floor, full_days=0)).verdict
