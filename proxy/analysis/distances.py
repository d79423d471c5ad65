"""How far apart two samples are: distances of histograms and of mean features, and the share of what is new.  Pure.

What is measured of finite samples is too large on average, the more so the more bins there are.  What two samples of
one distribution would be apart on average is subtracted, so each of these is near 0 where nothing changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proxy.analysis.blocks import FloatArray, IntArray

RARE = 0.001  # share of a reference that its rarest bins hold together
PER_BIN = 20  # exchanges of the smallest window for each bin on average, or the rarer ones are put together
LEAST_IN_BIN = 10  # exchanges of the smallest window, or those bins would stand alone that are full by chance
_SMOOTHING = 0.001  # share added to each bin in PSI, for which an empty one would be infinitely far away


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """Sums of one feature over exchanges, each weighted by 1 / its sampling probability.

    One sample, or several at once: then all three have one more axis in front.
    """

    sums: FloatArray  # of shape (..., bins)
    weights: FloatArray  # of shape (...): sum of the exchanges' weights
    squares: FloatArray  # of shape (...): sum of their squares

    @property
    def n(self) -> FloatArray:
        """How many exchanges of equal weight tell as much (Kish 1965)."""
        effective: FloatArray = self.weights**2 / self.squares
        return effective

    @property
    def shares(self) -> FloatArray:
        shares: FloatArray = self.sums / self.sums.sum(axis=-1, keepdims=True)
        return shares

    @property
    def means(self) -> FloatArray:
        means: FloatArray = self.sums / self.weights[..., None]
        return means

    def together(self) -> Sample:
        """One sample of several."""
        return Sample(self.sums.sum(axis=0), self.weights.sum(axis=0), self.squares.sum(axis=0))

    def without(self, others: Sample) -> Sample:
        """What is left when some, or each of several, are taken out."""
        return Sample(self.sums - others.sums, self.weights - others.weights, self.squares - others.squares)

    def grouped(self, groups: IntArray, number: int) -> Sample:
        """Bins put together: ``groups`` says for each which of so many it goes to."""
        sums = np.zeros((*self.sums.shape[:-1], number))
        np.add.at(sums.T, groups, self.sums.T)
        return Sample(sums, self.weights, self.squares)


def jensen_shannon(some: Sample, others: Sample) -> FloatArray:
    """Jensen-Shannon divergence of histograms, bits (Lin 1991): 0 for the same shares, 1 where no bin is shared.

    Its square root is a distance.  Small ones are, in nats, an eighth of a chi-squared statistic over its number: hence
    the bias, ``(bins - 1) / (8 ln 2) (1/n + 1/m)``.
    """
    p, q = some.shares, others.shares
    middle = (p + q) / 2
    apart = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    bias = (np.count_nonzero(middle, axis=-1) - 1) / (8 * math.log(2)) * (1 / some.n + 1 / others.n)
    return _not_negative(apart - bias)


def stability_index(some: Sample, others: Sample) -> FloatArray:
    """Population stability index of histograms: the relative entropy of each from the other, nats, added.

    Its mean between samples of one distribution, ``(bins - 1) (1/n + 1/m)``, is subtracted (Yurdakul 2018).
    """
    used = (some.sums + others.sums) > 0
    p, q = (np.where(used, shares + _SMOOTHING, 1.0) for shares in (some.shares, others.shares))
    apart = ((p - q) * np.log(p / q)).sum(axis=-1)
    bias = (np.count_nonzero(used, axis=-1) - 1) * (1 / some.n + 1 / others.n)
    return _not_negative(apart - bias)


def mean_discrepancy(some: Sample, others: Sample) -> FloatArray:
    """Squared maximum mean discrepancy, without bias (Gretton and others 2012).  Below 0 by chance counts as 0.

    Of random Fourier features (Rahimi and Recht 2007): cosines, then as many sines, so each exchange's are of length 1
    when divided by the square root of their number, and what their mean's squared length lacks is their variance.
    """
    return _not_negative(_squared(some.means - others.means) - _variance(some) - _variance(others))


def novel_share(some: Sample, reference: Sample) -> float:
    """The share of words that the reference does not know, by the bins that words are hashed to.  NaN: nobody can tell.

    New words fall into every bin alike; known ones hardly ever into those bins of which the reference has nothing, or
    next to nothing.  So what these hold of the sample, over their share of all bins, estimates it: however many bins
    the reference has filled.
    """
    known = reference.sums
    rarest = np.argsort(known, kind="stable")
    rare = rarest[np.cumsum(known[rarest]) <= RARE * known.sum()]
    if not rare.size:
        return math.nan
    return float(some.sums[rare].sum() / some.sums.sum() / (rare.size / known.size))


def bins_in_common(whole: FloatArray, smallest: float) -> tuple[IntArray, int]:
    """The group that each bin goes to, and how many groups there are: the fullest bins alone, the others together.

    Args:
        whole: what all windows that are to be compared hold, by bin.
        smallest: effective number of exchanges of the smallest of these windows.
    """
    fullest = np.argsort(-whole, kind="stable")[: max(1, int(smallest / PER_BIN) - 1)]
    fullest = fullest[whole[fullest] * smallest >= LEAST_IN_BIN * whole.sum()]
    groups = np.zeros(whole.size, np.int64)
    groups[fullest] = 1 + np.arange(fullest.size)
    return groups, 1 + fullest.size


def smallest(*samples: Sample) -> float:
    """The effective number of exchanges of the smallest of these windows."""
    return min(float(sample.n.min()) for sample in samples)


def _not_negative(distances: FloatArray) -> FloatArray:
    clipped: FloatArray = np.maximum(0.0, distances)
    return clipped


def _relative_entropy(p: FloatArray, middle: FloatArray) -> FloatArray:
    """Bits, of a distribution from one that is nowhere 0 where it is not."""
    entropy: FloatArray = (p * np.log2(np.where(p > 0, p, 1) / np.where(middle > 0, middle, 1))).sum(axis=-1)
    return entropy


def _squared(means: FloatArray) -> FloatArray:
    """Squared length of mean features: half of them are cosines, the other half sines."""
    squared: FloatArray = (means**2).sum(axis=-1) / (means.shape[-1] / 2)
    return squared


def _variance(of: Sample) -> FloatArray:
    """That of the mean, over all dimensions."""
    variance: FloatArray = (1 - _squared(of.means)) / np.maximum(1, of.n - 1)
    return variance
