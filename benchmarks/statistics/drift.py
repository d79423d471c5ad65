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
KEPT = REFERENCE + NEWEST  # days that a look is told of


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    if not DATA.exists():
        return [Figure("skipped: CLINC150 is not in ../shared/data", "", "nothing")]
    corpus = Corpus.read()
    runs = 2 if quick else 100
    figures = stable(_streams(corpus, runs), A_DAY) + stable(_streams(corpus, runs), FEW_A_DAY)
    for share, within, goal in ((0.1, 2, 0.95), (0.05, 3, 0.95), (0.03, 3, None), (0.02, 3, None), (0.01, 3, None)):
        figures.append(another_topic(_streams(corpus, runs), share, within=within, goal=goal))
    return figures


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
    return [
        Figure(name, "<= 1", f"{mean:.3f}", bool(mean <= 1), f"{error:.3f}"),
        Figure(f"the same, the most in one of {len(alerts)} runs", "<= 1", f"{max(alerts)}", max(alerts) <= 1),
        Figure("feature-days on which chi-squared says p < 0.05", "", f"{rejected / feature_days:.1%}"),
    ]


def another_topic(streams: Iterator[Stream], share: float, *, within: int, goal: float | None) -> Figure:
    """How many of the runs open an alert within so many days of the first on which others ask about something else."""
    seen, features = [], Counter[str]()
    for stream in streams:
        watch = Watch()
        watch.days = [stream.day(day) for day in range(KEPT - 1)]
        drifted: set[str] = set()
        for day in range(KEPT - 1, KEPT - 1 + within):
            found = watch.look(stream.day(day, other_topic=share))
            drifted |= {f"{each.feature} ({each.statistic})" for each in found if each.side == "input" and each.drifted}
        seen.append(bool(drifted))
        features.update(drifted)
    rate = np.mean(seen)
    by = ", ".join(name for name, _ in features.most_common(2)) or "nothing"
    return Figure(
        f"{share:.0%} out of scope: seen within {within} days, by {by}",
        "" if goal is None else f">= {goal:g}",
        f"{rate:.3f}",
        goal is None or bool(rate >= goal),
        f"{np.sqrt(rate * (1 - rate) / len(seen)):.3f}",
    )


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
