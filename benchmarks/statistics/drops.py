"""The drop alarm: how rarely it errs, how soon it finds a drop and places it, beside river's ADWIN and Page-Hinkley.

Detector alone, at a constant null, against theirs; then the whole monitor, which has to find out by itself how traffic
breathes.  Traffic of 3,340 pairs a day: 100,000 pairs are 30 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.statistics import detector
from benchmarks.statistics.detector import SIZES, alarms_of
from benchmarks.statistics.figures import Figure, at_least, share
from benchmarks.statistics.runs import SEED, draws, mean_at_least, mean_at_most, quantiles
from benchmarks.statistics.speed import best
from benchmarks.statistics.traffic import BEGIN, PAIRS_PER_DAY, breathing, drawn, dropped
from proxy.analysis.alarms import Episode, Policy, begun
from proxy.analysis.alarms import run as gone_on
from proxy.analysis.blocks import BLOCK_SECONDS, DAY, HOUR, Blocks
from proxy.analysis.monitoring import monitor

BASELINE = Policy(floor=None)
MONTH = 30  # days
LEARNING = 21  # days
SEASON = {"by_day": 0.02}


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    runs = 60 if quick else 1_000
    return [
        *detector.figures_of(runs),
        *whole_monitor(runs),
        *where_it_was(runs),
        *life(runs),
        *cost(5 if quick else 30),
    ]


# --- the whole monitor: three weeks to learn from, then a month, or a drop


def whole_monitor(runs: int) -> list[Figure]:
    figures = []
    for word, swing, pairs, goal in (
        ("a swing of ±2 points a day", SEASON, PAIRS_PER_DAY, 0.2),
        ("control: the same, null constant at its mean", None, PAIRS_PER_DAY, 3),
        ("no swing", {}, PAIRS_PER_DAY, 0.2),
        ("±2 points a day, 2 less at week-ends", {**SEASON, "by_week": 0.02}, PAIRS_PER_DAY, 0.2),
        ("100 pairs a day, no swing", {}, 100, 0.2),
        ("30,000 pairs a day, ±2 points", SEASON, 30_000, 0.2),
    ):
        false = []
        for random in draws(runs):
            agreement = breathing(LEARNING + MONTH, **(SEASON if swing is None else swing))
            blocks = drawn(random, agreement, pairs)
            if swing is None:
                learned = blocks.between(BEGIN, BEGIN + LEARNING * DAY).units()
                month = blocks.between(BEGIN + LEARNING * DAY, blocks.end)
                null = float(learned.counts @ learned.values / learned.total)
                false.append(len(list(alarms_of(month, null))))
            else:
                false.append(sum(each.opened >= BEGIN + LEARNING * DAY for each in episodes(blocks)))
        name = f"false alarms in 30 days, {word}"
        figures.append(mean_at_least(name, goal, false) if swing is None else mean_at_most(name, goal, false))
    for (drop, word), goal in zip(SIZES, (3, 15), strict=True):
        hours = [found.hours for found in drops(runs, drop, SEASON)]
        figures.append(quantiles(f"hours until {word} is found, ±2 points a day: median (90%)", hours, goal, "{:.1f}"))
    return figures


def episodes(blocks: Blocks) -> list[Episode]:
    """All alarms."""
    state = gone_on(begun(blocks.begin, BASELINE), blocks, 1)
    if state.episode is None and state.armed == blocks.begin + DAY:  # when the first null was there: none ever opened
        return []
    state, found = begun(blocks.begin, BASELINE), {}
    for end in range(blocks.begin + DAY, blocks.end + DAY, DAY):  # the cool-down is as long: none is passed over
        state = gone_on(state, blocks.between(state.until, end), 1)
        if state.episode:
            found[state.episode.opened] = state.episode
    return list(found.values())


class Found(NamedTuple):
    """A drop that came at ``moment`` (in blocks), and the alarm (None: within ten days there was none)."""

    moment: float
    opened: int | None
    blocks: Blocks

    @property
    def hours(self) -> float:
        return np.inf if self.opened is None else (self.opened + 1 - self.moment) / HOUR


def drops(runs: int, drop: float, swing: dict[str, float]) -> Iterator[Found]:
    """At any moment of the fourth week; without those before which there was a false alarm."""
    for random in draws(runs):
        moment = (LEARNING + 7 * random.random()) * DAY
        blocks = drawn(random, dropped(breathing(LEARNING + 7 + 10, **swing), moment, drop))
        state = gone_on(begun(BEGIN, BASELINE), blocks.between(BEGIN, BEGIN + int(moment)), 1)
        if not state.episode:
            episode = gone_on(state, blocks, 1).episode
            yield Found(BEGIN + moment, episode and episode.opened, blocks)


# --- where it was, what comes after, what it costs


def where_it_was(runs: int) -> list[Figure]:
    figures = []
    for (drop, word), goal in zip(SIZES, (60, None), strict=True):
        away, held, hours = [], [], []
        for found in drops(runs, drop, {}):
            if found.opened is not None:
                since = monitor(found.blocks.between(BEGIN, found.opened + 1), BASELINE, monitors=1).since
                moment = found.moment * BLOCK_SECONDS
                away.append(abs(since.likely - moment) / 86_400 * PAIRS_PER_DAY)
                held.append(since.earliest <= moment <= since.latest)
                hours.append((since.latest - since.earliest) / 3600)
        figures += [
            quantiles(f"pairs between {word} and where it is placed: median (90%)", away, goal),
            at_least("  the range that is named holds the moment", 0.95, *share(held)),
            quantiles("  hours that the range is long: median (90%)", hours, None, "{:.1f}"),
        ]
    return figures


def life(runs: int) -> list[Figure]:
    """A day at 90%, then at 95% again."""
    hours = []
    for random in draws(runs):
        agreement = dropped(breathing(LEARNING + 1), LEARNING * DAY, 0.05)
        blocks = drawn(random, np.concatenate([agreement, breathing(10)]))
        episode = next((each for each in episodes(blocks) if each.opened >= BEGIN + LEARNING * DAY), None)
        if episode is not None:
            end = np.inf if episode.closed is None else episode.closed + 1
            hours.append((end - BEGIN - (LEARNING + 1) * DAY) / HOUR)
    return [
        quantiles("hours until an alarm closes after a day at 90%, back at 95%: median (90%)", hours, None, "{:.0f}")
    ]


def cost(times: int) -> list[Figure]:
    random = np.random.default_rng(SEED)
    blocks = drawn(random, breathing(MONTH + LEARNING, **SEASON))
    policy, segments = Policy(floor=0.93), 100
    learned = gone_on(begun(BEGIN, policy), blocks.between(BEGIN, BEGIN + LEARNING * DAY), 1)
    month = blocks.between(BEGIN + LEARNING * DAY, blocks.end)
    at_once = best(lambda: gone_on(learned, month, 1), times)
    one = month.between(month.begin, month.begin + 1)
    alone = best(lambda: gone_on(learned, one, 1), 20 * times)
    anew = best(lambda: monitor(month, policy, monitors=segments), times)
    return [
        Figure(
            "a block, one of a month",
            "< 10 us",
            f"{at_once / month.firsts.size * 1e6:.1f} us",
            at_once / MONTH / DAY < 1e-5,
        ),
        Figure("a block alone, state read and made", "", f"{alone * 1e6:.0f} us"),
        Figure(f"30 days of {segments} segments, all anew", "< 1 s", f"{anew * segments:.2f} s", anew * segments < 1),
    ]
