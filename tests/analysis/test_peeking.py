"""Looking after every pair: safe for these bounds, unsafe for an interval that was made for one look.

Exact probabilities, not simulated ones: a chain over the number of disagreements, in which whoever is promoted leaves.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.statistics.exact import Leaving, chances, least_pairs, promoted
from proxy.analysis.bounds import ABOVE

ALPHA, TARGET, PAIRS = 0.05, 0.95, 5000
MOST = 400  # disagreements: with more than these an interval promotes nobody within so many pairs


def promoted_by(promotes: Leaving, agreement: float) -> np.ndarray:
    """The probability of having been promoted after each number of pairs, looking after every one."""
    return chances(promotes, agreement, PAIRS)


def by_one_look_interval(first: int) -> Leaving:
    """Wilson's one-sided 95% lower bound, from the ``first`` pair on."""
    z, disagreed = 1.6448536, np.arange(MOST + 1)

    def promotes(pairs: int) -> np.ndarray:
        mean = np.maximum(1 - disagreed / pairs, 0)
        half = z * np.sqrt(mean * (1 - mean) / pairs + z * z / (4 * pairs**2))
        return ((mean + z * z / (2 * pairs) - half) / (1 + z * z / pairs) > TARGET) & (pairs >= first)

    return promotes


@pytest.fixture(scope="module")
def betting() -> Leaving:
    """The project's own bound reaches the target."""
    return promoted(least_pairs(TARGET, ALPHA, PAIRS))


def test_a_student_at_the_target_is_promoted_with_probability_alpha_at_most(betting):
    promoted = promoted_by(betting, TARGET)

    assert promoted[-1] <= ALPHA
    assert promoted[-1] > 0.02  # nor is the gate so timid that this says nothing


def test_a_student_under_the_target_is_promoted_hardly_ever(betting):
    assert promoted_by(betting, 0.94)[-1] <= 0.01


def test_an_interval_for_one_look_promotes_far_too_often():
    assert promoted_by(by_one_look_interval(first=100), TARGET)[-1] == pytest.approx(0.331, abs=0.003)  # table a.2


@pytest.mark.parametrize(("agreement", "median"), [(0.97, 650), (0.98, 260), (0.99, 140), (0.96, 3100)])
def test_half_of_the_good_students_are_promoted_within(betting, agreement, median):
    """Goal numbers of STATISTICS.md, section j."""
    assert promoted_by(betting, agreement)[median - 1] >= 0.5


def test_uneven_sampling_is_safe_weighted_and_unsafe_unweighted():
    """The bad tail of the traffic is sampled a fifth as often as the rest: true agreement is 94.8%. Simulated."""
    random = np.random.default_rng(7)
    runs, requests = 100, 3000
    tail = random.random((runs, requests)) < 0.1
    agreed = random.random((runs, requests)) < np.where(tail, 0.75, 0.97)
    probability = np.where(tail, 0.1, 0.5)
    sampled = random.random((runs, requests)) < probability

    def promoted(weights: np.ndarray, floor: float) -> float:
        wealth = np.full((runs, requests), -np.inf)
        for weight, fraction in zip(ABOVE.log_weights, ABOVE.fractions, strict=True):
            stakes = fraction * floor / TARGET / weights
            gains = np.where(sampled, np.log1p(stakes * (agreed - TARGET)), 0)
            wealth = np.logaddexp(wealth, weight + gains.cumsum(axis=1))
        return (wealth >= np.log(1 / ALPHA)).any(axis=1).mean()

    assert promoted(probability, 0.1) <= ALPHA
    assert promoted(np.ones_like(probability), 1.0) > 3 * ALPHA
