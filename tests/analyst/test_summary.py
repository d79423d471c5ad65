"""From counts to plain numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.bounds import estimate
from proxy.analyst.summary import Lost, summarise
from tests.analyst.counted import row, rows

NOTHING_LOST = Lost(missing={}, by_probability={}, paused=0)


def test_missing_ones_are_the_worst_on_either_side_and_not_in_the_estimate():
    summary = summarise(rows(80, 10, missing={"unavailable": 7, "expired": 3}), decides="label", lost=NOTHING_LOST)

    assert summary.pairs == 100
    assert summary.overall.units == 100
    assert summary.overall.missing == {"unavailable": 7, "expired": 3}
    assert summary.overall.missing_share == 0.1
    assert estimate(summary.overall.low) == 0.8
    assert estimate(summary.overall.high) == 0.9
    assert estimate(summary.overall.valid) == pytest.approx(80 / 90)


def test_lost_captures_are_missing_in_all_alone():
    counts = rows(98, 0) + rows(98, 0, segment=("language", "en"))
    lost = Lost(missing={"too_large": 1, "shed": 1}, by_probability={1.0: 2}, paused=0)

    summary = summarise(counts, decides="label", lost=lost)

    assert summary.overall.missing == {"too_large": 1, "shed": 1}
    assert summary.overall.missing_share == 0.02
    assert estimate(summary.overall.low) == 0.98
    assert estimate(summary.overall.high) == 1
    assert summary.overall.units == 100  # lost ones are units that were due
    assert summary.lost_share == pytest.approx(2 / 100)
    [segment] = summary.segments
    assert (segment.missing, segment.missing_share, estimate(segment.low)) == ({}, 0, 1)


def test_a_capture_shed_by_the_relay_and_a_pair_shed_by_the_worker_are_one_kind():
    lost = Lost(missing={"shed": 2}, by_probability={1.0: 2}, paused=0)

    assert summarise(rows(10, missing={"shed": 3}), decides="label", lost=lost).overall.missing == {"shed": 5}


def test_lost_captures_weigh_as_much_as_those_sampled_like_them():
    lost = Lost(missing={"failed": 10}, by_probability={0.1: 10}, paused=0)

    summary = summarise(rows(90, probability=0.1), decides="label", lost=lost)

    assert summary.overall.missing_share == pytest.approx(0.1)
    assert estimate(summary.overall.low) == pytest.approx(0.9)


def test_what_was_left_out_while_paused_is_outside_of_the_evidence():
    counts = [*rows(60), row("excluded:paused", 15), row("excluded:teacher_error", 40)]

    summary = summarise(counts, decides="label", lost=Lost(missing={}, by_probability={}, paused=5))

    assert summary.pairs == 60
    assert summary.excluded == {"paused": 20, "teacher_error": 40}
    assert summary.overall.excluded_share == 0.25
    assert summary.overall.missing_share == 0


def test_what_was_left_out_beyond_a_budget_is_told_apart_and_weighed():
    """Half of what came while the student was beyond its budget was drawn, and then paused."""
    paused = [row("excluded:paused", 10, probability=0.5), row("over_budget", 5, probability=0.5)]
    thinned = [row("excluded:sampled_out", 70, probability=0.5)]

    summary = summarise([*rows(80, probability=1.0), *paused, *thinned], decides="label", lost=NOTHING_LOST)

    assert summary.excluded == {"paused": 10, "sampled_out": 70}
    assert (summary.overall.excluded_share, summary.overall.over_budget_share) == (0.2, 0.1)


def test_a_pause_is_not_sampled_so_its_captures_stand_for_themselves():
    summary = summarise(rows(10, probability=0.1), decides="label", lost=Lost(missing={}, by_probability={}, paused=25))

    assert summary.overall.excluded_share == pytest.approx(25 / 125)


def test_another_comparator_does_not_decide_and_is_told_beside_it():
    wording = [
        row("low", 10, bin_=100, comparator="wording"),
        row("score", 10, bin_=29, comparator="wording"),
        row("score_micros", 2_950_000, comparator="wording"),
        row("agreed", 1, comparator="wording"),
    ]

    summary = summarise(rows(8, 2) + wording, decides="label", lost=NOTHING_LOST)

    assert summary.overall.units == 10
    assert summary.comparators["label"].agreement == 0.8
    assert summary.comparators["wording"].mean == pytest.approx(0.295)
    assert summary.comparators["wording"].agreement == pytest.approx(0.1)


def test_costs_that_are_not_known_are_taken_to_be_like_the_known_ones():
    counts = [*rows(10), row("teacher_priced", 5), row("teacher_nano_usd", 5_000_000_000)]

    summary = summarise(counts, decides="label", lost=NOTHING_LOST)

    assert (summary.teacher_cost.usd, summary.teacher_cost.whole_usd) == (5.0, 10.0)
    assert (summary.student_cost.usd, summary.student_cost.whole_usd) == (None, None)


def test_the_whole_traffic_costs_what_the_sample_stands_for():
    counts = [
        *rows(10, probability=0.1),
        row("teacher_priced", 10, probability=0.1),
        row("teacher_nano_usd", 10_000_000_000, probability=0.1),
    ]

    cost = summarise(counts, decides="label", lost=NOTHING_LOST).teacher_cost

    assert cost.usd == 10
    assert cost.whole_usd == pytest.approx(100)


def test_no_counts_at_all():
    summary = summarise([], decides="label", lost=NOTHING_LOST)

    assert (summary.pairs, summary.overall.units, summary.overall.missing_share) == (0, 0, 0)
    assert (summary.segments, summary.comparators, summary.kinds) == ((), {}, {})


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4), st.randoms())
def test_rows_in_any_order_and_split_in_any_way_come_to_the_same(numbers, random):
    first, second, third, fourth = numbers
    whole = rows(first + second, third, missing={"shed": fourth}, segment=("language", "en")) + rows(
        first + second, third
    )
    split = (
        rows(first, third, segment=("language", "en"))
        + rows(second, 0, missing={"shed": fourth}, segment=("language", "en"))
        + rows(second, third)
        + rows(first)
    )
    random.shuffle(split)

    one, other = (summarise(each, decides="label", lost=NOTHING_LOST) for each in (whole, split))

    assert one.pairs == other.pairs
    for left, right in zip((one.overall, *one.segments), (other.overall, *other.segments), strict=True):
        assert (left.units, left.missing, left.missing_share) == (right.units, right.missing, right.missing_share)
        assert left.low.counts.tolist() == right.low.counts.tolist()
        assert left.high.counts.tolist() == right.high.counts.tolist()


def of_format(agreed: int, disagreed: int = 0, **where):
    scored = {"comparator": "format", **where}
    return [
        row(measure, n, bin_=bin_, **scored)
        for measure in ("low", "high", "valid")
        for n, bin_ in ((agreed, 100), (disagreed, 0))
    ]


def test_what_another_comparator_has_no_score_of_is_missing_to_it():
    counts = [
        *rows(80, 10, missing={"unavailable": 10}),
        *of_format(70, 5),  # it failed on 15 of those that were answered
        *rows(50, segment=("language", "en")),
        *of_format(50, segment=("language", "en")),
    ]
    lost = Lost(missing={"shed": 2}, by_probability={1.0: 2}, paused=0)

    summary = summarise(counts, decides="label", lost=lost, also=["format"])

    said = summary.overall.also["format"]
    assert (said.units, said.unscored) == (102, 25)
    assert estimate(said.low) == pytest.approx(70 / 102)
    assert estimate(said.high) == pytest.approx(97 / 102)
    assert estimate(said.valid) == pytest.approx(70 / 75)
    [english] = summary.segments
    assert (english.also["format"].units, english.also["format"].unscored) == (50, 0)


def test_missing_scores_of_another_comparator_weigh_as_their_units_do():
    counts = [*rows(90, probability=0.1), *rows(10), *of_format(45, probability=0.1), *of_format(10)]

    said = summarise(counts, decides="label", lost=NOTHING_LOST, also=["format"]).overall.also["format"]

    assert estimate(said.low) == pytest.approx((450 + 10) / 910)


def test_one_that_never_scored_has_nothing_but_missing_units():
    said = summarise(rows(90), decides="label", lost=NOTHING_LOST, also=["format"]).overall.also["format"]

    assert (said.units, said.unscored, estimate(said.low), estimate(said.high)) == (90, 90, 0, 1)
