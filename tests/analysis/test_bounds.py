"""The bounds: equal to the reference, lawful at every edge, exact for uneven sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis import bounds
from proxy.analysis.bounds import UnitCounts, estimate, log_e_below, log_e_value, lower_bound, upper_bound
from tests.analysis import section_l

GSM8K_LOWER, GSM8K_UPPER = 0.179335531, 0.254417299
ALPHAS = st.sampled_from([0.2, 0.05, 0.025, 0.01, 0.0005])
TARGETS = st.floats(0.02, 0.98)
HISTOGRAMS = st.dictionaries(st.integers(0, 100), st.integers(1, 100_000), min_size=1, max_size=8)
WEIGHTED = st.lists(
    st.tuples(st.sampled_from([1.0, 0.5, 0.1, 0.03]), st.integers(0, 100), st.integers(1, 100_000)),
    min_size=1,
    max_size=8,
)


def binary(agreed: int, of: int) -> UnitCounts:
    return UnitCounts.of([(1.0, 1.0, agreed), (1.0, 0.0, of - agreed)])


def from_bins(histogram: dict[int, int], probability: float = 1.0) -> UnitCounts:
    return UnitCounts.of((probability, bin_ / 100, n) for bin_, n in histogram.items())


@given(HISTOGRAMS, ALPHAS, st.sampled_from([1.0, 0.1]))
def test_bounds_are_those_of_the_reference_whatever_the_constant_sampling_probability(histogram, alpha, probability):
    values, counts = np.array(list(histogram)) / 100, np.array(list(histogram.values()))
    units = from_bins(histogram, probability)

    assert lower_bound(units, alpha, probability_floor=probability) == pytest.approx(
        section_l.lower_bound(values, counts, alpha), abs=1e-6
    )
    assert upper_bound(units, alpha, probability_floor=probability) == pytest.approx(
        section_l.upper_bound(values, counts, alpha), abs=1e-6
    )


@given(WEIGHTED, TARGETS)
def test_the_weighted_e_value_is_that_of_the_reference(rows, target):
    units = UnitCounts.of((p, bin_ / 100, n) for p, bin_, n in rows)
    p, v, n = (np.array(column, float) for column in zip(*rows, strict=True))

    expected = section_l.weighted_log_e(p, v / 100, n, target, 0.02)
    expected_below = section_l.weighted_log_e(p, 1 - v / 100, n, 1 - target, 0.02, section_l.UPPER)

    assert log_e_value(units, target, probability_floor=0.02) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert log_e_below(units, target, probability_floor=0.02) == pytest.approx(expected_below, rel=1e-9, abs=1e-9)


def test_the_recorded_grade_school_problems():
    """286 of 1,319 agree: figures of the reference, written down once."""
    values, counts = np.array([0.0, 1.0]), np.array([1319 - 286, 286])
    units = binary(286, 1319)

    assert estimate(units) == 286 / 1319
    assert lower_bound(units, 0.05, probability_floor=1.0) == pytest.approx(
        section_l.lower_bound(values, counts, 0.05), abs=1e-9
    )
    assert lower_bound(units, 0.05, probability_floor=1.0) == pytest.approx(GSM8K_LOWER, abs=1e-6)
    assert upper_bound(units, 0.05, probability_floor=1.0) == pytest.approx(GSM8K_UPPER, abs=1e-6)


@given(WEIGHTED, ALPHAS)
def test_the_estimate_lies_between_its_bounds(rows, alpha):
    units = UnitCounts.of((p, bin_ / 100, n) for p, bin_, n in rows)

    low = lower_bound(units, alpha, probability_floor=0.03)
    high = upper_bound(units, alpha, probability_floor=0.03)

    assert 0 <= low <= estimate(units) <= high <= 1


@given(WEIGHTED)
def test_more_confidence_is_a_wider_interval(rows):
    units = UnitCounts.of((p, bin_ / 100, n) for p, bin_, n in rows)
    alphas = (0.2, 0.05, 0.01, 0.0001)

    lows = [lower_bound(units, alpha, probability_floor=0.03) for alpha in alphas]
    highs = [upper_bound(units, alpha, probability_floor=0.03) for alpha in alphas]

    assert lows == sorted(lows, reverse=True)
    assert highs == sorted(highs)


@given(WEIGHTED, ALPHAS, TARGETS)
def test_a_bound_passes_a_target_just_when_the_e_value_says_so(rows, alpha, target):
    units = UnitCounts.of((p, bin_ / 100, n) for p, bin_, n in rows)
    low = lower_bound(units, alpha, probability_floor=0.03)
    high = upper_bound(units, alpha, probability_floor=0.03)

    if abs(low - target) > 1e-9:
        assert (low > target) == (log_e_value(units, target, probability_floor=0.03) >= math.log(1 / alpha))
    if abs(high - target) > 1e-9:
        assert (high < target) == (log_e_below(units, target, probability_floor=0.03) >= math.log(1 / alpha))


@given(st.lists(st.tuples(st.sampled_from([1.0, 0.5]), st.integers(0, 100), st.integers(1, 50)), max_size=20))
def test_counts_of_replicas_add_in_any_order_to_the_same_bits(rows):
    whole = [(p, bin_ / 100, n) for p, bin_, n in rows]
    one_by_one = [(p, v, 1) for p, v, n in reversed(whole) for _ in range(n)]

    for left, right in zip(_fields(UnitCounts.of(whole)), _fields(UnitCounts.of(one_by_one)), strict=True):
        assert np.array_equal(left, right)


def _fields(units: UnitCounts):
    return units.probabilities, units.values, units.counts


def test_without_units_nothing_is_known():
    nothing = UnitCounts.of([])

    assert estimate(nothing) is None
    assert lower_bound(nothing, 0.05, probability_floor=1.0) == 0
    assert upper_bound(nothing, 0.05, probability_floor=1.0) == 1
    assert log_e_value(nothing, 0.95, probability_floor=1.0) == 0
    assert bounds.units_needed(nothing, 0.95, 0.05, probability_floor=1.0) is None


@pytest.mark.parametrize("of", [1, 90, 10**8])
def test_all_agreeing_and_none_agreeing_end_at_one_and_zero(of):
    assert upper_bound(binary(of, of), 0.05, probability_floor=1.0) == 1
    assert lower_bound(binary(0, of), 0.05, probability_floor=1.0) == 0
    assert 0 < lower_bound(binary(of, of), 0.05, probability_floor=1.0) < 1
    assert 0 < upper_bound(binary(0, of), 0.05, probability_floor=1.0) < 1


def test_ninety_in_a_row_promote_at_95_percent_and_eighty_nine_do_not():
    """Table a.2: 90 pairs for the bets of twentieths alone; the small bets cost a few more."""
    first = next(n for n in range(1, 200) if lower_bound(binary(n, n), 0.05, probability_floor=1.0) >= 0.95)

    assert 90 <= first <= 95


@pytest.mark.parametrize(
    ("n", "below", "above"), [(10**4, 0.00749, 0.0066), (10**6, 0.00085, 0.00084), (10**8, 0.00008, 0.00008)]
)
def test_bounds_go_on_shrinking_with_huge_counts(n, below, above):
    """Table a.5, distances from an agreement of 95%."""
    units = binary(n * 95 // 100, n)

    assert 0.95 - lower_bound(units, 0.05, probability_floor=1.0) == pytest.approx(below, abs=0.000051)
    assert upper_bound(units, 0.05, probability_floor=1.0) - 0.95 == pytest.approx(above, abs=0.000051)


def test_the_estimate_undoes_uneven_sampling():
    """A tail of one tenth that agrees half of the time, sampled ten times as much as the head, which always agrees."""
    units = UnitCounts.of([(0.1, 1.0, 900), (1.0, 1.0, 500), (1.0, 0.0, 500)])

    assert estimate(units) == pytest.approx(0.95)
    assert lower_bound(units, 0.05, probability_floor=0.1) < 0.95 < upper_bound(units, 0.05, probability_floor=0.1)


def test_a_unit_sampled_below_the_floor_is_refused_as_a_bet_could_lose_more_than_all():
    with pytest.raises(ValueError, match="below the floor"):
        log_e_value(UnitCounts.of([(0.05, 1.0, 1)]), 0.95, probability_floor=0.1)


def test_a_much_lower_floor_costs_pairs():
    units = binary(980, 1000)

    assert lower_bound(units, 0.05, probability_floor=0.1) < lower_bound(units, 0.05, probability_floor=1.0)


FORECAST = {
    "all alike": [(1.0, 1.0, 194), (1.0, 0.0, 6)],
    "differences, most of them none": [(1.0, 0.5, 38)],
    "a slice sampled whole where the rest is thinned": [(1.0, 1.0, 40)],
    "both": [(1.0, 1.0, 400), (0.25, 1.0, 99), (0.25, 0.0, 1)],
}


@pytest.mark.parametrize(("rows", "target", "floor"), [
    (FORECAST["all alike"], 0.95, 1.0),
    (FORECAST["differences, most of them none"], 0.45, 1.0),
    (FORECAST["a slice sampled whole where the rest is thinned"], 0.95, 0.125),
    (FORECAST["both"], 0.95, 0.125),
])  # fmt: skip
def test_the_forecast_comes_about(rows, target, floor):
    """If units like those so far keep coming, so many more bring the bound to the target, and 2% fewer do not."""
    so_far = UnitCounts.of(rows)
    needed = bounds.units_needed(so_far, target, 0.05, probability_floor=floor)

    def lower_after(more: float) -> float:
        grown = UnitCounts(so_far.probabilities, so_far.values, so_far.counts * (1 + more / so_far.total))
        return lower_bound(grown, 0.05, probability_floor=floor)

    assert lower_after(needed + 1) >= target > lower_after(0.98 * needed - 1)


@given(WEIGHTED, TARGETS, ALPHAS)
def test_a_forecast_is_reached_or_there_is_none(rows, target, alpha):
    so_far = UnitCounts.of((p, v / 100, n) for p, v, n in rows)
    needed = bounds.units_needed(so_far, target, alpha, probability_floor=0.03)

    if needed is None:
        assert estimate(so_far) <= target + 0.001
    else:
        grown = UnitCounts(so_far.probabilities, so_far.values, so_far.counts * (1 + needed / so_far.total))
        assert log_e_value(grown, target, probability_floor=0.03) >= math.log(1 / alpha) - 1e-6


def test_there_is_no_forecast_where_agreement_is_under_the_target_and_none_to_come_where_it_is_proven():
    assert bounds.units_needed(binary(1000, 1000), 0.95, 0.05, probability_floor=1.0) == 0
    assert bounds.units_needed(binary(95, 100), 0.95, 0.05, probability_floor=1.0) is None
