"""Budgets are kept by asking about fewer units, ahead of time, and by pausing what is over even then."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.model import Budget as Limits
from proxy.shadow.budgets import LEAST, LEVELS, Asking, Budget, drawn, level_for, rate_of_last

MIDNIGHT = 1_790_035_200.0
HOUR, DAY = 3600.0, 86_400.0


class Ledger:
    """In memory, of every account and period."""

    def __init__(self):
        self.amounts = defaultdict(float)

    def spent(self, account, day):
        return self.amounts[account, day]

    def add(self, account, day, usd):
        self.amounts[account, day] += usd


class Clock:
    def __init__(self, at=MIDNIGHT):
        self.at = at

    def __call__(self):
        return self.at


class Traffic:
    """Requests one after the other, each answered at once; what became of them."""

    def __init__(self, *, ledger=None, at=MIDNIGHT, workers=1, **limits):
        self.clock = Clock(at)
        self.ledger = ledger or Ledger()
        self.workers = [Budget("student r/s", Limits(**limits), self.ledger, self.clock) for _ in range(workers)]
        self.asked = []  # (when, thinning, what became of it)
        self.usd = 0.0

    def flow(self, seconds, every, usd=0.0):
        end = self.clock.at + seconds
        while self.clock.at + every <= end:
            self.clock.at += every
            number = len(self.asked)
            with Asking(self.workers[number % len(self.workers)], f"unit {number}") as asking:
                if asking.left_out is None:
                    asking.usd = usd
                    self.usd += usd
            self.asked.append((self.clock.at, asking.thinning, asking.left_out or "asked"))
        self.clock.at = end
        return self

    def outcomes(self, since=0.0):
        return Counter(outcome for when, _, outcome in self.asked if when >= since)

    def levels(self):
        return {level for _, level, _ in self.asked}

    def changes(self):
        """When the level changed."""
        moments = [(when, level) for when, level, _ in self.asked]
        return [when for (_, before), (when, level) in itertools.pairwise(moments) if level != before]


@given(st.floats(0, 1e6), st.floats(-1e3, 1e6))
def test_a_level_is_the_highest_at_which_demand_is_within_the_allowance(demand, allowance):
    level = level_for(demand, allowance)

    assert level in LEVELS
    assert level * demand <= allowance or level == LEAST
    assert all(higher * demand > allowance for higher in LEVELS if higher > level)


@given(st.floats(1, 1e4), st.floats(0, 1e9), st.floats(0.001, 10))
def test_the_rate_of_an_even_stream_is_what_it_is_at_any_moment(window, now, rate):
    of_this = rate * (now % window)

    assert rate_of_last(window, now=now, this=of_this, before=rate * window) == pytest.approx(rate)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_level_has_all_units_of_a_lower_one(unit, one, other):
    assert drawn("a", unit, max(one, other)) or not drawn("a", unit, min(one, other))
    assert drawn("a", unit, 1.0)


def test_each_account_draws_its_own_share_and_apart_from_others():
    units = [f"unit {n}" for n in range(4000)]
    ours, theirs = ({unit for unit in units if drawn(account, unit, 0.5)} for account in ("a", "b"))

    assert 1850 < len(ours) < 2150
    assert 850 < len(ours & theirs) < 1150


def test_a_budget_that_suffices_changes_nothing():
    traffic = Traffic(usd_per_day=10.0, requests_per_second=1.0).flow(DAY, 20.0, usd=0.002)

    assert traffic.outcomes() == {"asked": 4320}
    assert traffic.levels() == {1.0}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("demand", [1.1, 1.4, 1.9])
def test_what_is_over_by_less_than_half_is_spread_over_the_day(demand, workers):
    """What a day would cost, over what it may."""
    traffic = Traffic(usd_per_day=1.0, workers=workers).flow(DAY, 10.0, usd=demand * 10.0 / DAY)

    assert 0.95 <= traffic.usd <= 1.0 + 10.0 / DAY * demand
    assert traffic.outcomes()["paused"] <= 0.01 * len(traffic.asked)
    assert traffic.levels() <= set(LEVELS)
    by_hour = Counter(int((when - MIDNIGHT) // HOUR) for when, _, outcome in traffic.asked if outcome == "asked")
    assert min(by_hour[hour] for hour in range(23)) >= 0.45 * 360


def test_beyond_half_of_it_is_asked_until_it_is_spent_and_then_none_until_the_next_day():
    traffic = Traffic(usd_per_day=1.0).flow(DAY - 1, 10.0, usd=4 * 10.0 / DAY)

    assert 0.99 <= traffic.usd <= 1.0 + 40.0 / DAY
    begun = next(when for when, _, outcome in traffic.asked if outcome == "paused")
    assert 0.35 < (begun - MIDNIGHT) / DAY < 0.55
    assert traffic.outcomes(begun)["asked"] == 0
    assert traffic.outcomes(begun)["paused"] == pytest.approx(traffic.outcomes(begun)["sampled_out"], rel=0.1)

    traffic.flow(HOUR, 10.0, usd=4 * 10.0 / DAY)  # it is known by now how much comes

    assert traffic.outcomes(MIDNIGHT + DAY)["asked"] == pytest.approx(180, abs=40)
    assert {level for when, level, _ in traffic.asked if when >= MIDNIGHT + DAY} == {LEAST}


def test_levels_change_once_a_minute_at_most():
    traffic = Traffic(usd_per_day=1.0)
    for busy in (1.0, 3.0, 0.5, 2.0, 1.5):
        traffic.flow(2 * HOUR, 1.0, usd=busy / DAY)

    changes = traffic.changes()
    assert len(changes) > 3
    assert all(later - sooner >= 59.0 for sooner, later in itertools.pairwise(changes))


def test_a_worker_that_starts_knows_what_was_spent_and_how_much_comes():
    first = Traffic(usd_per_day=1.0).flow(6 * HOUR, 10.0, usd=1.5 * 10.0 / DAY)
    level = first.asked[-1][1]

    second = Traffic(usd_per_day=1.0, ledger=first.ledger, at=first.clock.at).flow(60.0, 10.0, usd=1.5 * 10.0 / DAY)

    assert level < 1.0
    assert all(each == pytest.approx(level, abs=0.11) for each in second.levels())


def test_those_under_way_are_taken_to_cost_what_others_did():
    clock = Clock()
    budget = Budget("a", Limits(usd_per_day=1.0), Ledger(), clock)
    with Asking(budget, "first") as first:
        first.usd = 0.3

    under_way = [Asking(budget, f"unit {number}").__enter__() for number in range(20)]

    assert Counter(each.left_out for each in under_way) == {None: 3, "paused": 17}  # 0.3 and three times as much
    for each in under_way[:3]:
        each.__exit__()  # they failed, and cost nothing
    assert Asking(budget, "another").__enter__().left_out is None


def test_an_answer_of_unknown_cost_is_not_spent():
    traffic = Traffic(usd_per_day=1.0)
    with Asking(traffic.workers[0], "u"):
        pass

    assert not any(traffic.ledger.amounts.values())


@pytest.mark.parametrize(("come", "level"), [(1.9, 1.0), (2.4, 0.8), (3.2, 0.6), (10.0, LEAST)])
def test_requests_a_second_are_kept_as_a_mean(come, level):
    traffic = Traffic(requests_per_second=2.0).flow(HOUR, 1 / come)

    asked = [when for when, _, outcome in traffic.asked if outcome == "asked"]
    assert len(asked) <= 2.0 * HOUR + 20
    assert traffic.asked[-1][1] == level
    busiest = max(Counter(int(when // 60) for when in asked).values())
    assert busiest <= 2.0 * 60 + 20
    late = traffic.outcomes(MIDNIGHT + 10 * 60)
    assert (late["paused"] > 0.1 * late.total()) is (come == 10.0)


def test_a_burst_is_let_through_and_no_more():
    traffic = Traffic(requests_per_second=0.1).flow(1.0, 0.01)

    assert traffic.outcomes() == {"asked": 10, "paused": 90}


@given(
    st.floats(0.01, 5),
    st.lists(st.tuples(st.floats(60, 6 * HOUR), st.floats(20, 600), st.floats(0, 0.2)), max_size=8),
    st.floats(0, DAY),
)
def test_whatever_comes_no_day_goes_over_by_more_than_an_answer(usd_per_day, flows, begins):
    traffic = Traffic(usd_per_day=usd_per_day, at=MIDNIGHT + begins)
    for seconds, every, usd in flows:
        traffic.flow(seconds, every, usd)

    dearest = max((usd for _, _, usd in flows), default=0.0)
    days = {day: usd for (account, day), usd in traffic.ledger.amounts.items() if account == "student r/s"}
    assert all(usd <= usd_per_day + dearest + 1e-9 for usd in days.values())
    assert sum(days.values()) == pytest.approx(traffic.usd)
    assert traffic.levels() <= set(LEVELS)
    for number, (_, level, outcome) in enumerate(traffic.asked):
        assert (outcome == "sampled_out") is not drawn("student r/s", f"unit {number}", level)


@given(st.lists(st.floats(0, 2 * DAY), min_size=1, max_size=50))
def test_a_clock_that_jumps_does_no_harm(moments):
    clock, ledger = Clock(), Ledger()
    budget = Budget("a", Limits(usd_per_day=1.0, requests_per_second=0.01), ledger, clock)

    for number, moment in enumerate(moments):
        clock.at = MIDNIGHT + moment
        with Asking(budget, str(number)) as asking:
            assert asking.thinning in LEVELS
            asking.usd = 0.1

    assert all(usd <= 1.1 for (account, _), usd in ledger.amounts.items() if account == "a")
