"""Required segment values are settled once; a value may join, none leaves."""

from __future__ import annotations

import dataclasses

from proxy.analysis.bounds import UnitCounts
from proxy.analysis.records import Circumstances, Gate, Slice
from proxy.analysis.settling import joining, settle
from proxy.analysis.verdict import decide

GATE = Gate(target=0.9, alpha=0.05, min_pairs=300, min_days=0)
HERE = Circumstances(probability_floor=1.0, full_days=9)


def slice_of(units: int, agreeing: int, key: str = "all", value: str = "") -> Slice:
    counts = UnitCounts.of([(1.0, 1.0, agreeing), (1.0, 0.0, units - agreeing)])
    return Slice(key=key, value=value, units=units, low=counts, high=counts, valid=counts)


OVERALL = slice_of(10_000, 9_950)
COMMON, RARE = slice_of(9_950, 9_940, "tenant", "a"), slice_of(50, 10, "tenant", "b")


def test_nothing_is_settled_before_there_are_enough_units_and_days():
    gate = dataclasses.replace(GATE, min_days=7)
    assert settle(slice_of(299, 299), [COMMON], gate, full_days=9) == {}
    assert settle(OVERALL, [COMMON], gate, full_days=6) == {}


def test_values_with_a_hundredth_of_the_units_are_required():
    assert settle(OVERALL, [COMMON, RARE], GATE, full_days=0) == {("tenant", "a"): True, ("tenant", "b"): False}


def test_named_segments_alone_are_required_where_they_are_named():
    gate = dataclasses.replace(GATE, require=(("tenant", "b"),))
    assert settle(OVERALL, [COMMON, RARE], gate, full_days=0) == {("tenant", "a"): False, ("tenant", "b"): True}


def test_a_value_joins_with_a_twentieth_of_a_weeks_units():
    settled = {("tenant", "a"): True, ("tenant", "b"): False}
    week = {("tenant", "a"): 800, ("tenant", "b"): 150, ("tenant", "c"): 49}
    assert joining(settled, week, 1_000) == {("tenant", "b"): True}


def test_a_required_value_that_became_rare_is_still_asked_for():
    gate = dataclasses.replace(GATE, settled={("tenant", "a"): True, ("tenant", "b"): True})
    assert decide(OVERALL, [COMMON, RARE], gate, HERE).verdict == "reject"
    gate = dataclasses.replace(GATE, settled={("tenant", "a"): True, ("tenant", "b"): False})
    assert decide(OVERALL, [COMMON, RARE], gate, HERE).verdict == "promote"


def test_a_value_that_appears_later_never_promotes_on_its_own():
    late = slice_of(2_000, 2_000, "tenant", "late")
    gate = dataclasses.replace(GATE, settled={("tenant", "a"): True})
    decided = decide(OVERALL, [COMMON, late], gate, HERE)
    assert [segment.verdict for segment in decided.segments] == ["promote", "undecided"]
    assert "settled" in decided.segments[1].reasons[0]
