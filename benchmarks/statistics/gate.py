"""The gate with a look after every pair: how often it errs, how many pairs it needs.

Exact, by a chain over the number of disagreements whose every step is the verdict's own; the noise floor is drawn.
"""

from __future__ import annotations

import numpy as np

from benchmarks.statistics import exact
from benchmarks.statistics.drawn import promoted
from benchmarks.statistics.figures import Figure, at_least, at_most, share
from proxy.analysis.bounds import lower_bound, upper_bound
from proxy.analysis.looks import Stream
from proxy.analysis.records import Gate
from proxy.analysis.simulation import Group, Traffic
from proxy.analysis.simulation import run as simulated

TARGET, ALPHA, PAIRS, SEED = 0.95, 0.05, 20_000, 20261124
MEDIANS = {0.96: 3100, 0.97: 650, 0.98: 260, 0.99: 140}
MISSED = 0.009  # of the exchanges, within what the gate lets pass


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    least = exact.least_pairs(TARGET, ALPHA, PAIRS)
    check(least, every=20 if quick else 1)
    leaving = exact.promoted(least)
    wilson = exact.promoted_by_wilson(TARGET, ALPHA, disagreements=1_000)
    figures = [
        at_most("promoted at the target (95%), a look after every pair to 20,000", 0.05, at(leaving, TARGET)),
        at_most("promoted one point under it", 0.01, at(leaving, 0.94)),
        at_least("control: the same by Wilson's 95% interval", 0.4, at(wilson, TARGET)),
        drawn_instead(400 if quick else 4_000),
        at_most("promoted at 95%, time-outs (0.9%) on requests that it would get wrong", 0.05, at(leaving, TARGET)),
        at_least("control: the same with the missing left out", 0.5, at(leaving, TARGET / (1 - MISSED))),
        at_most("promoted though down half of the time, right whenever it is up", 0.01, at(leaving, 0.5)),
    ]
    figures += [pairs_to_promote(leaving, agreement, goal) for agreement, goal in MEDIANS.items()]
    return [*figures, noise_floor(500 if quick else 2_000), *at_ten_million()]


def check(least: np.ndarray, *, every: int) -> None:
    """Raises AssertionError where the verdict turns at another number of pairs than the chain's, missing or not."""
    for disagreed, pairs in list(enumerate(least))[::every]:
        for missing in (0, min(disagreed, int(MISSED * pairs))):
            if pairs <= PAIRS:
                assert exact.verdict(pairs, disagreed, TARGET, ALPHA, missing=missing) == "promote"
                assert exact.verdict(pairs - 1, disagreed, TARGET, ALPHA, missing=missing) != "promote"


def at(leaving: exact.Leaving, agreement: float) -> float:
    return float(exact.chances(leaving, agreement, PAIRS)[-1])


def drawn_instead(runs: int) -> Figure:
    """The first figure once more, from drawn sequences: the chain forgets nothing."""
    traffic = Traffic((Group(1.0, TARGET),), PAIRS)
    gate = Gate(target=TARGET, alpha=ALPHA, min_pairs=1, min_days=0, require=())
    wrong = [simulated(traffic, gate, SEED + n).gate.wrong.promote for n in range(runs)]
    return at_most(f"promoted at the target, {runs:,} drawn sequences", 0.05, *share(wrong))


def pairs_to_promote(leaving: exact.Leaving, agreement: float, goal: int) -> Figure:
    chance = exact.chances(leaving, agreement, PAIRS)
    median, most = exact.first(chance, 0.5), exact.first(chance, 0.9)
    name = f"pairs to promote at {agreement:.0%}, median (and in 90% of cases)"
    return Figure(name, f"<= {goal:,}", f"{median:,} ({most:,})", median is not None and median <= goal)


def noise_floor(runs: int) -> Figure:
    """Teacher and itself agree on 92%, the student is 3 points under: exactly at the margin, so not good enough.

    The difference of the two is -1, 0 or 1 for a request: values 0, 1/2 and 1 against a target of (1 - margin) / 2.
    """
    floor, margin, spread = 0.92, 0.03, 0.345
    differ = spread**2 + margin**2  # how often the difference is not 0
    shares = np.array([(differ + margin) / 2, 1 - differ, (differ - margin) / 2])
    assert shares[2] <= 1 - floor  # the student can be right where the teacher disagrees with itself, and only there
    drawn = promoted(
        lambda random: Stream.of(np.ones(3), np.array([0.0, 0.5, 1.0]), random.choice(3, size=PAIRS, p=shares)),
        target=(1 - margin) / 2,
        margin=margin,
        alpha=ALPHA,
        runs=runs,
        seed=SEED,
        fair=True,
    )
    return at_most("noise floor: promoted at its boundary, 20,000 replays (floor 0.92, margin 0.03)", 0.05, *drawn)


def at_ten_million() -> list[Figure]:
    counted = exact.units(10_000_000, 500_000)
    bounds = {
        "lower": TARGET - lower_bound(counted, ALPHA, probability_floor=1.0),
        "upper": upper_bound(counted, ALPHA, probability_floor=1.0) - TARGET,
    }
    return [
        Figure(f"{name} bound at 10 million units: from the estimate", "<= 0.0003", f"{away:.6f}", away <= 0.0003)
        for name, away in bounds.items()
    ]
