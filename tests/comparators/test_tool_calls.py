"""What ``tool_calls`` says of hand-made pairs: each with every kind of difference expected."""

import asyncio

import msgspec
import pytest

from comparators.base import Answer, ComparatorError
from comparators.registry import build
from tests.comparators.pairs import calling
from tests.comparators.weather_calls import BERLIN, CHAT, NOW_CALL, OLD, PARIS, RESPONSES, ROME, answer, call, weather

CASES = {
    # which tools
    "the same": ([BERLIN], [BERLIN], {}, []),
    "layout and key order": (
        [call("weather", '{"city": "Berlin", "days": 2}')],
        [call("weather", '{\n "days":2.0,\n "city":"Berlin"}')],
        {},
        [],
    ),
    "no arguments, written in two ways": ([call("now", "")], [call("now", "{}")], {}, []),
    "another tool": ([BERLIN], [NOW_CALL], {}, ["tool_extra", "tool_missing"]),
    "one call too few": ([BERLIN, PARIS], [PARIS], {}, ["tool_missing"]),
    "one call too many": ([BERLIN], [BERLIN, NOW_CALL], {}, ["tool_extra"]),
    "the same call twice": ([BERLIN], [BERLIN, BERLIN], {}, ["tool_extra"]),
    "words in place of a call": ([BERLIN], "It is warm.", {}, ["not_called"]),
    "nothing in place of a call": ([BERLIN], None, {}, ["not_called"]),
    "a call in place of words": ("It is warm.", [BERLIN], {}, ["called"]),
    # order
    "another order": ([BERLIN, NOW_CALL], [NOW_CALL, BERLIN], {}, []),
    "another order where it matters": (
        [BERLIN, NOW_CALL],
        [NOW_CALL, BERLIN],
        {"ordered": True},
        ["tools_reordered"],
    ),
    "one tool's calls in another order where it matters": (
        [BERLIN, PARIS, ROME],
        [PARIS, BERLIN, ROME],
        {"ordered": True},
        ["tools_reordered"],
    ),
    "the same order where it matters": ([BERLIN, NOW_CALL, PARIS], [BERLIN, NOW_CALL, PARIS], {"ordered": True}, []),
    "one call less, the others in order": (
        [BERLIN, NOW_CALL, PARIS],
        [BERLIN, PARIS],
        {"ordered": True},
        ["tool_missing"],
    ),
    # arguments
    "another value": ([BERLIN], [PARIS], {}, ["argument_changed"]),
    "an argument left out": ([weather(city="Berlin", note="x")], [BERLIN], {}, ["argument_missing"]),
    "an argument made up": ([BERLIN], [weather(city="Berlin", note="x")], {}, ["argument_invented"]),
    "parallel calls meet best": (
        [weather(city="Berlin", days=1), weather(city="Paris", days=2)],
        [weather(city="Paris", days=2), weather(city="Berlin", days=7)],
        {},
        ["argument_changed"],
    ),
    "parallel calls with near texts meet": (
        [weather(city="Berlin, Germany"), weather(city="Rome, Italy")],
        [weather(city="Rome"), weather(city="Berlin, Germany")],
        {},
        ["argument_changed"],
    ),
    # defaults of the schema
    "the default, said or not": ([weather(city="Berlin", days=3)], [BERLIN], {}, []),
    "the default by reference": ([BERLIN], [weather(city="Berlin", unit="c")], {}, []),
    "not the default": ([weather(city="Berlin", days=4)], [BERLIN], {}, ["argument_missing"]),
    "the default, but it does not count": (
        [weather(city="Berlin", days=3)],
        [BERLIN],
        {"defaults": False},
        ["argument_missing"],
    ),
    # types by the schema
    "a type that the schema forbids": (
        [weather(city="Berlin", days=5)],
        [weather(city="Berlin", days="5")],
        {},
        ["argument_changed", "arguments_invalid"],
    ),
    "the teacher's type is forbidden": (
        [weather(city="Berlin", days="5")],
        [weather(city="Berlin", days=5)],
        {},
        ["argument_changed", "teacher_invalid_format"],
    ),
    "a type that the schema allows too": (
        [weather(city="Berlin", code=5)],
        [weather(city="Berlin", code="5")],
        {},
        [],
    ),
    "a type of which the schema is silent": (
        [weather(city="Berlin", note=5)],
        [weather(city="Berlin", note="5")],
        {},
        [],
    ),
    "truth spelled": ([weather(city="B", note=True)], [weather(city="B", note="true")], {}, []),
    "another number spelled": (
        [weather(city="B", note=5)],
        [weather(city="B", note="6")],
        {},
        ["argument_changed"],
    ),
    "without a schema": ([call("loose", n=5)], [call("loose", n="5")], {}, []),
    "deep in the schema": (
        [weather(city="B", stops=[{"n": 1}, {"n": 2}])],
        [weather(city="B", stops=[{"n": 1}, {"n": "2"}])],
        {},
        ["argument_changed", "arguments_invalid"],
    ),
    # invalid arguments
    "no JSON": ([BERLIN], [call("weather", '{"city": "Berl')], {}, ["arguments_invalid"]),
    "the teacher's are no JSON": ([call("weather", "{")], [BERLIN], {}, ["teacher_invalid_format"]),
    "both the same and no JSON": ([call("weather", "{")], [call("weather", "{")], {}, []),
    "a required argument is missing": (
        [BERLIN],
        [call("weather")],
        {},
        ["argument_missing", "arguments_invalid"],
    ),
    "an argument that the tool does not know": (
        [BERLIN],
        [weather(city="Berlin", country="DE")],
        {},
        ["argument_invented", "arguments_invalid"],
    ),
    "both the same and against the schema": ([weather(town="B")], [weather(town="B")], {}, []),
    "a value that the schema forbids, ignored": (
        [weather(city="Berlin", unit="c")],
        [weather(city="Berlin", unit="k")],
        {"ignore": ["weather.unit"]},
        ["arguments_invalid"],
    ),
    "schemas not checked": (
        [BERLIN],
        [weather(city="Berlin", country="DE")],
        {"check_arguments": False, "ignore": ["*.country"]},
        [],
    ),
    "custom tools take text": ([call("shell", "ls -l")], [call("shell", "ls  -l")], {}, []),
    "another text for a custom tool": ([call("shell", "ls")], [call("shell", "{")], {}, ["argument_changed"]),
    # rules
    "a rule of one tool": (
        [weather(city="BERLIN")],
        [BERLIN],
        {"rules": [{"path": "weather.city", "ignore_case": True}]},
        [],
    ),
    "a rule of another tool": (
        [weather(city="BERLIN")],
        [BERLIN],
        {"rules": [{"path": "now.city", "ignore_case": True}]},
        ["argument_changed"],
    ),
    "an argument compared by another comparator": (
        [call("loose", query="cheap flights to Rome")],
        [call("loose", query="flights to Rome, cheap")],
        {"rules": [{"path": "loose.query", "compare": {"use": "text", "agree_at": 0.7}}]},
        [],
    ),
    "what another comparator finds counts": (
        [call("loose", query="cheap flights to Rome")],
        [call("loose", query="trains")],
        {"rules": [{"path": "loose.query", "compare": {"use": "text"}}]},
        ["argument_changed", "wording"],
    ),
    "a custom tool's text compared by another comparator": (
        [call("shell", "echo 1.0")],
        [call("shell", "printf 1")],
        {"rules": [{"path": "shell", "compare": "number"}]},
        [],
    ),
    "an array of arguments without order": (
        [call("loose", tags=["a", "b"])],
        [call("loose", tags=["b", "a"])],
        {"unordered": ["loose.tags"]},
        [],
    ),
    "a tolerance": ([call("loose", n=1.0)], [call("loose", n=1.05)], {"tolerance": 0.1}, []),
    "null for nothing": (
        [call("loose", a=1, b=None)],
        [call("loose", a=1)],
        {"null_is_missing": True},
        [],
    ),
    "a tool that does not count": ([BERLIN], [BERLIN, NOW_CALL], {"ignore": ["now"]}, []),
    "only a tool that does not count": ("Hello.", [NOW_CALL], {"ignore": ["now"]}, ["wording"]),
    # no calls at all
    "neither calls": ("It is warm in Berlin.", "it is warm in Berlin", {}, []),
    "neither calls, other words": ("It is warm.", "No idea", {}, ["wording"]),
    "neither calls, by another comparator": ("It is 20.", "Answer: 20", {"otherwise": "number"}, []),
}


@pytest.mark.parametrize("request_", [CHAT, RESPONSES, OLD], ids=["chat", "responses", "functions"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_kind_of_difference_is_found_and_no_other(case, request_):
    teacher, student, options, expected = case

    score = build("tool_calls", options).compare(request_, answer(teacher), answer(student))

    assert list(score.kinds) == expected
    assert score.agree is not bool(expected)
    assert msgspec.json.encode(score.detail)
    if expected not in ([], ["wording"]):
        assert score.score < 1


@pytest.mark.parametrize(
    ("teacher", "student", "score"),
    [
        ([BERLIN], [PARIS], 1 / 2),
        ([weather(city="B", days=1, note=1)], [weather(city="B", days=2, note=1)], 3 / 4),
        ([BERLIN, PARIS], [BERLIN], 2 / 4),
        ([BERLIN], "Warm.", 0),
        ([BERLIN], [call("weather", "no JSON")], 0),
    ],
)
def test_the_score_is_the_share_of_names_and_arguments_that_are_equal(teacher, student, score):
    comparator = build("tool_calls", {"check_arguments": False})

    assert comparator.compare(CHAT, answer(teacher), answer(student)).score == pytest.approx(score)
    assert comparator.compare(CHAT, answer(student), answer(teacher)).score == pytest.approx(score)


def test_refusing_is_told_from_answering_in_words():
    comparator = build("tool_calls", {})

    def kinds(teacher, student):
        return comparator.compare(CHAT, teacher, student).kinds

    assert kinds(calling(BERLIN), Answer(refusal="No.")) == ("refused",)
    assert kinds(Answer(refusal="No."), calling(BERLIN)) == ("not_refused",)
    assert kinds(Answer(refusal="No."), Answer(refusal="Never.")) == ()


def test_words_beside_calls_count_only_if_asked():
    sides = calling(BERLIN, content="Let me look that up."), calling(BERLIN)

    assert build("tool_calls", {}).compare(CHAT, *sides).agree
    assert build("tool_calls", {"words": True}).compare(CHAT, *sides).kinds == ("wording",)
    assert build("tool_calls", {"words": True}).compare(CHAT, sides[1], sides[1]).agree


def test_detail_shows_both_sides_and_what_differs():
    detail = build("tool_calls", {}).compare(CHAT, calling(BERLIN), calling(weather(city="Paris", town=1))).detail

    assert detail["teacher"] == ['weather({"city": "Berlin"})']
    assert [(found["call"], found.get("path"), found["kind"]) for found in detail["differences"]] == [
        ("weather", "city", "argument_changed"),
        ("weather", "town", "argument_invented"),
        ("weather", None, "arguments_invalid"),
    ]
    assert "town" in detail["differences"][2]["student"]


def test_where_neither_calls_the_detail_says_who_compared():
    score = build("tool_calls", {"otherwise": {"use": "exact"}}).compare(CHAT, Answer(content="a"), Answer(content="b"))

    assert score.detail["use"] == "exact"


def test_asked_it_says_the_same_as_called():
    comparator = build("tool_calls", {"rules": [{"path": "loose.q", "compare": "text"}], "words": True})
    sides = [calling(call("loose", q=text), content=text) for text in ("a b c d e", "a b c d e!")]
    ran = []

    async def run(used, request, teacher, student):
        ran.append(used.name)
        return used.compare(request, teacher, student)

    assert asyncio.run(comparator.ask(CHAT, *sides, run)) == comparator.compare(CHAT, *sides)
    assert ran == ["arguments_validity", "text", "text"]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"otherwise": "nonsense"}, "nonsense"), ({"rules": [{"path": "a"}]}, "lacks"), ({"order": True}, "order")],
)
def test_options_that_do_not_hold_are_refused(options, message):
    with pytest.raises(ComparatorError, match=message):
        build("tool_calls", options)
