"""Drift and divergence over windows: what a stable stream may do, what counts as another, and since when."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.analysis.distances import jensen_shannon
from proxy.analysis.divergence import divergence, output_js
from proxy.analysis.drift import drift
from proxy.analysis.windows import LEAST_WINDOWS, Windows, split, threshold

DAY = 86_400.0
BINS = 16
USUAL = np.arange(BINS, 0, -1) / np.arange(BINS, 0, -1).sum()
OTHER = USUAL[::-1]


def days(*shares, n=3_000, seed=1, feature="length", weight=1.0) -> Windows:
    """A window a day, each drawn from these shares."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, np.array(shares)).astype(float)
    number = np.full(len(shares), float(n))
    return Windows(DAY * np.arange(len(shares)), weight * number, weight**2 * number, {feature: weight * counts})


def mixed(share, other=OTHER):
    return (1 - share) * USUAL + share * other


def by_statistic(found):
    return {finding.statistic: finding for finding in found}


def test_a_stable_stream_has_values_thresholds_and_no_drift():
    found, since = drift(days(*[USUAL] * 31), "input")

    assert since is None
    assert [(each.side, each.feature, each.statistic, each.reference) for each in found] == [
        ("input", "length", "js", "trailing"),
        ("input", "length", "psi", "trailing"),
    ]
    assert [each.threshold for each in found] == [0.01, 0.055]
    assert not any(each.drifted for each in found)
    assert all(len(each.windows) == 3 for each in found)


def test_one_day_of_something_else_is_no_drift_two_of_three_are():
    one = days(*[USUAL] * 29, OTHER, USUAL)
    two = days(*[USUAL] * 28, OTHER, USUAL, OTHER)

    found, since = drift(one, "input")
    assert [look.beyond for look in found[0].windows] == [False, True, False]
    assert not found[0].drifted
    assert since is None

    found, since = drift(two, "input")
    assert [look.beyond for look in found[0].windows] == [True, False, True]
    assert all(each.drifted for each in found)
    assert since == 28 * DAY


def test_days_that_always_differed_from_each_other_are_their_own_measure():
    """Every seventh day is another: once the reference has some, that is how this traffic is."""
    week = [USUAL] * 5 + [mixed(0.5)] * 2

    found, since = drift(days(*week * 4, *week[-3:]), "input")

    assert by_statistic(found)["js"].threshold > 0.01
    assert since is None


def test_while_it_lasts_the_reference_stands_still_and_after_four_weeks_it_is_the_usual():
    stream = [USUAL] * 30 + [OTHER] * 40
    whole, since, course = days(*stream), None, []
    for end in range(31, 71):
        _, since = drift(whole.where(np.isin(np.arange(70), range(end - 31, end))), "input", since=since)
        course.append(since)

    assert course[0] is None  # one day of it
    assert course[1:26] == [30 * DAY] * 25
    assert course[-1] is None


def test_it_ends_when_the_stream_is_as_before():
    stream = [USUAL] * 30 + [OTHER] * 5 + [USUAL] * 3
    whole, since, course = days(*stream), None, []
    for end in range(31, 39):
        _, since = drift(whole.where(np.isin(np.arange(38), range(end - 31, end))), "input", since=since)
        course.append(since is not None)

    assert course == [False, True, True, True, True, True, False, False]


def test_a_frozen_reference_is_one_of_its_own():
    exported, newest = days(*[USUAL] * 7), days(*[OTHER] * 3)

    found, since = drift(newest, "input", frozen=exported)

    assert {each.reference for each in found} == {"export"}
    assert all(each.drifted for each in found)
    assert since == 0.0


@pytest.mark.parametrize(("number", "looked"), [(3, 0), (4, 1), (5, 2), (6, 3), (31, 3)])
def test_the_first_days_are_the_reference(number, looked):
    found, _ = drift(days(*[USUAL] * number), "input")

    assert [len(each.windows) for each in found] == [looked] * 2 * (looked > 0)


def test_windows_with_hardly_any_traffic_say_nothing():
    whole = days(*[USUAL] * 29, OTHER, OTHER)
    sums = whole.sums["length"].copy()
    sums[-2:] = 20 * OTHER
    few = dataclasses.replace(whole, weights=sums.sum(axis=1), squares=sums.sum(axis=1), sums={"length": sums})

    found, since = drift(few, "input")

    assert found[0].windows[-1].start == 28 * DAY
    assert since is None
    assert drift(days(*[USUAL] * 31, n=100), "input") == ([], None)
    assert drift(days(*[USUAL] * 31, n=0), "input") == ([], None)


def test_what_is_sampled_counts_as_what_it_stands_for_and_tells_as_much_as_it_is():
    found, _ = drift(days(*[USUAL] * 31, n=300, weight=10.0), "input")
    fewer, _ = drift(days(*[USUAL] * 31, n=300), "input")

    assert [each.value for each in found] == pytest.approx([each.value for each in fewer], abs=1e-12)


def test_a_value_that_nobody_used_before_is_told_when_it_takes_a_twentieth():
    old = np.array([0.6, 0.4, *[0] * 62])
    new = np.array([0.57, 0.38, *[0] * 60, 0.05, 0])

    found, since = drift(days(*[old] * 28, new, new, new, feature="system_prompt"), "input")

    assert all(each.drifted for each in found)
    assert since == 28 * DAY


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), number=st.integers(LEAST_WINDOWS + 1, 31), n=st.sampled_from([300, 3_000]))
def test_the_same_days_in_another_order_within_the_reference_are_the_same(seed, number, n):
    whole = days(*[USUAL] * number, seed=seed, n=n)
    ends, _, _ = split(whole.starts, None)
    order = np.r_[np.random.default_rng(seed).permutation(ends), ends:number]
    mixed_up = Windows(whole.starts, whole.weights, whole.squares, {"length": whole.sums["length"][order]})

    for some, others in zip(drift(whole, "input")[0], drift(mixed_up, "input")[0], strict=True):
        assert (some.value, some.threshold) == pytest.approx((others.value, others.threshold))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.001, 1))
def test_a_threshold_is_above_its_floor_and_all_that_was_usual(band, floor):
    limit = threshold(floor, np.array(band))

    assert limit >= floor
    assert limit >= 1.25 * max(band)
    assert threshold(floor, np.array(band), power=2) >= limit


def test_novelty_tells_new_words_beyond_those_that_always_come_up():
    rng = np.random.default_rng(5)

    def stream(more):
        """20,000 words a day; every day 20 words are new, and stay."""
        rows, vocabulary = [], 4_000
        for day in range(31):
            vocabulary += 20
            usage = rng.permutation(vocabulary) + 1.0
            row = np.zeros(16_384)
            np.add.at(row, (np.arange(vocabulary) * 7919) % 16_384, rng.multinomial(20_000, usage / usage.sum()))
            unknown = more if day >= 28 else 0
            np.add.at(row, rng.integers(0, 16_384, unknown), 1)
            rows.append(row)
        number = np.full(31, 2_500.0)
        return Windows(DAY * np.arange(31), number, number, {"novelty": np.array(rows)})

    [usual], since = drift(stream(0), "input")
    assert (usual.statistic, since) == ("novelty", None)

    [new], since = drift(stream(1_000), "input")
    assert new.value - usual.value == pytest.approx(0.05, abs=0.02)
    assert since == 28 * DAY


def test_output_js_is_that_of_the_feature_that_differs_most():
    teacher = days(*[USUAL] * 5, feature="length")
    same = days(*[USUAL] * 5, feature="length", seed=2)
    labels = days(*[OTHER] * 5, feature="label", seed=3)
    both = dataclasses.replace(teacher, sums={**teacher.sums, "label": days(*[USUAL] * 5).sums["length"]})
    student = dataclasses.replace(same, sums={**same.sums, "label": labels.sums["label"]})

    starts, values = output_js(both, student)

    assert starts.tolist() == teacher.starts.tolist()
    expected = jensen_shannon(both.of("label"), student.of("label"))
    assert values == pytest.approx(expected, abs=0.01)
    assert output_js(teacher, same)[1].max() < 0.01


def test_output_js_goes_by_days_that_both_have():
    teacher, student = days(*[USUAL] * 5), days(*[USUAL] * 5, seed=2)

    starts, values = output_js(teacher, student.where(student.starts != 2 * DAY))

    assert starts.tolist() == [0.0, DAY, 3 * DAY, 4 * DAY]
    assert len(values) == 4
    assert output_js(teacher, student.where(student.starts < 0))[1].size == 0


def test_divergence_is_held_against_the_days_before():
    starts = DAY * np.arange(10)
    level = [0.2, 0.21, 0.19, 0.2, 0.2, 0.21, 0.2]

    steady, since = divergence(starts, np.array([*level, 0.2, 0.22, 0.21]), 0.01)
    assert steady is not None
    assert (steady.value, steady.diverged, since) == (0.21, False, None)

    grown, since = divergence(starts, np.array([*level, 0.2, 0.4, 0.4]), 0.01)
    assert grown is not None
    assert (grown.value, grown.diverged, since) == (0.4, True, 8 * DAY)
    assert divergence(starts[:3], np.array(level[:3]), 0.01) == (None, None)
