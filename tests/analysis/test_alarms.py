"""The life of an alarm, and that it is a function of the blocks alone."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis import alarms
from proxy.analysis.alarms import COOL_DOWN, Policy, State, begun, run
from proxy.analysis.blocks import DAY, WEEK, Blocks, merged
from tests.analysis.streams import BEGIN, drawn, exactly, in_parts, of_counts

FLOOR = Policy(0.93)
HEALTHY = (4 * DAY, 12, 0.97)


def after(*stretches, policy: Policy = FLOOR) -> State:
    return run(begun(BEGIN, policy), exactly(*stretches), 1)


def stream(seed: int, days: int, drop_at: float, drop_for: float, often: float = 0.7) -> Blocks:
    random = np.random.default_rng(seed)
    n = days * DAY
    place = np.arange(n) / n
    rates = np.where((place >= drop_at) & (place < drop_at + drop_for), 0.6, 0.97)
    units = random.poisson(random.choice([0.0, 1.0, 8.0], n)) * (random.random(n) < often)
    agreed = random.binomial(units, rates)
    return of_counts(agreed, units - agreed)


STREAMS = st.builds(
    stream, st.integers(0, 999), st.integers(2, 30), st.floats(0.1, 1), st.floats(0, 0.3), st.sampled_from([0.01, 0.7])
)


@given(STREAMS, st.sets(st.integers(1, 2 * DAY), max_size=8), st.booleans())
def test_stopping_and_starting_anywhere_changes_nothing_to_the_last_bit(blocks, cuts, stored):
    state = begun(BEGIN, FLOOR)
    for part in in_parts(blocks, {cut for cut in cuts if cut < blocks.end - BEGIN}):
        state = run(state, part, 1)
        if stored:
            state = msgspec.convert(msgspec.json.decode(msgspec.json.encode(state)), State)

    assert state == run(begun(BEGIN, FLOOR), blocks, 1)


def test_block_by_block_is_the_same_as_at_once():
    """Through an alarm, its end and the cool-down."""
    blocks = stream(5, 10, 0.5, 0.1)
    state, seen = begun(BEGIN, FLOOR), []
    for part in in_parts(blocks, range(1, blocks.end - BEGIN)):
        state = run(state, part, 1)
        seen.append(phase(state))

    assert state == run(begun(BEGIN, FLOOR), blocks, 1)
    assert [each for each, _ in itertools.groupby(seen)] == ["ok", "open", "closed", "ok"]


def phase(state: State) -> str:
    return "open" if state.open_episode else "closed" if state.episode else "ok"


@given(STREAMS, st.integers(0, 99))
def test_blocks_of_replicas_come_to_the_same_bits(blocks, seed):
    random = np.random.default_rng(seed)
    whose = random.integers(0, 4, blocks.counts.size)
    parts = [
        Blocks(
            blocks.begin,
            blocks.end,
            *(each[whose == replica] for each in (blocks.block, blocks.probabilities, blocks.values, blocks.counts)),
        )
        for replica in range(4)
    ]

    assert run(begun(BEGIN, FLOOR), merged(*parts), 1) == run(begun(BEGIN, FLOOR), blocks, 1)


def test_an_alarm_stays_open_while_agreement_stays_down():
    state = after(HEALTHY, (20 * DAY, 12, 0.90))

    assert state.open_episode
    assert 0 < state.open_episode.opened - (BEGIN + 4 * DAY) < 600 / 12


@pytest.mark.parametrize("days_down", [1, 20])
def test_it_closes_soon_once_agreement_is_back_however_long_it_was_down(days_down):
    back = BEGIN + (4 + days_down) * DAY

    state = after(HEALTHY, (days_down * DAY, 12, 0.80), (DAY, 12, 0.97))

    assert back < state.episode.closed < back + DAY


def test_it_hardly_ever_closes_while_agreement_is_down_by_as_little_as_the_recovery_asks():
    """A twentieth at most, of those that are at half a margin under the null exactly."""
    closed = []
    for seed in range(40):
        down = drawn(np.full(10 * DAY, 0.945), 12.0, seed, begin=BEGIN + 1)
        alarm = alarms.Episode(BEGIN, BEGIN, True, (0.9475,) * 168, alarms.Wealth.none(BEGIN + 1, 27))
        state = alarms.replace(begun(BEGIN, Policy(None)), until=BEGIN + 1, episode=alarm)
        closed.append(run(state, down, 1).open_episode is None)

    assert sum(closed) <= 5  # of 40; with probability 1/20 each, more have 1.4%


def test_for_a_day_afterwards_ten_times_as_much_is_asked():
    """A drop that raises an alarm just so, and not within the cool-down of another."""
    calm = after(HEALTHY, (DAY, 12, 0.80), (DAY, 12, 0.97))
    closed = calm.episode.closed
    begin = closed + 1
    bad = next(
        n
        for n in range(1, 200)
        if phase(run(calm_until(calm, begin + COOL_DOWN), worse(begin + COOL_DOWN, n), 1)) == "open"
    )

    within = run(calm_until(calm, begin), worse(begin, bad), 1)
    more = run(calm_until(calm, begin), worse(begin, 2 * bad), 1)

    assert phase(within) == "closed"
    assert phase(more) == "open"


def calm_until(state: State, block: int) -> State:
    """Gone on from the end of an alarm without units."""
    state = alarms.replace(state, until=state.episode.closed + 1, drop=alarms.Wealth.none(state.episode.closed + 1))
    return run(state, of_counts([0] * (block - state.until), [0] * (block - state.until), begin=state.until), 1)


def worse(begin: int, blocks: int) -> Blocks:
    return exactly((blocks, 12, 0.75), begin=begin)


def test_after_the_cool_down_it_is_armed_again_with_nothing_in_hand():
    state = after(HEALTHY, (DAY, 12, 0.80), (3 * DAY, 12, 0.97))

    assert state.episode is None
    assert state.armed > BEGIN + 6 * DAY
    assert phase(after(HEALTHY, (DAY, 12, 0.80), (3 * DAY, 12, 0.97), (DAY, 12, 0.90))) == "open"


def test_the_cool_down_is_a_day_from_the_block_that_closed_the_alarm():
    calm = after(HEALTHY, (DAY, 12, 0.80), (DAY, 12, 0.97))
    ends = calm.episode.closed + 1 + DAY

    assert calm_until(calm, ends - 1).episode
    assert calm_until(calm, ends).episode is None
    assert calm_until(calm, ends).armed == ends


def test_having_been_down_for_twenty_days_costs_little_more_than_for_one():
    """Back only just: whoever starts anew each day has spread her 1 over days, and not over blocks alone."""
    hours = []
    for days in (1, 20):
        state = after(HEALTHY, (days * DAY, 12, 0.80))
        back = exactly((4 * DAY, 12, 0.955), begin=state.until)
        while state.open_episode:
            state = run(state, back.between(state.until, state.until + 12), 1)
        hours.append((state.until - back.begin) / 12)

    assert hours[0] < hours[1] < 60  # by blocks alone it were some 70


def test_those_with_nothing_to_bet_against_do_not_start():
    """Else, with the first null, there would be as many bettors at once as blocks had gone by."""
    state = run(begun(BEGIN, Policy(None)), exactly((DAY + 1, 12, 0.97)), 1)

    assert state.armed == BEGIN + DAY
    assert max(state.drop.held) < 2


def test_a_good_student_that_falls_above_the_floor_breaks_its_baseline_alone():
    above = after((WEEK, 12, 0.985), (2 * DAY, 12, 0.945))

    assert above.open_episode
    assert not above.open_episode.floor_broken


def test_and_the_floor_too_when_it_falls_further_while_the_alarm_is_open():
    further = after((WEEK, 12, 0.985), (2 * DAY, 12, 0.945), (DAY, 12, 0.85))

    assert further.open_episode.floor_broken
    assert further.open_episode.opened < BEGIN + WEEK + 2 * DAY


def test_a_student_that_was_never_good_enough_still_has_a_baseline():
    fell = after((3 * DAY, 12, 0.90), (DAY, 12, 0.75))

    assert fell.open_episode
    assert not fell.open_episode.floor_broken


def test_blocks_without_units_are_no_news():
    healthy = run(begun(BEGIN, FLOOR), exactly(HEALTHY), 1)
    nothing = of_counts([0] * 2 * WEEK, [0] * 2 * WEEK, begin=healthy.until)

    assert run(healthy, nothing, 1).episode is None


@given(st.sampled_from([1, 12, 300]), st.integers(1, 4), st.sampled_from([1, 100]))
def test_heartbeat_whatever_the_traffic_a_total_failure_is_heard(units, weeks, monitors):
    """A detector that went silent for ever would look just like a healthy student."""
    failing = exactly((weeks * WEEK, units, 0.97), (100, units, 0.0))

    state = run(begun(BEGIN, FLOOR), failing, monitors)

    assert state.open_episode
    assert state.open_episode.opened - (BEGIN + weeks * WEEK) <= max(1, 30 // units)


def test_units_sampled_below_the_floor_are_refused_as_bets_could_lose_more_than_all():
    with pytest.raises(ValueError, match="below the floor"):
        run(begun(BEGIN, Policy(None, probability_floor=0.5)), exactly((1, 1, 1.0), probability=0.1), 1)


def test_a_gap_between_state_and_blocks_is_refused():
    with pytest.raises(ValueError, match="missing"):
        run(begun(BEGIN, FLOOR), exactly((1, 1, 1.0), begin=BEGIN + 1), 1)
