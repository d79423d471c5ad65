"""The two halves of a sample, and the units that are counted in one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.sample import Half, SampledPair, halves


def pair(id_="a", agree=True, **more):
    return SampledPair(id_, agree, more.pop("segments", {}), **more)


PAIRS = st.lists(
    st.builds(pair, st.text(max_size=8), st.sampled_from([True, False, None]), unit=st.sampled_from(["", "u", "v"])),
    unique_by=lambda each: each.id,
    max_size=30,
)


def ids(half):
    return [each.id for each in half.pairs]


@given(PAIRS, PAIRS)
def test_what_comes_later_moves_no_pair_to_the_other_half(first, later):
    before, after = halves(first), halves([*later, *first])

    assert set(ids(before[0])) <= set(ids(after[0]))
    assert set(ids(before[1])) <= set(ids(after[1]))


@given(PAIRS)
def test_every_pair_is_in_one_half_and_a_unit_whole(pairs):
    searched, other = halves(pairs)

    assert sorted([*ids(searched), *ids(other)]) == sorted(each.id for each in pairs)
    assert not {each.unit for each in searched.pairs if each.unit} & {each.unit for each in other.pairs}


def test_the_split_is_never_drawn_again():
    searched, other = halves(pair(str(number)) for number in range(20))

    assert ids(searched) == ["0", "10", "11", "12", "14", "15", "16", "17", "2", "3", "6", "8", "9"]
    assert len(other.pairs) == 7
    halves_of_many = halves(pair(str(number)) for number in range(10_000))
    assert len(halves_of_many[0].pairs) == pytest.approx(5_000, abs=200)


def test_a_unit_counts_with_the_mean_over_those_of_its_pairs_that_are_there():
    half = Half.of([
        pair("a", True, unit="talk"),
        pair("b", False, unit="talk"),
        pair("c", False, unit="talk"),
        pair("d", True, weight=4.0),
    ])  # fmt: skip

    def rows(which):
        units = half.counted(np.array(which, dtype=bool), half.low)
        return list(zip(units.probabilities, units.values, units.counts, strict=True))

    assert rows([1, 1, 1, 1]) == [(0.25, 1.0, 1), (1.0, pytest.approx(1 / 3), 1)]
    assert rows([1, 1, 0, 0]) == [(1.0, 0.5, 1)]
    assert rows([0, 0, 0, 0]) == []
    assert half.probability_floor == 0.25
    assert half.unit_shares.tolist() == [pytest.approx(1 / 3)] * 3 + [1.0]
    assert half.first_of_units.tolist() == [0, 3]


def test_a_missing_pair_may_be_either():
    half = Half.of([pair("a", None), pair("b", True), pair("c", False)])

    assert (half.low.tolist(), half.high.tolist()) == ([0, 1, 0], [1, 1, 0])
    assert half.missing.tolist() == [True, False, False]
