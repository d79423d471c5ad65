"""Many segments: all of them are asked for, or each by itself."""

from __future__ import annotations

import numpy as np

from benchmarks.statistics import exact
from benchmarks.statistics.figures import Figure, at_least, at_most, share
from proxy.analysis.looks import Stream
from proxy.analysis.records import Gate
from proxy.analysis.simulation import Group, Traffic, first_promotion

TARGET, ALPHA, PAIRS, SEED = 0.95, 0.05, 20_000, 20261126
SHARES = 1 / np.arange(1, 11) / (1 / np.arange(1, 11)).sum()
NAMES = tuple(("tenant", str(n + 1)) for n in range(SHARES.size))
GOOD, BAD = 0.99, 0.93
EVEN = 20


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    return [*one_at_the_target(20 if quick else 1_000), *all_at_the_target()]


def one_at_the_target(runs: int) -> list[Figure]:
    """Ten segments with shares as 1, 1/2, ... 1/10 (Zipf); one is not good enough, the others are at 99%."""
    gate = Gate(target=TARGET, alpha=ALPHA, min_pairs=1, min_days=0, require=NAMES)
    figures = []
    for name, part in zip(NAMES, SHARES, strict=True):
        traffic, random = traffic_with(name, TARGET), np.random.default_rng(SEED)
        wrong = [first_promotion(traffic, traffic.draw(random), gate) is not None for _ in range(runs)]
        title = f"10 uneven segments, that of {part:.1%} of the traffic at the target: promoted"
        figures.append(at_most(title, 0.05, *share(wrong)))
    traffic, random = traffic_with(NAMES[-1], BAD), np.random.default_rng(SEED)
    naive = [by_estimates(traffic, traffic.draw(random)) for _ in range(runs)]
    title = f"control: the last at {BAD:.0%}, promoted once all have 100 pairs and an estimate at the target"
    return [*figures, at_least(title, 0.2, *share(naive))]


def traffic_with(weak: tuple[str, str], agreement: float) -> Traffic:
    groups = (Group(part, agreement if name == weak else GOOD, name) for name, part in zip(NAMES, SHARES, strict=True))
    return Traffic(tuple(groups), PAIRS)


def by_estimates(traffic: Traffic, stream: Stream) -> bool:
    """What dashboards do."""
    passed = np.ones(stream.units + 1, bool)
    for name in NAMES:
        disagreed, agreed = stream.after[:, traffic.kinds(name)].T
        passed &= (agreed + disagreed >= 100) & (agreed >= TARGET * (agreed + disagreed))
    return bool(passed.any())


def all_at_the_target() -> list[Figure]:
    """Twenty segments of a thousand pairs each, all exactly at the target.  Exact, as they are independent."""
    each = PAIRS // EVEN
    promoting, rejecting = (
        {alpha: chance(alpha, each) for alpha in (ALPHA, ALPHA / EVEN)} for chance in (one_promoted, one_rejected)
    )
    corrected = {alpha: one_rejected(alpha, n) for alpha, n in ((ALPHA / 2 / EVEN, each), (ALPHA / 2, PAIRS))}

    def any_of(chance: float) -> float:
        return 1 - (1 - chance) ** EVEN

    return [
        at_most("20 segments at the target: any of them says promote", 0.05, any_of(promoting[ALPHA / EVEN])),
        at_least("control: the same without correction", 0.05, any_of(promoting[ALPHA])),
        at_most(
            "20 segments at the target: the route says reject, at most",
            0.05,
            any_of(corrected[ALPHA / 2 / EVEN]) + corrected[ALPHA / 2],
        ),
        at_least("control: the same without correction, at least", 0.05, any_of(rejecting[ALPHA])),
    ]


def one_promoted(alpha: float, pairs: int) -> float:
    leaving = exact.promoted(exact.least_pairs(TARGET, alpha, pairs))
    return float(exact.chances(leaving, TARGET, pairs)[-1])


def one_rejected(alpha: float, pairs: int) -> float:
    most = exact.most_pairs(TARGET, alpha, pairs, disagreements=int(pairs * (1 - TARGET) * 1.5) + 50)
    return float(exact.chances(lambda n: n <= most, TARGET, pairs)[-1])
