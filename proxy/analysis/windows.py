"""Windows of time, one after the other, of which the newest are held against those before.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proxy.analysis.blocks import FloatArray
from proxy.analysis.distances import Sample

LEAST_WINDOWS = 3  # of a reference
NEWEST = 3  # windows that are looked at
PERSISTENT = 2  # of them, that must be beyond the threshold
LEAST_EXCHANGES = 200  # of a window, or it says nothing
LEAST_OF_MEDIAN = 0.25  # the same, of the windows' median
MARGIN = 1.25  # on the largest distance within the reference
FEW = 3  # windows: of a reference of so many the margin is 2, of more less


@dataclass(frozen=True, eq=False, slots=True)
class Windows:
    """Sums over consecutive windows of time, oldest first; one that had no traffic may be left out."""

    starts: FloatArray  # unix seconds, shape (windows,)
    weights: FloatArray  # sum of weights of each window's exchanges
    squares: FloatArray  # sum of their squares
    sums: Mapping[str, FloatArray]  # by feature, weighted, each of shape (windows, its bins)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def n(self) -> FloatArray:
        """Effective numbers of exchanges."""
        effective: FloatArray = self.weights**2 / self.squares
        return effective

    def of(self, feature: str) -> Sample:
        return Sample(self.sums[feature], self.weights, self.squares)

    def where(self, which: npt.NDArray[np.bool_]) -> Windows:
        return Windows(
            self.starts[which],
            self.weights[which],
            self.squares[which],
            {feature: sums[which] for feature, sums in self.sums.items()},
        )

    def last(self, number: int) -> Windows:
        return self.where(np.arange(len(self)) >= len(self) - number)

    def telling(self) -> Windows:
        """Those with enough exchanges to say something: some, and not few for this route."""
        some = self.where(np.greater(self.squares, 0))
        if not len(some):
            return some
        return some.where(some.n >= max(LEAST_EXCHANGES, LEAST_OF_MEDIAN * float(np.median(some.n))))


@dataclass(frozen=True, slots=True)
class Looked:
    """One window, held against the reference."""

    start: float
    value: float
    beyond: bool


def split(starts: FloatArray, since: float | None) -> tuple[int, int, float | None]:
    """How many windows are the reference, how many are looked at, and ``since`` while the reference stands still.

    While there are few windows, the reference comes first.
    """
    newest = max(0, min(NEWEST, len(starts) - LEAST_WINDOWS))
    ends = len(starts) - newest
    if since is None:
        return ends, newest, None
    before = int(np.searchsorted(starts, since))
    return (min(ends, before), newest, since) if before >= LEAST_WINDOWS else (ends, newest, None)


def begun(drifted: Sequence[Sequence[Looked]], since: float | None) -> float | None:
    """The first window that is beyond the threshold of what has drifted, or was when it began."""
    if not drifted:
        return None
    first = min(look.start for looked in drifted for look in looked if look.beyond)
    return first if since is None else min(since, first)


def looked_at(starts: FloatArray, values: FloatArray, limit: float) -> tuple[Looked, ...]:
    """Values of some windows, held against a threshold."""
    return tuple(
        Looked(start, value, value > limit) for start, value in zip(starts.tolist(), values.tolist(), strict=True)
    )


def persists(looked: Sequence[Looked]) -> bool:
    """Whether enough of them are beyond the threshold."""
    return sum(look.beyond for look in looked) >= PERSISTENT


def threshold(floor: float, band: FloatArray, *, power: int = 1) -> float:
    """From where on a value is out of the ordinary.

    Args:
        floor: below this it does not matter.
        band: what ordinary windows come to.  The largest of few is not as large as that of many will be.
        power: 2 where values are squares of distances.
    """
    margin = max(MARGIN, 1 + FEW / band.size)
    return float(max(floor, margin**power * band.max()))
