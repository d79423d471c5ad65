"""Drawn traffic: what is passed over changes nothing, and what is called wrong is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis import simulation
from proxy.analysis.bounds import log_e_below, log_e_value
from proxy.analysis.looks import Stream, Watch, first_of_all, first_of_any
from proxy.analysis.records import Gate
from proxy.analysis.simulated_alarms import first_alarm
from proxy.analysis.simulation import Change, Group, Traffic, decision_at, run

A, B = ("tenant", "a"), ("tenant", "b")


def gate(target=0.8, alpha=0.2, min_pairs=1, require=()) -> Gate:
    return Gate(target=target, alpha=alpha, min_pairs=min_pairs, min_days=0, require=require)


@st.composite
def streams(draw) -> Stream:
    """Units of two sampling probabilities and four values."""
    kinds = draw(st.lists(st.integers(0, 3), max_size=60))
    values = np.array(draw(st.lists(st.sampled_from([0.0, 0.3, 0.8, 1.0]), min_size=4, max_size=4)))
    return Stream.of(np.array([1.0, 0.5, 1.0, 0.5]), values, np.array(kinds, dtype=np.int64))


@given(streams(), st.booleans(), st.sampled_from([0.5, 0.2, 0.05]), st.integers(1, 60))
def test_the_first_look_found_is_the_first_of_all_looks(stream, above, alpha, begin):
    of = np.array([0, 1, 3])
    watch = Watch(stream, 0.8, alpha, probability_floor=0.5, of=of, above=above)
    begin = min(begin, stream.units)

    log_e = log_e_value if above else log_e_below
    wealths = [log_e(stream.at(look, of), 0.8, probability_floor=0.5) for look in range(begin, stream.units + 1)]
    expected = next((begin + n for n, log_wealth in enumerate(wealths) if log_wealth >= math.log(1 / alpha)), None)

    assert watch.next(begin) == expected


@given(streams(), st.sampled_from([0.5, 0.3]))
def test_all_at_once_and_any_of_several(stream, alpha):
    parts = [np.array([0, 1]), np.array([2, 3])]
    watches = [Watch(stream, 0.6, alpha, probability_floor=0.5, of=of) for of in parts]
    proven = np.array([[watch.next(n + 1) == n + 1 for n in range(stream.units)] for watch in watches])

    assert first_of_all(watches, 1) == first_true(proven.all(axis=0))
    assert first_of_any(watches, 1) == first_true(proven.any(axis=0))


def first_true(looks: np.ndarray) -> int | None:
    return int(looks.argmax()) + 1 if looks.any() else None


@pytest.mark.parametrize("seed", range(4))
def test_what_is_said_first_is_what_the_verdict_says_looked_at_after_every_unit(seed):
    traffic = Traffic((Group(0.7, 0.97, A), Group(0.3, (0.95, 0.4)[seed % 2], B, probability=0.5)), 250)
    asked = gate(min_pairs=20, require=(A, B))

    seen = run(traffic, asked, seed)

    verdicts = [decision_at(traffic, seen.stream, asked, look).verdict for look in range(1, 251)]
    promote, reject = (verdicts.index(word) + 1 if word in verdicts else None for word in ("promote", "reject"))
    assert seen.gate.verdicts == (promote, reject)
    assert (promote, reject) != (None, None)


def test_the_same_seed_is_the_same_run_and_another_is_another():
    traffic = Traffic((Group(1.0, 0.9),), 2_000)
    one, again, other = (run(traffic, gate(), seed) for seed in (1, 1, 2))

    assert np.array_equal(one.stream.kinds, again.stream.kinds)
    assert one.gate == again.gate
    assert not np.array_equal(one.stream.kinds, other.stream.kinds)


def test_traffic_is_what_was_asked_for():
    """Shares, agreement and uneven sampling, each to four standard errors."""
    traffic = Traffic((Group(0.9, 0.97), Group(0.1, 0.7, A, probability=0.1)), 40_000)
    stream = traffic.draw(np.random.default_rng(3))

    in_tail = stream.at(stream.units, traffic.kinds(A))
    share = 0.1 * 0.1 / (0.9 + 0.1 * 0.1)
    assert in_tail.total / 40_000 == pytest.approx(share, abs=4 * math.sqrt(share / 40_000))
    assert in_tail.counts[1] / in_tail.total == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / in_tail.total))
    assert traffic.probability_floor == 0.1


def test_agreement_drops_at_once_or_slides():
    group = Group(1.0, 0.9, changes=(Change(0.5, 3, 3), Change(0.7, 6, 10)))

    assert group.agreements(12) == pytest.approx([0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.54, 0.58, 0.62, 0.66, 0.7, 0.7])
    assert Traffic((group,), 6).truth() == pytest.approx([0.9, 0.9, 0.9, 0.8, 0.74, 0.7])


def test_the_truth_is_that_of_all_traffic_and_not_of_the_sample():
    traffic = Traffic((Group(0.9, 1.0, probability=0.1), Group(0.1, 0.5, A)), 10)

    assert traffic.truth() == pytest.approx(np.full(10, 0.95))
    assert traffic.truth(A) == pytest.approx(np.full(10, 0.5))


@pytest.mark.parametrize(
    ("agreement", "promotes_wrongly", "rejects_wrongly"), [(0.95, True, True), (0.96, False, True), (0.94, True, False)]
)
def test_a_promotion_is_wrong_at_the_target_and_a_rejection_too(agreement, promotes_wrongly, rejects_wrongly):
    """At the target a student is neither good enough nor proven bad."""
    asked, traffic = gate(target=0.95, alpha=0.05), Traffic((Group(1.0, agreement),), 3_000)
    runs = [run(traffic, asked, seed).naive for seed in range(60)]

    promoted = [each.wrong.promote for each in runs if each.verdicts.promote is not None]
    rejected = [each.wrong.reject for each in runs if each.verdicts.reject is not None]
    assert promoted
    assert rejected
    assert set(promoted) == {promotes_wrongly}
    assert set(rejected) == {rejects_wrongly}


def test_one_required_segment_under_the_target_makes_a_promotion_wrong():
    traffic = Traffic((Group(0.9, 1.0), Group(0.1, 0.94, A)), 400)
    asked = gate(target=0.95, alpha=0.4, require=(A,))
    runs = [run(traffic, asked, seed).naive for seed in range(60)]

    assert any(each.wrong.promote for each in runs)
    assert all(each.wrong.promote for each in runs if each.verdicts.promote is not None)


def test_watched_all_the_time_the_gate_errs_rarely_and_the_naive_interval_often():
    asked, traffic = gate(target=0.95, alpha=0.05), Traffic((Group(1.0, 0.95),), 5_000)
    runs = [run(traffic, asked, seed) for seed in range(300)]

    rate, error = simulation.share_of([each.gate.wrong.promote for each in runs])
    assert rate <= 0.05 + 2 * error
    naive, error = simulation.share_of([each.naive.wrong.promote for each in runs])
    assert naive == pytest.approx(0.36, abs=4 * error)  # exact: docs/statistics.md


def test_fewer_units_than_the_gate_asks_for_say_nothing():
    seen = run(Traffic((Group(1.0, 1.0),), 50), gate(min_pairs=51), 1)

    assert seen.gate.verdicts == seen.naive.verdicts == (None, None)


@pytest.mark.parametrize(("agreed", "units", "bounds"), [(95, 100, (0.901, 0.9755)), (0, 0, (0.0, 1.0))])
def test_wilsons_interval(agreed, units, bounds):
    """At alpha 0.05 by Wilson's formula as textbooks have it."""
    lower, upper = simulation.wilson(np.array([float(agreed)]), np.array([float(units)]), 0.05)

    assert (lower[0], upper[0]) == pytest.approx(bounds, abs=5e-4)


def test_shares_have_an_error_even_at_none_and_all():
    assert simulation.share_of([True, False, False, False]) == (0.25, pytest.approx(math.sqrt(0.25 * 0.75 / 4)))
    for all_alike in (True, False):
        rate, error = simulation.share_of([all_alike] * 98)
        assert rate == all_alike
        assert error == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("segment", [None, A])
def test_an_alarm_comes_after_a_drop_and_is_wrong_without_one(segment):
    dropped = Group(0.3, 0.99, segment, changes=(Change(0.8, 4_000, 4_000),))
    traffic = Traffic((Group(0.7, 0.99), dropped), 9_000)
    stable = Traffic((Group(0.7, 0.99), Group(0.3, 0.99, segment)), 9_000)
    asked = gate(target=0.95, alpha=0.05, require=traffic.segments)
    stream = traffic.draw(np.random.default_rng(1))

    alarm = first_alarm(traffic, stream, asked, pairs_per_day=3_000)
    assert alarm is not None
    assert 4_000 < alarm.opened < 9_000
    assert (alarm.segment, alarm.wrong) == (segment, False)
    assert first_alarm(stable, stream, asked, pairs_per_day=3_000).wrong
    quiet = stable.draw(np.random.default_rng(1))
    assert first_alarm(stable, quiet, asked, pairs_per_day=3_000) is None


def test_an_alarm_goes_by_the_time_that_pairs_take():
    """In blocks of 300 pairs it is seen no sooner than such a block ends."""
    traffic = Traffic((Group(1.0, 0.99, changes=(Change(0.5, 5_000, 5_000),)),), 9_000)
    stream = traffic.draw(np.random.default_rng(1))

    alarm = first_alarm(traffic, stream, gate(target=0.95, alpha=0.05), pairs_per_day=288 * 300)

    assert alarm is not None
    assert alarm.opened in {5_100, 5_400}
