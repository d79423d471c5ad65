"""The search for the slices where agreement is worst, against every slice looked at one by one."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.search import Searched, candidates

TARGET, LEAST = 0.95, 5


def divergence(p, q):
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def worst_slice(searched, left):
    """The evidence of the slice that has most, and its conditions; by the definition."""
    rows, number = np.flatnonzero(left), searched.groups.size
    weight = searched.weights * searched.unit_shares
    best = (0.0, ())
    for first, second in itertools.combinations_with_replacement(range(number), 2):
        if first != second and searched.groups[first] == searched.groups[second]:
            continue
        inside = [row for row in rows if searched.holds[row, first] and searched.holds[row, second]]
        outside = [row for row in rows if row not in set(inside)]
        if not inside or not outside:
            continue
        units = weight[inside].sum() ** 2 / (weight[inside] * searched.weights[inside]).sum()
        p, q = (float(weight[part] @ searched.values[part] / weight[part].sum()) for part in (inside, outside))
        limit = min(max(min(q, TARGET), 1e-6), 1 - 1e-6)
        if units < LEAST - 1e-9 or weight[inside].sum() > weight[rows].sum() / 2 + 1e-9 or p >= limit:
            continue
        evidence = units * divergence(p, limit) - (1 + (first != second)) * math.log(number)
        best = max(best, (evidence, tuple(sorted({first, second}))), key=lambda each: each[0])
    return best


@st.composite
def small_samples(draw):
    rows, seed = draw(st.integers(20, 60)), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    keys = [random.integers(0, 3, rows) for _ in range(2)]
    holds = np.column_stack([key == value for key in keys for value in range(3)])
    return Searched(
        holds=holds,
        groups=np.repeat([0, 1], 3),
        values=(random.random(rows) < np.where(holds[:, 0] & holds[:, 4], 0.2, 0.9)).astype(float),
        weights=random.choice([1.0, 4.0], rows) if draw(st.booleans()) else np.ones(rows),
        unit_shares=random.choice([1.0, 0.5], rows) if draw(st.booleans()) else np.ones(rows),
    )


@given(small_samples())
def test_the_candidates_are_the_slices_with_most_evidence_one_after_the_other(searched):
    found = candidates(searched, target=TARGET, most=3, least_units=LEAST)

    left = np.ones(searched.values.size, dtype=bool)
    for candidate in found:
        evidence, conditions = worst_slice(searched, left)
        assert candidate.conditions == conditions
        assert evidence > 0
        assert 0 < candidate.line <= TARGET
        left &= ~searched.holds[:, conditions].all(axis=1)
    if len(found) < 3:
        assert worst_slice(searched, left)[0] <= 1e-9


def planted(*bad, rows=4_000):
    """Key 0 has the values 0 to 9 (columns 0 to 9), key 1 the values 0 to 3 (columns 10 to 13); ``bad`` are columns."""
    random = np.random.default_rng(5)
    keys = [(random.integers(0, 10, rows), 10), (random.integers(0, 4, rows), 4)]
    holds = np.column_stack([key == value for key, values in keys for value in range(values)])
    inside = np.logical_or.reduce([holds[:, columns].all(axis=1) for columns in bad])
    return Searched(
        holds=holds,
        groups=np.repeat([0, 1], [10, 4]),
        values=(random.random(rows) < np.where(inside, 0.6, 0.98)).astype(float),
        weights=np.ones(rows),
        unit_shares=np.ones(rows),
    )


def conditions(searched, **options):
    found = candidates(searched, **{"target": TARGET, "most": 20, "least_units": 30} | options)
    return [candidate.conditions for candidate in found]


def test_a_slice_is_named_once_and_by_no_more_than_it_takes():
    assert conditions(planted([3])) == [(3,)]
    assert conditions(planted([3, 11])) == [(3, 11)]
    assert sorted(conditions(planted([3], [7, 12]))) == [(3,), (7, 12)]


def test_no_more_than_asked_for_and_none_smaller_than_asked_for():
    assert conditions(planted([3], [7]), most=1) in ([(3,)], [(7,)])
    assert conditions(planted([3, 11]), least_units=600) == []


def test_what_is_bad_everywhere_or_good_enough_is_no_candidate():
    everywhere = planted([3])
    assert conditions(replace(everywhere, values=(np.arange(4_000) % 5 > 0).astype(float))) == []
    assert conditions(planted([3]), target=0.5) == []


def test_most_of_the_traffic_is_no_spot():
    searched = planted([10], [11], [12])
    together = np.column_stack([searched.holds[:, 10:13].any(axis=1), searched.holds[:, 13]])
    assert conditions(replace(searched, holds=together, groups=np.array([0, 0]))) == []


def test_the_line_lies_between_the_slice_and_the_rest_near_the_surer_one():
    [candidate] = candidates(planted([3]), target=0.99, most=20, least_units=30)

    assert 0.9 < candidate.line < 0.98


def test_nothing_is_found_in_nothing():
    nothing = Searched(
        holds=np.zeros((0, 2), bool), groups=np.array([0, 1]), values=np.zeros(0), weights=np.zeros(0),
        unit_shares=np.zeros(0),
    )  # fmt: skip

    assert conditions(nothing) == []
    assert conditions(replace(planted([3]), holds=np.zeros((4_000, 0), bool), groups=np.zeros(0, int))) == []
