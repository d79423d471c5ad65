"""The drop detector: equal to the reference, never blind, and false alarms as rare as promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.blocks import WEEK_HOURS, Blocks
from proxy.analysis.drops import GAPS, SPREAD, Wealth, threshold, watched
from tests.analysis import section_l
from tests.analysis.streams import BEGIN, drawn, exactly, in_parts, of_counts

NULL = np.full(WEEK_HOURS, 0.945)
COUNTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40)
NULLS = st.floats(0.02, 0.98)


def blocks_of(counts, *, probability: float = 1.0) -> Blocks:
    """Of (agreed, at 0.4, disagreed) units by block."""
    rows = [
        (300 * (BEGIN + n), probability, value, count)
        for n, row in enumerate(counts)
        for value, count in zip((1.0, 0.4, 0.0), row, strict=True)
    ]
    return Blocks.of(*zip(*rows, strict=True), begin=300 * BEGIN, end=300 * (BEGIN + len(counts)))


@given(COUNTS, NULLS, NULLS)
def test_wealth_is_that_of_the_reference_block_by_block(counts, by_day, by_night):
    blocks = blocks_of([*counts, (1, 0, 0)])
    nulls = np.where(np.arange(WEEK_HOURS) % 2, by_day, by_night)
    reference = section_l.SRDetector(A=1)
    for n, row in enumerate([*counts, (1, 0, 0)]):
        reference.block((1.0, 0.4, 0.0), row, nulls[(BEGIN + n) // 12 % WEEK_HOURS])

    growth = watched(Wealth.none(BEGIN), blocks, nulls, 1.0)

    assert np.log(growth.held[-1]) == pytest.approx(reference.logM, rel=1e-9, abs=1e-9)


@given(COUNTS, NULLS, st.sets(st.integers(1, 39)))
def test_block_by_block_is_the_same_as_at_once_to_the_last_bit(counts, null, cuts):
    blocks, nulls = blocks_of([*counts, (1, 0, 0)]), np.full(WEEK_HOURS, null)
    wealth = Wealth.none(BEGIN)

    for part in in_parts(blocks, {cut for cut in cuts if cut <= len(counts)}):
        if part.block.size:
            wealth = watched(wealth, part, nulls, 1.0).at(-1)

    assert wealth == watched(Wealth.none(BEGIN), blocks, nulls, 1.0).at(-1)


@given(
    NULLS, st.floats(0.0, 1.0), st.floats(0.01, 0.99), st.sampled_from([1.0, 0.5, 0.1]), st.sampled_from([0.1, 0.05])
)
def test_a_fair_bet_stays_fair_however_unevenly_units_are_sampled(null, worse, share, probability, floor):
    """The mean over a part that is sampled in full and another is the null: on average a bet multiplies wealth by 1."""
    worse *= null
    better = min(1.0, (null - share * worse) / (1 - share))
    null = share * worse + (1 - share) * better
    nulls = np.full(WEEK_HOURS, null)

    def multiplied(row, sampled):
        return watched(Wealth.none(BEGIN), blocks_of([row], probability=sampled), nulls, floor).held[0]

    average = 0.0
    for of_all, agreement, sampled in ((share, worse, probability), (1 - share, better, 1.0)):
        agreed, disagreed = multiplied((1, 0, 0), sampled), multiplied((0, 0, 1), sampled)
        average += of_all * (1 - sampled + sampled * (agreement * agreed + (1 - agreement) * disagreed))
        assert agreed.min() > 0.0099  # nobody can lose all that she has

    assert average == pytest.approx(np.ones(GAPS.size), rel=1e-9)


@pytest.mark.parametrize("units", [12_500, 1_000_000])
def test_a_block_of_very_many_units_does_not_make_it_blind(units):
    growth = watched(Wealth.none(BEGIN), exactly((50, units, 0.97), (3, units, 0.9)), NULL, 1.0)

    assert growth.first(SPREAD, threshold(1)) == 50


def test_wealth_that_is_not_a_number_is_an_error_and_no_silence():
    growth = watched(Wealth.none(BEGIN), exactly((3, 10, 0.9)), np.full(WEEK_HOURS, np.nan), 1.0)

    with pytest.raises(ArithmeticError, match="not a number"):
        growth.first(SPREAD, threshold(1))


def test_false_alarms_are_as_far_apart_as_promised():
    """At the null exactly, in every hour another one: 200 blocks on average or more at a threshold of 200."""
    nulls = np.random.default_rng(1).uniform(0.85, 0.97, WEEK_HOURS)
    rates = nulls[np.arange(BEGIN, BEGIN + 2_000) // 12 % WEEK_HOURS]
    lengths = []
    for seed in range(500):
        first = watched(Wealth.none(BEGIN), drawn(rates, 5.0, seed), nulls, 1.0).first(SPREAD, 200.0)
        lengths.append(2_000 if first is None else first + 1)

    assert np.mean(lengths) - 3 * np.std(lengths) / np.sqrt(500) > 200
    assert np.mean(lengths) < 1_000  # and it is no detector that never says anything


@pytest.mark.parametrize(("after", "within"), [(0.90, 600), (0.93, 3_500), (0.5, 60)])
def test_a_drop_is_found_within_some_hundred_pairs(after, within):
    """Disagreements come as evenly as can be, the case that is found last: chance is quicker on average."""
    blocks = exactly((500, 12, 0.95), (400, 12, after))

    first = watched(Wealth.none(BEGIN), blocks, NULL, 1.0).first(SPREAD, threshold(1))

    assert 500 < first <= 500 + within / 12


def test_no_units_no_bets():
    """A bettor who starts in an empty block is there when units come."""
    sparse = of_counts([0, 0, 0, 1], [0, 0, 0, 1])

    held = watched(Wealth.none(BEGIN), sparse, NULL, 1.0).held
    alone = watched(Wealth.none(BEGIN + 3), sparse.between(BEGIN + 3, BEGIN + 4), NULL, 1.0).held

    assert held == pytest.approx(4 * alone)


def test_twice_the_monitors_share_one_false_alarm():
    assert threshold(1) == 30 * 24 * 12
    assert threshold(20) == 20 * threshold(1)
