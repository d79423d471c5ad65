"""The bet behind the bounds, reckoned unit by unit in exact fractions, and its fairness over all that can happen."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.bounds import ABOVE, UnitCounts, log_e_below, log_e_value

UNIT = st.tuples(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(1, 10)]), st.integers(0, 20))
FLOOR = Fraction(1, 10)


def wealth(units: list[tuple[Fraction, Fraction]], mean: Fraction) -> float:
    """Of one who starts with 1 and bets on each unit in turn, with the money spread over all bets."""
    total = 0.0
    for fraction, log_weight in zip(ABOVE.fractions, ABOVE.log_weights, strict=True):
        won = Fraction(1)
        for probability, value in units:
            won *= 1 + Fraction(float(fraction)) * FLOOR / mean / probability * (value - mean)
        total += math.exp(log_weight) * float(won)
    return total


def counted(units: list[tuple[Fraction, Fraction]]) -> UnitCounts:
    return UnitCounts.of((float(p), float(v), 1) for p, v in units)


@given(st.lists(UNIT, max_size=12), st.integers(1, 19), st.randoms())
def test_the_e_value_is_the_wealth_of_one_who_bets_unit_by_unit_in_whatever_order(rows, twentieths, random):
    units = [(p, Fraction(v, 20)) for p, v in rows]
    mean = Fraction(twentieths, 20)
    random.shuffle(units)

    expected = wealth(units, mean)

    assert math.exp(log_e_value(counted(units), float(mean), probability_floor=0.1)) == pytest.approx(expected)


@pytest.mark.parametrize("log_e", [log_e_value, log_e_below])
@pytest.mark.parametrize(
    "kinds",
    [
        # chance of being what is seen next, sampling probability, value: the mean of all traffic is 3/4
        [(Fraction(3, 4), 1, 1), (Fraction(1, 4), 1, 0)],
        [(Fraction(1, 2), 1, 1), (Fraction(1, 2), 1, Fraction(1, 2))],
        # a head that always agrees, sampled by half, and a half as large tail at 1/4, sampled whole
        [(Fraction(1, 2), Fraction(1, 2), 1), (Fraction(1, 8), 1, 1), (Fraction(3, 8), 1, 0)],
    ],
)
def test_on_average_nobody_wins_at_the_boundary(kinds, log_e):
    """Over every sequence of five units, wealth times its chance adds up to exactly what the bettor began with."""
    floor = float(min(p for _, p, _ in kinds))
    mean = sum(chance / p * v for chance, p, v in kinds) / sum(chance / p for chance, p, _ in kinds)
    assert mean == Fraction(3, 4)

    average = sum(
        float(math.prod(chance for chance, _, _ in seen))
        * math.exp(log_e(counted([(p, v) for _, p, v in seen]), 0.75, probability_floor=floor))
        for seen in itertools.product(kinds, repeat=5)
    )

    assert average == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("log_e", [log_e_value, log_e_below])
def test_it_ever_passes_one_over_alpha_with_probability_alpha_at_most(log_e):
    """Every sequence of ten pairs, with a look after each, at an alpha so large that it is reached often."""
    alpha, agreement = 0.4, 0.6
    passed = 0.0
    for outcomes in itertools.product((0, 1), repeat=10):
        looks = (
            log_e(UnitCounts.of((1.0, float(v), 1) for v in outcomes[:n]), agreement, probability_floor=1.0)
            for n in range(1, 11)
        )
        if any(log_wealth >= math.log(1 / alpha) for log_wealth in looks):
            passed += math.prod(agreement if v else 1 - agreement for v in outcomes)

    assert 0.05 < passed <= alpha
