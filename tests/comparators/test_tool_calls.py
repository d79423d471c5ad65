"""What ``tool_calls`` says of hand-made pairs and of recorded ones: each with every kind of difference expected."""

import asyncio
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import Answer, ComparatorError, Request, ToolCall
from comparators.registry import build
from proxy.openai.answers import read_answer
from tests.comparators.pairs import calling
from tests.openai_wire import recorded

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "default": 3},
        "unit": {"$ref": "#/$defs/unit"},
        "note": {},
        "code": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "stops": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"unit": {"enum": ["c", "f"], "default": "c"}},
}
NOW = {"type": "object", "properties": {}}
CHAT = Request(
    surface="chat/completions",
    body={
        "tools": [
            {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
            {"type": "function", "function": {"name": "now", "parameters": NOW}},
            {"type": "function", "function": {"name": "loose"}},
            {"type": "custom", "custom": {"name": "shell"}},
        ]
    },
)
RESPONSES = Request(
    surface="responses",
    body={
        "tools": [
            {"type": "function", "name": "weather", "parameters": WEATHER},
            {"type": "namespace", "name": "clock", "tools": [{"type": "function", "name": "now", "parameters": NOW}]},
            {"type": "function", "name": "loose"},
            {"type": "custom", "name": "shell"},
            {"type": "web_search"},
        ]
    },
)
OLD = Request(
    surface="chat/completions",
    body={
        "functions": [
            {"name": "weather", "parameters": WEATHER},
            {"name": "now", "parameters": NOW},
            {"name": "loose"},
        ],
        "tools": [{"type": "custom", "custom": {"name": "shell"}}],
    },
)


def call(name, *text, **arguments):
    return name, text[0] if text else json.dumps(arguments)


def weather(**arguments):
    return call("weather", **arguments)


BERLIN, PARIS, ROME = (weather(city=city) for city in ("Berlin", "Paris", "Rome"))
NOW_CALL = call("now")
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


def answer(said):
    return calling(*said) if isinstance(said, list) else Answer(content=said)


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


# Recorded: what real models called, and what becomes of it when a student calls something else.

WIRE = {
    f"{exchange.name} {exchange.surface}": exchange
    for exchange in recorded.exchanges()
    if exchange.status == 200
    and read_answer(exchange.surface, exchange.content_type, exchange.response).answer.tool_calls
}


def read(exchange):
    request = Request(surface=exchange.surface, body=exchange.asked)
    return request, read_answer(exchange.surface, exchange.content_type, exchange.response).answer


def found(name, number=0):
    """A recorded exchange with tool calls, by a part of its name."""
    matching = [exchange for exchange in WIRE.values() if name in exchange.name]
    if not matching:
        pytest.skip("../shared/data/wire.jsonl is absent")
    return read(matching[number])


def calls_changed(answer, change):
    return msgspec.structs.replace(answer, tool_calls=tuple(change(list(answer.tool_calls))))


@recorded.each(list(WIRE.values()))
def test_recorded_calls_agree_with_themselves_written_anew(exchange):
    request, answer = read(exchange)
    again = calls_changed(
        answer,
        lambda calls: [
            ToolCall(name=each.name, arguments=json.dumps(json.loads(each.arguments), indent=3))
            for each in reversed(calls)
        ],
    )

    assert build("tool_calls", {}).compare(request, answer, again).agree
    assert build("text", {}).compare(request, answer, again).agree


@recorded.each(list(WIRE.values()))
def test_every_recorded_call_is_to_a_declared_tool_and_an_unknown_argument_is_told(exchange):
    request, answer = read(exchange)
    first, *rest = answer.tool_calls
    more = msgspec.structs.replace(first, arguments=json.dumps({**json.loads(first.arguments), "made_up": 1}))

    score = build("tool_calls", {}).compare(request, answer, calls_changed(answer, lambda _: [more, *rest]))

    assert set(score.kinds) - {"arguments_invalid"} == {"argument_invented"}


def with_arguments(name, **arguments):
    return ToolCall(name=name, arguments=json.dumps(arguments))


RECORDED_CASES = {
    "two calls, the student makes one": (
        ("test_responses_tool_calls", 0),
        lambda calls: calls[:1],
        ["tool_missing"],
    ),
    "parallel cities in the other order": (
        ("test_open_ai_function_calls_tools_streaming_parallel", 0),
        lambda calls: calls[::-1],
        [],
    ),
    "parallel cities, the other order and one misspelt": (
        ("test_open_ai_function_calls_tools_streaming_parallel", 0),
        lambda calls: [calls[1], with_arguments("get_current_weather", location="San Fransisco")],
        ["argument_changed"],
    ),
    "the retry of a misspelt place alone": (
        ("test_openai_responses_model_retry", 0),
        lambda calls: calls[1:],
        ["tool_missing"],
    ),
    "a unit made up beside the city": (
        ("test_open_ai_function_calls_tools-", 0),
        lambda _: [with_arguments("get_current_weather", location="Boston", unit="celsius")],
        ["argument_invented"],
    ),
    "a unit that there is not": (
        ("test_open_ai_function_calls_tools-", 0),
        lambda _: [with_arguments("get_current_weather", location="Boston", unit="kelvin")],
        ["argument_invented", "arguments_invalid"],
    ),
    "the result as a text": (
        ("test_openai_responses_streaming_usage", 0),
        lambda _: [with_arguments("final_result", result="6666")],
        ["argument_changed", "arguments_invalid"],
    ),
    "another agent handed to": (
        ("test_agent_with_handoff_spans", 0),
        lambda _: [with_arguments("transfer_to_agentb")],
        ["tool_extra", "tool_missing"],
    ),
    "no query": (
        ("test_recipe_workflow_agent_handoffs_with_function_tools", 0),
        lambda _: [with_arguments("search_recipes")],
        ["argument_missing", "arguments_invalid"],
    ),
    "answered in words": (("test_chat_tools-", 0), lambda _: [], ["not_called"]),
    "cut off": (
        ("test_chat_tools_async_streaming", 0),
        lambda calls: [msgspec.structs.replace(calls[0], arguments=calls[0].arguments[:-3])],
        ["arguments_invalid"],
    ),
}


@pytest.mark.parametrize("case", RECORDED_CASES.values(), ids=RECORDED_CASES.keys())
def test_a_recorded_call_and_what_a_student_made_of_it(case):
    which, change, expected = case
    request, answer = found(*which)

    score = build("tool_calls", {}).compare(request, answer, calls_changed(answer, change))

    assert list(score.kinds) == expected


def test_two_recorded_calls_for_one_question():
    request, teacher = found("test_openai_previous_response_id_seed_auto_chains_through_retries", 0)
    _, student = found("test_openai_previous_response_id_seed_auto_chains_through_retries", 1)

    score = build("tool_calls", {}).compare(request, teacher, student)

    assert score.kinds == ("argument_changed",)
    assert score.detail["differences"][0]["student"] == '"NYC"'
