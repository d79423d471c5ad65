"""What a student may serve although it may not serve everything, and what only a rollout can show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.bounds import UnitCounts
from proxy.analysis.records import Circumstances, Gate, Slice
from proxy.analysis.serving import may_serve, mostly_later
from proxy.analysis.settling import settle
from proxy.analysis.verdict import decide

GATE = Gate(target=0.95, alpha=0.05, min_pairs=300, min_days=7)
CIRCUMSTANCES = Circumstances(probability_floor=1.0, full_days=7)


def counted(agreed, disagreed, key="all", value="", probability=1.0):
    units = UnitCounts.of([(probability, 1.0, agreed), (probability, 0.0, disagreed)])
    return Slice(key=key, value=value, units=agreed + disagreed, low=units, high=units, valid=units)


def served(*segments, gate=GATE, circumstances=CIRCUMSTANCES, overall=None, **money):
    overall = overall or counted(9_000, 1_000)
    gate = replace(gate, settled=settle(overall, segments, gate, circumstances.full_days))
    return may_serve(overall, decide(overall, segments, gate, circumstances).segments, gate, **money)


GERMAN, ENGLISH, FRENCH = (
    counted(1_980, 20, "language", "de"),
    counted(2_970, 30, "language", "en"),
    counted(4_050, 950, "language", "fr"),
)
SHORT = counted(6_930, 70, "length", "under-100")


def test_the_values_of_one_key_that_pass_and_are_the_most_traffic():
    assert served(GERMAN, ENGLISH, FRENCH).values == ("de", "en")
    told = served(GERMAN, ENGLISH, FRENCH, SHORT)

    assert (told.key, told.values) == ("length", ("under-100",))
    assert told.share == pytest.approx(0.7)


def test_nothing_where_nothing_passes():
    assert served(FRENCH) is None
    assert served() is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("teacher_version", "gpt-4o"), ("label", "refund"), ("tenant", "other"), ("other", "other")],
)
def test_traffic_that_cannot_be_told_before_it_is_answered_is_not_handed_over(key, value):
    assert served(counted(6_930, 70, key, value)) is None
    assert served(counted(6_930, 70, key, value), GERMAN).key == "language"


def test_nothing_before_the_values_are_settled_nor_of_a_value_that_came_later():
    decision = decide(counted(9_000, 1_000), [GERMAN], GATE, CIRCUMSTANCES)

    assert decision.segments[0].verdict == "promote"
    assert may_serve(counted(9_000, 1_000), decision.segments, GATE) is None
    assert served(GERMAN, circumstances=replace(CIRCUMSTANCES, full_days=6)) is None


def test_nothing_that_was_chosen_after_looking():
    assert served(GERMAN, circumstances=replace(CIRCUMSTANCES, exploratory=True)) is None


def test_alpha_is_shared_by_all_settled_values():
    close = counted(683, 17, "tenant", "acme")
    others = [counted(400, 50, "tenant", f"t{n}") for n in range(19)]

    assert served(close).values == ("acme",)
    assert served(close, *others) is None


def test_the_share_is_of_the_traffic_and_not_of_the_sample():
    rare = counted(9_900, 100, "tenant", "rare")
    often = counted(1_000, 1_000, "tenant", "often", probability=0.1)
    mixed = UnitCounts.of([(1.0, 1.0, 10_000), (0.1, 1.0, 2_000)])
    overall = Slice(units=12_000, low=mixed, high=mixed, valid=mixed)
    weighted = replace(CIRCUMSTANCES, probability_floor=0.1)

    assert served(rare, often, overall=overall, circumstances=weighted).share == pytest.approx(10_000 / 30_000)


def test_a_conversation_that_is_a_unit_of_several_values_makes_no_share_above_one():
    values = [counted(9_900, 100, "length", band) for band in ("under-100", "100-500")]

    assert served(*values, overall=counted(9_900, 100)).share == pytest.approx(1.0)


def test_the_saving_is_the_share_of_what_serving_everything_saves():
    assert served(SHORT).saving_usd_per_month is None
    assert served(SHORT, saving_usd=1_000.0).saving_usd_per_month == pytest.approx(700.0)


def test_a_machine_costs_the_same_for_a_part_of_the_traffic():
    """The teacher costs 2,000 a month, the student's machine 1,500."""
    assert served(SHORT, saving_usd=500.0, fixed_usd=1_500.0).saving_usd_per_month == pytest.approx(0.7 * 2_000 - 1_500)


@given(st.dictionaries(st.sampled_from(["first", "later", "after_tool", "none"]), st.integers(0, 1_000)))
def test_later_turns_are_spoken_of_when_they_are_over_a_fifth_of_the_pairs(pairs):
    later = pairs.get("later", 0) + pairs.get("after_tool", 0)

    assert (mostly_later(pairs) is not None) == (5 * later > sum(pairs.values()))


def test_what_only_a_rollout_can_show_is_said_with_the_numbers():
    told = mostly_later({"first": 580, "later": 300, "after_tool": 120})

    assert told.startswith("42% of the pairs are later turns of conversations (30% later and 12% after_tool)")
    assert "Only a rollout can show" in told
    assert "after_tool" not in mostly_later({"first": 1, "later": 1})
