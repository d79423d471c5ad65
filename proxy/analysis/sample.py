"""A bounded random sample of pairs as arrays, in two halves: one to search in, one to confirm in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.analysis.bounds import FloatArray, UnitCounts

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Never changed: which half a unit is in must not depend on what was seen in either.
_SALT = b"understudy weak spots"


@dataclass(frozen=True, slots=True)
class SampledPair:
    """A pair, as far as the search for weak spots is concerned."""

    id: str
    agree: bool | None  # None: missing
    segments: Mapping[str, str]
    text: str = ""  # of the newest prompt, redacted
    kinds: tuple[str, ...] = ()  # of disagreement
    weight: float = 1.0  # one over the probability with which it was sampled
    unit: str = ""  # pairs that are one observation have the same; empty: it is one by itself


@dataclass(frozen=True, eq=False, slots=True)
class Half:
    """Pairs with their numbers, one a pair."""

    pairs: Sequence[SampledPair]
    units: IntArray  # which of the half's units it is of, from 0
    low: FloatArray  # agreement, missing as a disagreement
    high: FloatArray  # missing as an agreement
    probabilities: FloatArray

    @classmethod
    def of(cls, pairs: Sequence[SampledPair]) -> Half:
        number: dict[str, int] = {}
        return cls(
            pairs=pairs,
            units=np.array([number.setdefault(unit_of(pair), len(number)) for pair in pairs], dtype=np.int64),
            low=np.array([pair.agree is True for pair in pairs], dtype=np.float64),
            high=np.array([pair.agree is not False for pair in pairs], dtype=np.float64),
            probabilities=1 / np.array([pair.weight for pair in pairs], dtype=np.float64),
        )

    @property
    def missing(self) -> BoolArray:
        missing: BoolArray = self.low != self.high
        return missing

    @property
    def probability_floor(self) -> float:
        """The least sampling probability.  It is chosen ahead of the answers, so it may set the bets."""
        return float(self.probabilities.min(initial=1.0))

    @property
    def unit_shares(self) -> FloatArray:
        """What part of its unit each pair is."""
        return 1 / np.bincount(self.units)[self.units]

    @property
    def first_of_units(self) -> IntArray:
        """One pair of each unit, by its place."""
        return np.sort(np.unique(self.units, return_index=True)[1])

    def counted(self, which: BoolArray, values: FloatArray) -> UnitCounts:
        """The units that have some of these pairs, each with the mean over those it has."""
        units = self.units[which]
        if not units.size:
            return UnitCounts.of(())
        sizes = np.bincount(units)
        means = np.bincount(units, values[which])[sizes > 0] / sizes[sizes > 0]
        probabilities = np.zeros(sizes.size)
        np.maximum.at(probabilities, units, self.probabilities[which])
        rows = np.column_stack([probabilities[sizes > 0], means])
        distinct, counts = np.unique(rows, axis=0, return_counts=True)
        return UnitCounts(distinct[:, 0], distinct[:, 1], counts.astype(np.float64))


def halves(pairs: Iterable[SampledPair]) -> tuple[Half, Half]:
    """The half to search in and the half to confirm in, whatever the order the pairs come in.

    A unit goes whole by a salted hash of its name: turns of one conversation in both halves would confirm each other,
    and a split that is drawn again could be drawn until it confirms.
    """
    sides: tuple[list[SampledPair], list[SampledPair]] = ([], [])
    for pair in sorted(pairs, key=lambda pair: pair.id):
        digest = hashlib.blake2b(unit_of(pair).encode(errors="surrogatepass"), key=_SALT, digest_size=1).digest()
        sides[digest[0] & 1].append(pair)
    return Half.of(sides[0]), Half.of(sides[1])


def unit_of(pair: SampledPair) -> str:
    return pair.unit or pair.id
