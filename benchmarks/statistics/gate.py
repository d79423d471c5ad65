"""The gate with a look after every pair: how often it errs, how many pairs it needs.

Exact, by a chain over the number of disagreements whose every step is the verdict's own; the noise floor is drawn.
"""

from __future__ import annotations

import numpy as np

from benchmarks.statistics import exact
from benchmarks.statistics.drawn import Asked, Drawn, first_looks, promoted
from benchmarks.statistics.figures import Figure, at_least, at_most, share
from proxy.analysis.bounds import lower_bound, upper_bound
from proxy.analysis.looks import Stream
from proxy.analysis.records import Gate
from proxy.analysis.simulation import Group, Traffic, first_promotion

TARGET, ALPHA, PAIRS, SEED = 0.95, 0.05, 20_000, 20261124
MEDIANS = {0.96: 3100, 0.97: 650, 0.98: 260, 0.99: 140}
MARGIN, SPREAD = 0.03, 0.345  # of the differences to a noise floor of 92%: how far under, standard deviation
DOUBT = np.array([-0.5, 0.0, 0.5, 0.0])  # standard errors of a share of one half, over the root of the runs
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
        drawn_instead(200 if quick else 2_000),
        at_most("promoted at 95%, time-outs (0.9%) on requests that it would get wrong", 0.05, at(leaving, TARGET)),
        at_least("control: the same with the missing left out", 0.5, at(leaving, TARGET / (1 - MISSED))),
        at_most("promoted though down half of the time, right whenever it is up", 0.01, at(leaving, 0.5)),
    ]
    figures += [pairs_to_promote(leaving, agreement, goal) for agreement, goal in MEDIANS.items()]
    return [*figures, *noise_floor(200 if quick else 2_000), *at_ten_million()]


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
    random = np.random.default_rng(SEED)
    wrong = [first_promotion(traffic, traffic.draw(random), gate) is not None for _ in range(runs)]
    return at_most(f"promoted at the target, {runs:,} drawn sequences", 0.05, *share(wrong))


def pairs_to_promote(leaving: exact.Leaving, agreement: float, goal: int) -> Figure:
    chance = exact.chances(leaving, agreement, PAIRS)
    median, most = exact.first(chance, 0.5), exact.first(chance, 0.9)
    name = f"pairs to promote at {agreement:.0%}, median (90%)"
    return Figure(name, f"<= {goal:,}", f"{median:,} ({most:,})", median is not None and median <= goal)


def noise_floor(runs: int) -> list[Figure]:
    """Differences to a noise floor of 92%, margin 3 points: at the margin, as good as the teacher, a point off."""
    asked = Asked(target=(1 - MARGIN) / 2, margin=MARGIN, alpha=ALPHA, runs=runs, seed=SEED)
    boundary = promoted(differences(-MARGIN), asked, fair=True)
    figures = [at_most("noise floor: promoted at its boundary, 20,000 replays", 0.05, *boundary)]
    for gap, student, goal in (
        (0.0, "as good as the teacher", 1_000),
        (0.01, "a point better", 0),
        (-0.01, "a point worse", 0),
    ):
        looks = [look or PAIRS for look, _ in first_looks(differences(gap), asked)]
        low, median, high, most = np.quantile(looks, np.array([0.5, 0.5, 0.5, 0.9]) + DOUBT / np.sqrt(runs))
        figures.append(
            Figure(
                f"noise floor: replays to promote a student {student}, median (90%)",
                f"<= {goal:,}" if goal else "",
                f"{median:,.0f} ({most:,.0f})",
                passed=not goal or median <= goal,
                error=f"{(high - low) / 2:.0f}",
            )
        )
    return figures


def differences(gap: float) -> Drawn:
    """Of agreement with the student to the teacher's with itself: -1, 0 or 1 for a request, ``gap`` on average."""
    differ = SPREAD**2 + gap**2  # how often the difference is not 0
    shares = np.array([(differ - gap) / 2, 1 - differ, (differ + gap) / 2])
    values = np.array([0.0, 0.5, 1.0])
    return lambda random: Stream.of(np.ones(3), values, random.choice(3, size=PAIRS, p=shares))


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
