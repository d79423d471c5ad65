"""The drop detector at a constant null, and river's ADWIN and Page-Hinkley, over the same pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from river.drift import ADWIN, PageHinkley

from benchmarks.statistics.figures import Figure
from benchmarks.statistics.runs import SEED, draws, mean_alone, mean_at_most, quantiles
from benchmarks.statistics.traffic import BEGIN, PAIRS_PER_DAY, breathing, drawn, dropped
from proxy.analysis.blocks import DAY, WEEK_HOURS, Blocks
from proxy.analysis.drops import SPREAD, Wealth, threshold, watched

HUNDRED_THOUSAND = 100_000 / PAIRS_PER_DAY  # days
SIZES = ((0.05, "95% -> 90%"), (0.02, "95% -> 93%"))


def figures_of(runs: int) -> list[Figure]:
    figures = []
    for null, word in ((0.95, "null 95%"), (0.945, "null 94.5%")):
        false = [len(list(alarms_of(drawn(random, breathing(HUNDRED_THOUSAND)), null))) for random in draws(runs)]
        figures.append(mean_at_most(f"false alarms per 100,000 pairs at 95%, {word}", 1, false))
    for name, detector in OTHERS.items():
        false = [
            theirs(detector, pairs_of(drawn(random, breathing(HUNDRED_THOUSAND))))[0] for random in draws(runs // 4)
        ]
        figures.append(mean_alone(f"  the same by {name}", false, "{:.2f}"))
    goals: dict[float, int]
    for (drop, word), goals in zip(SIZES, ({0.95: 400, 0.945: 600}, {0.95: 1_500, 0.945: 2_500}), strict=True):
        ours: dict[float, list[float]] = {null: [] for null in goals}
        others: dict[str, list[float]] = {name: [] for name in OTHERS}
        for random in draws(runs):
            begin, after = 3 * DAY, 20 if drop < 0.05 else 4
            blocks = drawn(random, dropped(breathing(3 + after), begin, drop))
            for null in goals:
                ours[null] += delays(blocks, null, BEGIN + begin)
            change = blocks.between(BEGIN, BEGIN + begin).units().total
            for name, detector in OTHERS.items():
                others[name] += theirs(detector, pairs_of(blocks), change)[1]
        for null, found in ours.items():
            name = f"pairs until {word} is found, null {null:.1%}: median (90%)"
            figures.append(quantiles(name, found, goals[null]))
        best_other = min(float(np.median(found)) for found in others.values())
        for name, found in others.items():
            figures.append(quantiles(f"  the same by {name}", found))
        ahead = max(float(np.median(found)) for found in ours.values())
        if drop == SIZES[0][0]:
            figures.append(
                Figure(
                    f"{word}: ahead of the better of the two", "< 1", f"{ahead / best_other:.2f}", ahead < best_other
                )
            )
    return figures


OTHERS: dict[str, Callable[[], ADWIN | PageHinkley]] = {"ADWIN": ADWIN, "Page-Hinkley": PageHinkley}


def alarms_of(blocks: Blocks, null: float) -> Iterator[int]:
    """The blocks that raise an alarm, the detector begun anew after each."""
    nulls, begin = np.full(WEEK_HOURS, null), blocks.begin
    while (part := blocks.between(begin, blocks.end)).block.size:
        growth = watched(Wealth.none(begin), part, nulls, 1.0)
        first = growth.first(SPREAD, threshold(1))
        if first is None:
            return
        begin = int(growth.blocks[first]) + 1
        yield begin - 1


def delays(blocks: Blocks, null: float, change: int) -> list[float]:
    """Pairs from the change to the end of the block that raises the alarm; none where one was open before."""
    first = next(alarms_of(blocks, null), None)
    if first is None:
        return [np.inf]
    return [float(blocks.between(change, first + 1).units().total)] if first >= change else []


def pairs_of(blocks: Blocks) -> list[int]:
    """Agreement of one pair after the other, by chance within a block."""
    random = np.random.default_rng(SEED)
    pairs = np.repeat(blocks.values, blocks.counts.astype(int))
    order = np.lexsort((random.random(pairs.size), np.repeat(blocks.block, blocks.counts.astype(int))))
    return pairs[order].astype(int).tolist()


def theirs(
    detector: Callable[[], ADWIN | PageHinkley], pairs: Sequence[int], change: int = 0
) -> tuple[int, list[float]]:
    """How often it is raised without a change; and the pairs until it is after one, none if it was before."""
    watching, raised = detector(), 0
    for n, agrees in enumerate(pairs, start=1):
        watching.update(agrees)
        if watching.drift_detected:
            raised += 1
            if change:
                return raised, [float(n - change)] if n > change else []
    return raised, [np.inf] if change else []
