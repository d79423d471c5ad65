"""The null of each block: made of blocks before it, breathing with the traffic, never of a time of alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.alarms import Policy, State, begun, run
from proxy.analysis.baselines import MARGIN, Baseline, Sums, renewed, seasonal
from proxy.analysis.blocks import DAY, WEEK, WEEK_HOURS, Blocks
from proxy.analysis.bounds import UnitCounts, lower_bound
from tests.analysis.streams import BEGIN, drawn, exactly, of_counts

HOURS = np.arange(WEEK_HOURS)
NIGHTS = 0.95 + 0.02 * np.sin(HOURS / 24 * 2 * np.pi)
WEEKENDS = 0.95 + np.where(HOURS // 24 >= 5, -0.025, 0.01)
CLEANING = np.where(HOURS // 6 == 9, 0.85, 0.95)  # one night of the week


def after(blocks: Blocks, floor: float | None = None) -> State:
    return run(begun(blocks.begin, Policy(floor)), blocks, 1)


def rates(by_hour, weeks: float):
    return by_hour[np.arange(BEGIN, BEGIN + int(weeks * WEEK)) // 12 % WEEK_HOURS]


def test_before_the_first_day_is_over_there_is_no_baseline():
    assert after(exactly((DAY - 1, 10, 0.95))).nulls() is None
    assert after(exactly((DAY, 10, 0.95))).nulls() is not None


def test_in_the_first_weeks_it_is_the_lower_bound_of_the_mean():
    state = after(exactly((WEEK, 10, 0.95)))
    units = UnitCounts.of([(1.0, 1.0, 19 * WEEK // 2), (1.0, 0.0, WEEK // 2)])

    assert state.nulls() == pytest.approx(np.full(WEEK_HOURS, lower_bound(units, 0.05, probability_floor=1.0)))


def test_while_the_first_week_is_not_over_its_week_end_may_be_still_to_come():
    """Four days of 95%, then two of 93.5%: no alarm."""
    state = after(drawn(np.repeat([0.95, 0.935], [4 * DAY, 2 * DAY]), 12.0, seed=3))

    assert state.episode is None


def test_after_three_weeks_it_is_the_mean_of_before_less_a_margin():
    nulls = after(exactly((3 * WEEK, 20, 0.95))).nulls()

    assert nulls == pytest.approx(np.full(WEEK_HOURS, 0.95 - MARGIN), abs=0.0003)
    assert (nulls <= 0.95 - MARGIN).all()


@pytest.mark.parametrize("by_hour", [NIGHTS, WEEKENDS, NIGHTS + WEEKENDS - 0.95])
def test_nights_and_week_ends_are_known_after_three_weeks(by_hour):
    season = np.array(after(drawn(rates(by_hour, 3), 60.0, seed=1)).baseline.season)

    assert np.abs(season - by_hour).mean() < 0.003
    assert np.abs(season - by_hour).max() < 0.02


def test_what_comes_every_week_is_known_after_it_came_twice_though_it_raised_alarms():
    """One night of the week ten points lower: nobody could know in the first, but in the fourth there is no alarm."""
    blocks = drawn(rates(CLEANING, 6), 30.0, seed=1)
    state, opened = begun(BEGIN, Policy(None)), set()
    for end in range(BEGIN + DAY, blocks.end + 1, DAY):
        state = run(state, blocks.between(BEGIN, end), 1)
        opened |= {state.episode.opened} if state.episode else set()

    assert opened
    assert max(opened) < BEGIN + 3 * WEEK
    assert np.abs(np.array(state.baseline.season) - CLEANING)[CLEANING < 0.9].max() < 0.03


def test_what_came_once_is_no_season():
    """A day at half the agreement, and all is well again: the next weeks' null is as it was."""
    before = after(exactly((4 * WEEK, 10, 0.95)))
    incident = after(exactly((4 * WEEK, 10, 0.95), (DAY, 10, 0.5), (2 * WEEK, 10, 0.95)))

    assert incident.episode is None
    assert incident.armed > BEGIN + 4 * WEEK
    assert incident.nulls() == pytest.approx(before.nulls(), abs=0.004)


def test_where_nothing_breathes_chance_makes_no_season():
    """Each hour of the week has 60 units, whose means scatter by three points."""
    state = after(drawn(np.full(3 * WEEK, 0.95), 1.7, seed=2))

    assert np.std(state.baseline.season) < 0.005


def test_few_units_are_trusted_less():
    few, many = (after(exactly((3 * WEEK, units, 0.95))) for units in (1, 20))

    assert few.nulls().max() < many.nulls().max() - 0.001


@given(st.integers(0, 3), st.sampled_from([1.0, 0.5, 0.1]))
def test_the_season_does_not_depend_on_how_many_were_sampled(day, probability):
    """On one day only every second or tenth unit is sampled, disagreements like agreements."""
    weights, values = np.full(WEEK_HOURS, 1000.0), 1000.0 * NIGHTS
    squares = np.where(day == HOURS // 24, 1000.0 / probability, 1000.0)

    mean, season = seasonal(weights, squares, values)

    assert mean == pytest.approx(NIGHTS.mean())
    assert season == pytest.approx(NIGHTS, abs=0.002)


def test_units_are_weighted_by_one_over_their_sampling_probability():
    seen = Sums().plus(of_counts([9], [1], probability=0.1))
    hour = BEGIN // 12 % WEEK_HOURS

    assert seen.weights[hour] == pytest.approx(100)
    assert seen.squares[hour] == pytest.approx(1000)
    assert seen.values[hour] == pytest.approx(90)


def test_the_floor_counts_once_the_lower_bound_was_at_it():
    state = after(exactly((DAY // 2, 20, 0.97)), floor=0.95)

    assert state.floors() == pytest.approx(np.full(WEEK_HOURS, 0.95))


def test_a_student_that_never_got_to_the_floor_cannot_fall_below_it():
    state = after(exactly((5 * DAY, 20, 0.94)), floor=0.95)

    assert state.floors() is None
    assert state.episode is None


def test_what_is_known_of_the_season_lets_the_floor_dip_and_never_rise():
    floors = after(drawn(rates(NIGHTS + 0.01, 3), 30.0, seed=4), floor=0.95).floors()

    assert floors.max() <= 0.95
    assert floors.min() == pytest.approx(0.93, abs=0.005)


def test_a_time_of_alarm_is_no_baseline():
    """Two weeks at half the agreement leave what the student is held against as it was."""
    state = after(exactly((4 * WEEK, 10, 0.95), (2 * WEEK, 10, 0.5)))

    assert state.open_episode
    assert state.nulls().min() > 0.93


def test_old_weeks_count_less_and_weeks_without_units_change_nothing():
    old = Baseline(BEGIN, sums=Sums().plus(exactly((WEEK, 10, 0.9))), renewed=3 * WEEK, weeks=3)

    empty = renewed(old, 0.05, 1.0)
    better = old
    for _ in range(8):
        better = renewed(replace(better, fresh=Sums().plus(exactly((WEEK, 10, 0.98)))), 0.05, 1.0)

    assert empty.sums == old.sums
    assert empty.weeks == 3
    assert (0.9 + 8 * 0.98) / 9 + 0.002 < better.mean < 0.98


@given(st.integers(WEEK, 4 * WEEK - 1), st.floats(0.0, 1.0))
def test_the_null_of_a_block_is_made_of_blocks_before_it(at, later):
    """Whatever comes from a block on, all that is held against what came before it is the same."""
    one = exactly((at, 3, 0.95), (30, 3, 0.95))
    other = exactly((at, 3, 0.95), (30, 3, later))

    seen = [run(begun(BEGIN, Policy(0.9)), each.between(BEGIN, BEGIN + at), 1) for each in (one, other)]

    assert seen[0] == seen[1]
    assert np.array_equal(seen[0].nulls(), seen[1].nulls())
