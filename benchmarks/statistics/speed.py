"""What an e-value, a bound and a verdict cost, beside the logarithms in numpy that such a gate cannot do without."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.statistics.figures import Figure
from proxy.analysis.bounds import ABOVE, UnitCounts, log_e_value, lower_bound
from proxy.analysis.records import Circumstances, Gate, Slice
from proxy.analysis.verdict import decide

TARGET, ALPHA = 0.95, 0.05
SEGMENTS = 10


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    times = 3 if quick else 30
    full = histogram(10_000_000)
    logarithms = np.linspace(-0.5, 0.5, ABOVE.fractions.size * full.values.size)
    yardstick = best(lambda: np.log1p(logarithms), times * 20)
    gate = best(lambda: log_e_value(full, TARGET, probability_floor=0.5), times * 20)
    bound = best(lambda: lower_bound(full, ALPHA, probability_floor=0.5), times)
    few, many = (best(lambda units=units: verdict(histogram(units)), times) for units in (10_000, 10_000_000))
    beside = f"{gate / yardstick:.1f} times numpy's log1p of {logarithms.size:,} numbers"
    return [
        Figure(
            "one e-value, 101 values at 2 sampling probabilities",
            "< 100 us",
            f"{gate * 1e6:.0f} us ({beside})",
            gate < 100e-6,
        ),
        Figure("one bound of the same", "< 3 ms", f"{bound * 1e3:.2f} ms ({bound / gate:.0f} e-values)", bound < 3e-3),
        Figure(
            f"a verdict with {SEGMENTS} segments: 10 million units against 10,000",
            "<= 1.5 times",
            f"{many / few:.2f} times ({many * 1e3:.0f} ms)",
            many <= 1.5 * few,
        ),
    ]


def histogram(units: int) -> UnitCounts:
    """Every value at two probabilities; 95% of the units have the value 1."""
    rows = [(p, value / 100, units // 20 // 200) for p in (1.0, 0.5) for value in range(100)]
    return UnitCounts.of([*rows, (1.0, 1.0, units // 2), (0.5, 1.0, units // 2)])


def verdict(counted: UnitCounts) -> None:
    slices = [
        Slice(key=key, value=str(n), units=counted.total, low=counted, high=counted, valid=counted)
        for n, key in enumerate(["all", *["tenant"] * SEGMENTS])
    ]
    gate = Gate(target=TARGET, alpha=ALPHA, min_pairs=1, min_days=0)
    decide(slices[0], slices[1:], gate, Circumstances(probability_floor=0.5, full_days=0))


def best(action: Callable[[], object], times: int) -> float:
    """Seconds of the quickest time."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
