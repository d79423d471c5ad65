"""Any calls of tools declared in any way get a sound score."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import Answer, Request, ToolCall
from comparators.registry import build
from tests.comparators.pairs import calling
from tests.comparators.weather_calls import BERLIN, CHAT, PARIS, answer, weather


@pytest.mark.parametrize(
    "body",
    [
        {"tools": 3},
        {"tools": [3, {}, {"type": 3}, {"type": "function", "function": 3}, {"type": "function", "function": {}}]},
        {"functions": {"name": "weather"}},
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": "none"}}]},
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "nonsense"}}}]},
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"$ref": "#"}}}]},
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"anyOf": 3, "items": 3}}}]},
    ],
    ids=str,
)
def test_tools_of_any_shape_are_read(body):
    request = Request(surface="chat/completions", body=body)

    assert build("tool_calls", {}).compare(request, calling(BERLIN), calling(PARIS)).kinds == ("argument_changed",)


def test_many_parallel_calls_are_matched():
    teacher = [weather(city=f"City {number}", days=number) for number in range(60)]
    student = [weather(city=f"City {number}", days=-number) for number in reversed(range(60))]

    score = build("tool_calls", {}).compare(CHAT, answer(teacher), answer(student))

    assert score.kinds == ("argument_changed",)
    assert score.detail["fields"] - score.detail["equal"] == 59


VALUES = st.recursive(
    st.sampled_from([None, True, 0, 1, 1.0, 1.5, 10**400, "", "1", "true", "a", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["city", "days", "n"]), inner, max_size=3)
    ),
    max_leaves=6,
)
ARGUMENTS = st.one_of(st.text(max_size=5), VALUES.map(json.dumps))
CALLS = st.lists(
    st.builds(ToolCall, name=st.sampled_from(["weather", "now", "loose", "shell", "?"]), arguments=ARGUMENTS),
    max_size=4,
)
ANSWERS = st.builds(Answer, content=st.sampled_from([None, "", "a"]), tool_calls=CALLS.map(tuple))
OPTIONS = [{}, {"ordered": True}, {"check_arguments": False, "unordered": True, "tolerance": 1, "words": True}]


@pytest.mark.parametrize("options", OPTIONS)
@given(teacher=ANSWERS, student=ANSWERS)
def test_any_calls_get_a_sound_score_whoever_is_the_teacher(options, teacher, student):
    comparator = build("tool_calls", options)

    there, back = comparator.compare(CHAT, teacher, student), comparator.compare(CHAT, student, teacher)

    assert 0 <= there.score <= 1
    assert bool(there.kinds) is not there.agree
    assert (there.score, there.agree) == (back.score, back.agree)
    assert comparator.compare(CHAT, teacher, teacher).score == 1


@given(teacher=ANSWERS, student=ANSWERS)
def test_other_comparators_have_the_same_notion_of_equal_calls(teacher, student):
    calls = build("tool_calls", {"check_arguments": False}).compare(CHAT, teacher, student)
    text = build("json", {"response_format": False}).compare(CHAT, teacher, student)

    if teacher.tool_calls or student.tool_calls:
        assert (text.agree, text.kinds) == (calls.agree, calls.kinds)
