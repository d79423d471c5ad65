"""Units by five-minute blocks: what watches agreement over time is given.

Blocks are numbered from the epoch: block ``i`` is the bucket of the store that begins at ``i * BLOCK_SECONDS``, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proxy.analysis.bounds import UnitCounts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BLOCK_SECONDS = 300
HOUR, DAY, WEEK = 12, 288, 2016  # blocks
WEEK_HOURS = WEEK // HOUR


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks ``begin`` to ``end``, all closed: a block without rows had no units.

    Rows of (block, sampling probability, value in [0, 1], count) stand in this order, each once, so that the counts of
    replicas add up to the same bits as those of one.
    """

    begin: int
    end: int  # exclusive
    block: IntArray
    probabilities: FloatArray
    values: FloatArray
    counts: FloatArray

    @classmethod
    def of(
        cls,
        starts: ArrayLike,
        probabilities: ArrayLike,
        values: ArrayLike,
        counts: ArrayLike,
        *,
        begin: float,
        end: float,
    ) -> Blocks:
        """Rows in any order, repeated ones added.  Times are unix seconds.

        Args:
            starts: when the bucket of each row begins.
            probabilities: with which its units were sampled.
            values: of its units, in [0, 1].
            counts: how many they are.
            begin: the block that this falls into is the first: where the evidence begins, or its blocks do.
            end: up to where everything is settled.  The block that this falls into is still open, so it is left out
                like all after it.
        """
        first, last = int(begin // BLOCK_SECONDS), int(end // BLOCK_SECONDS)
        block = np.asarray(starts, np.int64) // BLOCK_SECONDS
        columns = [np.asarray(column, np.float64) for column in (probabilities, values, counts)]
        kept = (block >= first) & (block < last) & (columns[2] > 0)
        block, columns = block[kept], [column[kept] for column in columns]
        order = np.lexsort((columns[1], columns[0], block))
        block, (p, v, n) = block[order], (column[order] for column in columns)
        new = np.ones(block.size, bool)
        new[1:] = (np.diff(block) != 0) | (np.diff(p) != 0) | (np.diff(v) != 0)
        at = np.flatnonzero(new)
        return cls(first, max(first, last), block[at], p[at], v[at], np.add.reduceat(n, at) if at.size else n)

    def between(self, begin: int, end: int) -> Blocks:
        """The blocks ``begin`` to ``end`` of these, ``end`` exclusive."""
        begin, end = max(begin, self.begin), min(end, self.end)
        rows = slice(*np.searchsorted(self.block, (begin, end)))
        return Blocks(
            begin, max(begin, end), self.block[rows], self.probabilities[rows], self.values[rows], self.counts[rows]
        )

    def units(self) -> UnitCounts:
        """All of them, time forgotten."""
        ps, vs = np.unique(self.probabilities), np.unique(self.values)
        kind = np.searchsorted(ps, self.probabilities) * vs.size + np.searchsorted(vs, self.values)
        counts = np.bincount(kind, self.counts)
        there = np.flatnonzero(counts)
        return UnitCounts(ps[there // max(1, vs.size)], vs[there % max(1, vs.size)], counts[there].astype(np.float64))

    @cached_property
    def hours(self) -> IntArray:
        """The hour of the week of each row: 0 is a Thursday's first in UTC, as the epoch's."""
        return self.block // HOUR % WEEK_HOURS

    @cached_property
    def firsts(self) -> IntArray:
        """Of each block that has units: its first row."""
        return np.concatenate([np.arange(min(1, self.block.size)), np.flatnonzero(np.diff(self.block)) + 1])

    def sums(self, of_unit: FloatArray) -> FloatArray:
        """Of each block that has units: the sum over them.

        Args:
            of_unit: what is summed up, for a unit of each row: shape (rows, k).

        Returns:
            Shape (blocks with units, k).
        """
        from scipy.sparse import csr_array

        rows = np.arange(self.block.size + 1)
        matrix = csr_array((self.counts, rows[:-1], np.append(self.firsts, rows[-1])), (self.firsts.size, rows[-1]))
        summed: FloatArray = matrix @ of_unit
        return summed


def merged(*parts: Blocks) -> Blocks:
    """The same blocks counted by several replicas, put together.

    Raises:
        ValueError: they are not of the same time.
    """
    if len({(part.begin, part.end) for part in parts}) != 1:
        raise ValueError("only blocks of the same time add up")
    block, p, v, n = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("block", "probabilities", "values", "counts")
    )
    begin, end = parts[0].begin * BLOCK_SECONDS, parts[0].end * BLOCK_SECONDS
    return Blocks.of(block * BLOCK_SECONDS, p, v, n, begin=begin, end=end)


def time_of(block: int) -> float:
    """When a block begins: unix seconds."""
    return float(block * BLOCK_SECONDS)
