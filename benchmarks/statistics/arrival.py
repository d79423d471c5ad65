"""Pairs that come late, twice, in clusters or through several replicas do the verdict no harm."""

from __future__ import annotations

import numpy as np

from benchmarks.statistics import exact
from benchmarks.statistics.figures import Figure, at_least, at_most, share
from proxy.analysis.looks import Stream, Watch
from proxy.analysis.simulation import Group, Traffic
from proxy.journal.base import bucket_of

TARGET, ALPHA, PAIRS, SEED = 0.95, 0.05, 20_000, 20261127
APART = 86_400 / 3_000  # seconds between requests
LATE = 200  # requests, on average, by which a disagreement comes later than an agreement would
REPEATS = 8


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    return [*late(40 if quick else 1_000), *clustered()]


def late(runs: int) -> list[Figure]:
    """Agreements are known at once, disagreements by chance later; a look after every request."""
    drawn = Traffic((Group(1.0, TARGET),), PAIRS).draw
    random = np.random.default_rng(SEED)
    held, hasty = [], []
    for _ in range(runs):
        stream = drawn(random)
        known = np.arange(PAIRS) + np.where(stream.kinds == 0, random.exponential(LATE, PAIRS), 0.0)
        held.append(promoted_up_to(stream, read_up_to(known)))
        as_known = Stream.of(stream.probabilities, stream.values, stream.kinds[np.argsort(known, kind="stable")])
        hasty.append(Watch(as_known, TARGET, ALPHA, probability_floor=1.0).next(1) is not None)
    return [
        at_most("disagreements 200 requests late, read up to the oldest unsettled: promoted", 0.05, *share(held)),
        at_least("control: the same, reading whatever is there", 0.5, *share(hasty)),
    ]


def read_up_to(known: np.ndarray) -> np.ndarray:
    """How many pairs the looks read: those of the five-minute buckets before that of the oldest unsettled one.

    ``known``: when each pair's label is there, in requests.
    """
    settled = np.searchsorted(np.maximum.accumulate(known), np.arange(PAIRS), side="right")
    buckets = np.array([bucket_of(n * APART) for n in range(PAIRS + 1)])
    return np.unique(np.searchsorted(buckets, buckets[settled]))


def promoted_up_to(stream: Stream, lengths: np.ndarray) -> bool:
    """Whether the bound was at the target at one of these looks."""
    watch = Watch(stream, TARGET, ALPHA, probability_floor=1.0)
    look: int | None = 1
    while look is not None:
        at = int(np.searchsorted(lengths, look))
        if at == lengths.size:
            return False
        look = watch.next(int(lengths[at]))
        if look == lengths[at]:
            return True
    return False


def clustered() -> list[Figure]:
    """Eight repeats of each request, which agree or disagree together; a look after each eight.  Exact."""
    least = exact.least_pairs(TARGET, ALPHA, PAIRS)
    as_units = exact.promoted(least)
    one_by_one = least[::REPEATS]  # disagreements come by eights
    singly = exact.chances(lambda clusters: one_by_one <= clusters * REPEATS, TARGET, PAIRS // REPEATS)
    together = exact.chances(as_units, TARGET, PAIRS // REPEATS)
    return [
        at_most("clusters of 8 alike, each one unit: promoted at the target", 0.05, float(together[-1])),
        at_least("control: each of the eight counted by itself", 0.5, float(singly[-1])),
    ]
