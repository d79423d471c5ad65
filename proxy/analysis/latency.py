"""Quantiles of latencies that were counted in log-spaced bins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate


def quantile_ms(histogram: Mapping[int, float], share: float, *, step: float) -> float | None:
    """Milliseconds that ``share`` of the measurements do not exceed, exact to half a bin; None without any.

    Bin ``b`` stands for ``exp(b * step)`` milliseconds.  Counts may be weights.
    """
    bins = sorted(bin_ for bin_, count in histogram.items() if count > 0)
    if not bins:
        return None
    reached = list(accumulate(histogram[bin_] for bin_ in bins))
    wanted = share * reached[-1] * (1 - 1e-12)  # weights are not exact
    return math.exp(next(bin_ for bin_, sum_ in zip(bins, reached, strict=True) if sum_ >= wanted) * step)
