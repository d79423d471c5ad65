"""The drop detector: bettors who start anew in every block, and become rich soon after agreement has dropped.

In each block one more bettor starts with 1 and bets that the mean is below ``m``, the null of the block.  While it is
not, the sum of what all of them hold grows by 1 a block at most on average, whatever the traffic does.  So it takes
``A`` blocks on average, or more, until they hold ``A``: that much time passes between false alarms.  (E-SR detector:
Shin, Ramdas and Rinaldo, "E-detectors", NEJSDS 2024; the centred form for uneven sampling: docs/statistics.md.)

What a block gains is summed up in logarithms: as a product over some thousand units it is 0 times infinity, and the
detector is blind for ever.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proxy.analysis.blocks import DAY, Blocks, FloatArray, IntArray

PATIENCE = 30 * DAY  # blocks between false alarms of all monitors together, on average, or more
# How far under the null agreement may have dropped: they spread their money over bets that are best for these.
GAPS = np.array([0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.10, 0.15, 0.25, 0.45])
# Most of it over drops of one to five points: larger ones are found soon with little.
SPREAD = np.array([0.25, 4, 4, 2, 3, 3, 1, 0.25, 0.125, 0.0625, 0.0625])
SPREAD /= SPREAD.sum()
_MOST_LOST = 0.99  # of what is held, by one unit
_MOST_GAINED = 600.0  # logarithm of the factor of a block: more is not needed, and would be infinite


@dataclass(frozen=True, slots=True)
class Wealth:
    """What bettors hold, all that have started put together, by kind of bet.  Plain, for storing."""

    last: int  # the newest block in which a bet was settled; at the begin the block before the first
    held: tuple[float, ...]

    @classmethod
    def none(cls, begin: int, bets: int = GAPS.size) -> Wealth:
        """Before the first bettor starts, in the block ``begin``."""
        return cls(begin - 1, (0.0,) * bets)

    def spread(self, shares: FloatArray) -> float:
        """What those hold who spread their money so over the kinds of bets."""
        return float(np.array(self.held) @ shares)


@dataclass(frozen=True, eq=False, slots=True)
class Growth:
    """Wealth after each block that has units."""

    blocks: IntArray  # their numbers, shape (n,)
    held: FloatArray  # shape (n, bets)

    def first(self, shares: FloatArray, threshold: float) -> int | None:
        """The first of these blocks after which those who spread their money so hold as much.

        Raises:
            ArithmeticError: wealth is not a number, by which nobody may be misled into hearing no alarm.
        """
        spread = self.held @ shares
        there = np.flatnonzero(~(spread < threshold))
        first = int(there[0]) if there.size else None
        if first is not None and math.isnan(spread[first]):
            raise ArithmeticError("wealth is not a number")
        return first

    def at(self, n: int) -> Wealth:
        """As it was after the ``n``-th of these blocks."""
        return Wealth(int(self.blocks[n]), tuple(self.held[n].tolist()))


def grown(wealth: Wealth, blocks: Blocks, gains: FloatArray, starting: FloatArray) -> Growth:
    """Go on through some blocks, of which one at least has units.

    The same block by block as at once, to the last bit.

    Args:
        wealth: before them.
        blocks: later than ``wealth.last``.
        gains: what each kind of bet gains by a unit of each row, in logarithms: shape (rows, bets).
        starting: for each block with units, what is held by those who started since the one before: shape (n,).
    """
    from scipy.linalg.blas import dtbsv

    firsts = blocks.firsts
    factors = np.exp(np.minimum(blocks.sums(gains), _MOST_GAINED))
    # held[j] = factor[j] * (held[j - 1] + starting[j]), from what is held before: a triangular system of two diagonals.
    band = np.zeros((firsts.size + 1, 2))
    held = np.empty((len(wealth.held), firsts.size + 1))
    for bet, before in enumerate(wealth.held):
        held[bet, 0] = before
        np.multiply(factors[:, bet], starting, out=held[bet, 1:])
        np.negative(factors[:, bet], out=band[:-1, 1])
        held[bet] = dtbsv(1, band.T, held[bet], lower=1, diag=1)
    return Growth(blocks.block[firsts], held[:, 1:].T)


def watched(wealth: Wealth, blocks: Blocks, nulls: FloatArray, probability_floor: float) -> Growth:
    """The detector through some blocks.

    Args:
        wealth: before them.
        blocks: later than that, of which one at least has units.
        nulls: by hour of the week, in (0, 1).
        probability_floor: the least sampling probability.
    """
    hours = blocks.hours
    m = nulls[:, None]
    stakes = np.minimum(GAPS / (m * (1 - m)), _MOST_LOST / (1 - m))[hours]
    stakes *= (probability_floor / blocks.probabilities * (nulls[hours] - blocks.values))[:, None]
    gains = np.log1p(stakes, out=stakes)
    # Those who start in a block without units hold 1 when the next one comes.
    starting = np.diff(blocks.block[blocks.firsts], prepend=wealth.last).astype(np.float64)
    return grown(wealth, blocks, gains, starting)


def threshold(monitors: int) -> float:
    """What bettors hold when one of so many monitors raises an alarm."""
    return float(PATIENCE * monitors)
