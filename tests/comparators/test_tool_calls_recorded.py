"""What real models called, and what ``tool_calls`` says where a student calls something else."""

import json

import msgspec
import pytest

from comparators.base import Request, ToolCall
from comparators.registry import build
from proxy.openai.answers import read_answer
from tests.openai_wire import recorded

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
