"""Many runs, and what is told of them: means and medians with their standard errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.statistics.figures import Figure, at_least, at_most
from proxy.analysis.bounds import FloatArray

SEED = 20261124


def draws(runs: int) -> Iterator[np.random.Generator]:
    return map(np.random.default_rng, np.random.SeedSequence(SEED).spawn(runs))


def mean_at_most(name: str, goal: float, numbers: Sequence[int]) -> Figure:
    return at_most(name, goal, float(np.mean(numbers)), error_of_mean(numbers))


def mean_at_least(name: str, goal: float, numbers: Sequence[int]) -> Figure:
    return at_least(name, goal, float(np.mean(numbers)), error_of_mean(numbers))


def error_of_mean(numbers: Sequence[int]) -> float:
    return float(np.sqrt(max(np.var(numbers), 1 / len(numbers)) / len(numbers)))


def mean_alone(name: str, numbers: Sequence[int], how: str) -> Figure:
    return Figure(name, "", how.format(np.mean(numbers)), error=f"{error_of_mean(numbers):.4f}")


def quantiles(name: str, found: Sequence[float], goal: float | None = None, how: str = "{:,.0f}") -> Figure:
    """Median and 90%, with the standard error of the median from its order statistics."""
    values: FloatArray = np.sort(found)
    middle, most = (float(values[int(q * (values.size - 1))]) for q in (0.5, 0.9))
    spread = 0.5 / np.sqrt(values.size)
    low, high = (float(values[int(q * (values.size - 1))]) for q in (0.5 - spread, 0.5 + spread))
    text = f"{how.format(middle)} ({how.format(most)})"
    asked = "" if goal is None else f"<= {goal:,}"
    return Figure(name, asked, text, goal is None or middle <= goal, how.format((high - low) / 2))
