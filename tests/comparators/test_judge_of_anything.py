"""Any answers and any requests are judged, odd, huge and hostile ones too."""

import pytest
from hypothesis import given

from comparators.base import Request
from comparators.kinds import KINDS
from tests.comparators.judge_asking import BAD, GOOD, ask, ask_one, judge
from tests.comparators.test_what_all_comparators_promise import ANSWERS, is_sound
from tests.fakes.judges import fair, judging
from tests.fakes.upstream import Upstream

FAIR = Upstream(judging(fair))


@pytest.fixture(scope="module", autouse=True)
def _a_fair_judge():
    with FAIR:
        yield


@given(teacher=ANSWERS, student=ANSWERS)
def test_any_two_answers_get_a_sound_score(teacher, student):
    comparator = judge(FAIR.url, both_orders=True)

    first, again = ask(comparator, (teacher, student), (teacher, student))

    assert is_sound(first)
    assert first == again
    assert first == ask_one(judge(FAIR.url, both_orders=True), teacher, student)
    assert set(first.kinds) <= {*KINDS, "refusal", "tool_calls"}
    assert ask_one(comparator, teacher, teacher).score == 1.0


@pytest.mark.parametrize("text", ["[" * 500_000, "\ud800" * 1000, "a " * 500_000, "\u2028" * 10_000, "\0" * 1000])
def test_huge_and_hostile_answers_are_judged_all_the_same(text):
    assert is_sound(ask_one(judge(FAIR.url, budget=None), text + "right", text))


def test_a_request_may_be_anything():
    deep: dict = {"type": "object"}
    for _ in range(5000):
        deep = {"properties": deep}
    for body in ({"messages": float("nan")}, {"tools": [deep]}, {"prompt": [1, 2, 3]}, {"input": {"a": None}}, {}):
        request = Request(surface="responses", body=body)
        assert ask_one(judge(FAIR.url), GOOD, BAD, request=request).kinds == ("judged_worse",)
