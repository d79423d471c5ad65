"""A student's budget, kept by a worker over its restarts: fewer units, then a pause, then the next day."""

from __future__ import annotations

from collections import Counter

import pytest

from proxy.analyst.report import build_report
from proxy.shadow.budgets import LEAST
from proxy.store.base import PairFilter
from proxy.store.pair_json import pair_json
from proxy.store.records import TEACHER_REPLAY
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import exchange, student, world

NOON = 1_790_035_200.0 + 43_200.0
DAY = 86_400.0
PRICE = {"input": 1000, "output": 0}  # 0.02 USD an answer: 20 tokens


def answering(_):
    return json_reply(chat_completion("four", model="student-1"))


class Days:
    """A world whose time is set; each batch has a worker of its own."""

    def __init__(self, there):
        self.there = there
        self.at = NOON
        there.now = lambda: self.at
        self.number = 0

    def batch(self, count, at, **more):
        """Outcomes of so many exchanges that come at a moment."""
        self.at = at
        given = [
            exchange(number, prompt=f"question {number}", arrived_at=at - 1, captured_at=at, **more)
            for number in range(self.number, self.number + count)
        ]
        self.number += count
        self.there.run(*given)
        wanted = {each.id for each in given}
        return [each for each in self.there.pairs() if each.exchange.id in wanted]


def outcomes(pairs):
    return Counter(each.pair.outcome for each in pairs)


def thinnings(pairs):
    return {each.pair.thinning for each in pairs}


def budgeted(upstream, **budget):
    return student(url=upstream.url, price=PRICE, concurrency=4, budget=budget)


def entry(there, at):
    [only] = build_report(there.config, there.store, now=at, unsettled=None)["routes"]
    return only


def test_fewer_are_asked_about_then_none_and_all_again_the_next_day(tmp_path):
    with Upstream(answering) as upstream, world(tmp_path, budgeted(upstream, usd_per_day=1.0)) as there:
        days = Days(there)

        first = days.batch(30, NOON)  # 0.60 USD within a minute: too much by far for the twelve hours to come
        second = days.batch(100, NOON + 61)
        third = days.batch(20, NOON + 122)
        fourth = days.batch(20, NOON + DAY)

        assert (outcomes(first), thinnings(first)) == (Counter(agreed=30), {1.0})
        assert thinnings(second) == {LEAST}
        assert outcomes(second)["agreed"] == 20  # what was left
        assert 30 <= outcomes(second)["sampled_out"] <= 70
        assert outcomes(second).total() == 100
        assert outcomes(third).keys() == {"sampled_out", "paused"}
        assert outcomes(fourth)["agreed"] == 20
        assert len(upstream.seen) == 70

        weights = {each.id: pair_json(each)["weight"] for each in there.store.pairs(PairFilter())}
        assert {weights[each.id] for each in first} == {1.0}
        assert {weights[each.id] for each in second} == {1 / LEAST}
        [paused, *_] = (pair_json(each) for each in third if each.pair.outcome == "paused")
        assert (paused["agree"], paused["missing"]) == (None, None)
        assert paused["student_answer"] == {"error": {"kind": "over_budget", "message": "beyond its budget"}}

        [evidence] = there.store.evidences("r", "small")
        assert evidence.probability_floor == LEAST
        told = {
            outcome: there.counted("understudy_pairs_total", route="r", student="small", outcome=outcome)
            for outcome in ("agreed", "sampled_out", "paused")
        }
        assert told == outcomes([*first, *second, *third, *fourth])
        assert there.counted("understudy_student_errors_total", route="r", student="small", kind="over_budget") == 0


def test_the_report_shows_the_share_and_says_why(tmp_path):
    with Upstream(answering) as upstream:
        more = {"gate": {"min_pairs": 1, "min_days": 0}}
        with world(tmp_path, budgeted(upstream, usd_per_day=0.4), **more) as there:
            days = Days(there)
            for minutes in range(3):
                days.batch(40, NOON + 61 * minutes)

            only = entry(there, NOON + 3600)

            asked = only["units"]
            assert asked == 20
            assert only["excluded"]["kinds"] == outcomes(there.pairs()) - Counter(agreed=asked)
            assert only["excluded"]["share"] == only["excluded"]["over_budget_share"] > 0.2
            assert only["verdict"] == "undecided"
            assert any("beyond its budget" in reason for reason in only["reasons"])


def test_requests_a_second_pause_what_is_over(tmp_path):
    limited = {"budget": {"requests_per_second": 0.5}}
    with Upstream(answering) as upstream, world(tmp_path, student(url=upstream.url, **limited)) as there:
        pairs = Days(there).batch(25, NOON)

        assert outcomes(pairs) == {"agreed": 10, "paused": 15}  # a burst of ten
        assert thinnings(pairs) == {1.0}


def test_a_sample_and_a_budget_multiply_and_both_make_the_floor(tmp_path):
    with Upstream(answering) as upstream:
        sample = {"default": 0.2, "tenant=acme": 0.8, "app=none": 0}
        with world(tmp_path, budgeted(upstream, usd_per_day=0.5), sample=sample) as there:
            days = Days(there)
            days.batch(24, NOON, probability=0.8)
            thinned = days.batch(10, NOON + 61, probability=0.2)

            assert thinnings(thinned) == {LEAST}
            assert {pair_json(each)["weight"] for each in thinned} == {1 / (0.2 * LEAST)}
            assert there.store.evidences("r", "small")[0].probability_floor == 0.2 * LEAST
            rows = there.store.counts(there.store.evidences("r", "small")[0].id)
            assert {row.probability for row in rows} == {0.8, 0.2 * LEAST}


def test_the_teacher_asked_again_has_a_budget_too(tmp_path):
    teacher = {"replay_api_key": "sk-ours", "price": PRICE}
    with Upstream(answering) as upstream:
        route = {
            "teacher": {"url": upstream.url, **teacher},
            "noise_floor": {"share": 1.0, "usd_per_day": 0.2},
            "gate": {"relative_to": "noise_floor"},
        }
        with world(tmp_path, student(url=upstream.url), **route) as there:
            days = Days(there)
            days.batch(8, NOON)
            days.batch(40, NOON + 61)

            replays = list(there.store.pairs(PairFilter(student=TEACHER_REPLAY)))
            assert outcomes(replays)["agreed"] == 10
            assert thinnings(replays) == {1.0, LEAST}
            [evidence] = there.store.evidences("r", "small")
            assert evidence.probability_floor == LEAST  # of differences to it
            rows = there.store.counts(evidence.id)
            assert {row.probability for row in rows if row.comparator == "noise_floor"} == {1.0, LEAST}
            assert {row.probability for row in rows if row.comparator == "exact"} == {1.0}


@pytest.mark.parametrize("failing", ["ask", "comparator"])
def test_what_fails_has_the_probability_of_what_was_drawn(tmp_path, failing):
    comparator = "Exits" if failing == "comparator" else None
    with Upstream(answering) as upstream:
        uses = {"comparators": [{"use": f"tests.shadow.shadow_comparators:{comparator}"}]} if comparator else {}
        with world(tmp_path, budgeted(upstream, usd_per_day=0.5), **uses) as there:
            days = Days(there)
            days.batch(20, NOON)
            if failing == "ask":
                upstream.handler = lambda _: json_reply({"error": {"message": "no"}}, status=500)
            pairs = days.batch(10, NOON + 61)

            assert thinnings(pairs) == {LEAST}
            assert outcomes(pairs).keys() <= {"unavailable", "unscored", "sampled_out", "paused"}
            assert outcomes(pairs)["unavailable"] + outcomes(pairs)["unscored"] > 0
