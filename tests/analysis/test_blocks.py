"""Blocks: counts of replicas add up, whatever their order; open blocks are left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.blocks import BLOCK_SECONDS, Blocks, merged
from proxy.analysis.bounds import UnitCounts

ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([1.0, 0.5, 0.1]), st.integers(0, 100), st.integers(0, 9)), max_size=30
)


def of(rows, *, begin=0, end=6) -> Blocks:
    starts, p, v, n = np.array(rows, float).reshape(-1, 4).T
    return Blocks.of(starts * BLOCK_SECONDS, p, v / 100, n, begin=begin * BLOCK_SECONDS, end=end * BLOCK_SECONDS)


def columns(blocks: Blocks):
    return (
        blocks.begin,
        blocks.end,
        *(each.tolist() for each in (blocks.block, blocks.probabilities, blocks.values, blocks.counts)),
    )


@given(ROWS, ROWS)
def test_what_replicas_counted_adds_up_to_the_same_bits_in_any_order(one, other):
    both = columns(of(one + other))

    assert columns(merged(of(one), of(other))) == both
    assert columns(merged(of(other), of(one))) == both
    assert columns(of([*reversed(other), *reversed(one)])) == both


@given(ROWS)
def test_time_forgotten_they_are_the_units_of_the_gate(rows):
    units = of(rows).units()
    expected = UnitCounts.of((p, v / 100, n) for _, p, v, n in rows)

    assert units.probabilities.tolist() == expected.probabilities.tolist()
    assert units.values.tolist() == expected.values.tolist()
    assert units.counts.tolist() == expected.counts.tolist()


@given(ROWS, st.integers(0, 6), st.integers(0, 6))
def test_a_part_is_what_was_counted_in_its_time(rows, begin, end):
    part = of(rows).between(begin, end)

    assert columns(part) == columns(of(rows, begin=begin, end=max(begin, end)))


def test_a_block_that_has_not_ended_is_left_out():
    rows = [(0, 1.0, 100, 3), (1, 1.0, 100, 5)]

    assert of(rows, end=1.99).units().total == 3
    assert of(rows, end=2).units().total == 8


def test_the_first_row_of_each_block_with_units():
    rows = [(2, 1.0, 0, 1), (2, 1.0, 100, 1), (5, 0.5, 100, 1), (5, 1.0, 100, 1)]

    assert of(rows).firsts.tolist() == [0, 2]
    assert of([]).firsts.tolist() == []


def test_blocks_of_other_times_do_not_add_up():
    with pytest.raises(ValueError, match="same time"):
        merged(of([], end=3), of([], end=4))
