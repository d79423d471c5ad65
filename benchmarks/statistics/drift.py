"""Drift over days of real prompts: false alerts of a stable stream, and how soon another topic is seen.

Prompts are utterances of CLINC150 (``../shared/data``), answers their intents, features those of the product.  A day
has 3,000 requests.  Its intents' shares are drawn anew around those of the run (Dirichlet, 3,000 in all), so days
differ by more than chance.  A third of the utterances is there from the first day on, each other comes up on a day of
its own: so there are new words every day, as there are in life.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.stats import chi2_contingency

from benchmarks.statistics.figures import Figure
from comparators.base import Answer
from proxy.analysis.drift import Finding, drift
from proxy.analysis.windows import NEWEST, Windows
from proxy.shadow.features import answer_features, request_features
from proxy.shadow.language import language_segment
from proxy.store.records import Features
from proxy.store.sketches import BINS, FIXED_POINT

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "clinc150.jsonl"
SALT = b"a salt of the benchmark's own..."
SEED = 20261127
REFERENCE, DAYS, A_DAY, FEW_A_DAY, CONCENTRATION = 28, 30, 3_000, 200, 3_000.0
OUT_OF_SCOPE = "oos"
SIDES = ("input", "teacher")


class Topic(NamedTuple):
    """Questions about something else, from a day on."""

    share: float
    a_day: int
    within: int  # days
    goal: float | None = None  # share of runs in which they are seen


TOPICS = (
    Topic(0.1, A_DAY, 2, 0.95),
    Topic(0.05, A_DAY, 2),
    Topic(0.05, A_DAY, 3, 0.95),
    Topic(0.02, A_DAY, 3),
    Topic(0.01, A_DAY, 3),
    Topic(0.1, FEW_A_DAY, 3),
    Topic(0.2, FEW_A_DAY, 3),
)
KEPT = REFERENCE + NEWEST  # days that a look is told of


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    if not DATA.exists():
        return [Figure("skipped: CLINC150 is not in ../shared/data", "", "nothing")]
    corpus = Corpus.read()
    runs = 2 if quick else 40
    figures = stable(_streams(corpus, runs), A_DAY) + stable(_streams(corpus, runs), FEW_A_DAY)
    return figures + another_topic(_streams(corpus, runs))


@dataclass(frozen=True)
class Corpus:
    """What each utterance adds to the sums, by side and feature: of shape (utterances, bins)."""

    features: Mapping[str, Mapping[str, sparse.csr_array]]
    intents: np.ndarray

    @classmethod
    def read(cls) -> Corpus:
        with DATA.open(encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        asked = [_request(record["text"]) for record in records]
        answered = [answer_features(Answer(content=record["intent"]), salt=SALT) for record in records]
        by_side = {
            side: {feature: _matrix(feature, [each[feature] for each in those]) for feature in those[0]}
            for side, those in zip(SIDES, (asked, answered), strict=True)
        }
        return cls(by_side, np.array([record["intent"] for record in records]))


@dataclass
class Stream:
    """One run: which intents are asked about how often, and when each utterance comes up."""

    corpus: Corpus
    rng: np.random.Generator

    def __post_init__(self) -> None:
        intents = self.corpus.intents
        self.out_of_scope = np.flatnonzero(intents == OUT_OF_SCOPE)
        self.usual = [np.flatnonzero(intents == name) for name in np.unique(intents) if name != OUT_OF_SCOPE]
        self.shares = self.rng.dirichlet(np.full(len(self.usual), 2.0))
        self.births = self.rng.integers(1, KEPT + DAYS, intents.size)
        self.births[self.rng.random(intents.size) < 1 / 3] = 0
        for those in self.usual:
            self.births[those[0]] = 0

    def day(self, number: int, a_day: int = A_DAY, other_topic: float = 0.0) -> Mapping[str, Mapping[str, np.ndarray]]:
        """The sums of a day's requests, by side and feature."""
        others = self.rng.binomial(a_day, other_topic)
        shares = self.rng.dirichlet(CONCENTRATION * self.shares)
        drawn = [self.rng.choice(self.out_of_scope, others)]
        for those, asked in zip(self.usual, self.rng.multinomial(a_day - others, shares), strict=True):
            drawn.append(self.rng.choice(those[self.births[those] <= number], asked))
        rows, times = np.unique(np.concatenate(drawn), return_counts=True)
        return {
            side: {feature: times @ matrix[rows] for feature, matrix in features.items()}
            for side, features in self.corpus.features.items()
        }


@dataclass
class Watch:
    """Looks once a day, as the analyst does."""

    def __post_init__(self) -> None:
        self.days: list[Mapping[str, Mapping[str, np.ndarray]]] = []
        self.since: dict[str, float | None] = dict.fromkeys(SIDES)

    def look(self, day: Mapping[str, Mapping[str, np.ndarray]]) -> list[Finding]:
        """The findings after one more day."""
        self.days = [*self.days[1 - KEPT :], day]
        found: list[Finding] = []
        for side in SIDES:
            those, self.since[side] = drift(_windows(self.days, side), side, since=self.since[side])
            found += those
        return found


def stable(streams: Iterator[Stream], a_day: int) -> list[Figure]:
    """Alerts while nothing happens but chance and the usual news, and the reference grows from nothing to 28 days."""
    alerts, feature_days, rejected = [], 0, 0
    for stream in streams:
        watch, is_open, number = Watch(), False, 0
        for day in range(KEPT + DAYS):
            found = watch.look(stream.day(day, a_day))
            was_open, is_open = is_open, any(each.drifted for each in found)
            number += is_open and not was_open
            tested = [each for each in found if each.statistic == "js"]
            feature_days += len(tested)
            rejected += sum(_rejected(watch.days, each) for each in tested)
        alerts.append(number)
    mean, error = np.mean(alerts), np.std(alerts) / np.sqrt(len(alerts))
    name = f"alerts in {KEPT + DAYS} stable days of {a_day:,} requests, of inputs and teacher"
    often = sum(alerts) / feature_days * 750
    return [
        Figure(f"{name}, {len(alerts)} runs", "<= 1", f"{mean:.3f}", bool(mean <= 1), f"{error:.3f}"),
        Figure("the most in one of these runs", "<= 1", f"{max(alerts)}", max(alerts) <= 1),
        Figure(f"alerts in 750 of these {feature_days:,} feature-days", "<= 1", f"{often:.3f}", often <= 1),
        Figure(
            "for comparison: days in 750 on which chi-squared says p < 0.05", "", f"{rejected / feature_days * 750:.0f}"
        ),
    ]


def another_topic(streams: Iterator[Stream]) -> list[Figure]:
    """How many of the runs open an alert within so many days of the first on which others ask about something else."""
    seen: dict[Topic, list[bool]] = {topic: [] for topic in TOPICS}
    by: dict[Topic, Counter[str]] = {topic: Counter() for topic in TOPICS}
    for stream in streams:
        for a_day in sorted({topic.a_day for topic in TOPICS}):
            before = [stream.day(day, a_day) for day in range(KEPT - 1)]
            for topic in TOPICS:
                if topic.a_day == a_day:
                    drifted = _drifted(stream, before, topic)
                    seen[topic].append(bool(drifted))
                    by[topic].update(drifted)
    figures = []
    for topic in TOPICS:
        rate, runs = np.mean(seen[topic]), len(seen[topic])
        most = ", ".join(name for name, _ in by[topic].most_common(2)) or "nothing"
        figures.append(
            Figure(
                f"{topic.share:.0%} of {topic.a_day:,} out of scope: seen by day {topic.within}, by {most}",
                "" if topic.goal is None else f">= {topic.goal:g}",
                f"{rate:.3f}",
                topic.goal is None or bool(rate >= topic.goal),
                f"{np.sqrt(rate * (1 - rate) / runs):.3f}",
            )
        )
    return figures


def _drifted(stream: Stream, before: list[Mapping[str, Mapping[str, np.ndarray]]], topic: Topic) -> set[str]:
    """By what inputs were said to have drifted."""
    watch = Watch()
    watch.days = before
    drifted: set[str] = set()
    for day in range(KEPT - 1, KEPT - 1 + topic.within):
        found = watch.look(stream.day(day, topic.a_day, other_topic=topic.share))
        drifted |= {f"{each.feature} ({each.statistic})" for each in found if each.side == "input" and each.drifted}
    return drifted


def _streams(corpus: Corpus, runs: int) -> Iterator[Stream]:
    return (Stream(corpus, np.random.default_rng([SEED, number])) for number in range(runs))


def _request(text: str) -> Features:
    body = {"messages": [{"role": "user", "content": text}]}
    return request_features("chat/completions", body, salt=SALT, identify=language_segment)


def _matrix(feature: str, values: Sequence[Mapping[int, int] | Sequence[int]]) -> sparse.csr_array:
    if feature == "words":
        return sparse.csr_array(np.array(values) / FIXED_POINT)
    triples = [(n, row, bin_) for row, each in enumerate(values) for bin_, n in dict(each).items()]
    data, rows, bins = (np.array(column) for column in zip(*triples, strict=True))
    return sparse.csr_array((data, (rows, bins)), shape=(len(values), BINS[feature]))


def _windows(days: Sequence[Mapping[str, Mapping[str, np.ndarray]]], side: str) -> Windows:
    number = np.array([float(day[side]["length"].sum()) for day in days])
    sums = {feature: np.array([day[side][feature] for day in days]) for feature in days[0][side]}
    return Windows(np.arange(len(days), dtype=np.float64), number, number, sums)


def _rejected(days: Sequence[Mapping[str, Mapping[str, np.ndarray]]], finding: Finding) -> bool:
    counts = np.array([day[finding.side][finding.feature] for day in days])
    table = np.array([counts[-1], counts[:-1].sum(axis=0)])
    table = table[:, table.sum(axis=0) > 0]
    return bool(table.shape[1] > 1 and chi2_contingency(table).pvalue < 0.05)
