import json

import openai.types.responses
import pytest

from comparators.base import TokenLogprob, ToolCall
from proxy.openai import answers
from tests.openai_wire import recorded
from tests.openai_wire.streams import typed

EVENTS = "text/event-stream; charset=utf-8"
TERMINAL = {"response.completed", "response.incomplete", "response.failed"}


def text(value, **fields):
    return {"type": "output_text", "text": value, "annotations": [], **fields}


def message(*content):
    return {"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": list(content)}


def response(*output, status="completed", **fields):
    return {
        "id": "r",
        "object": "response",
        "model": "m",
        "status": status,
        "error": None,
        "output": list(output),
        **fields,
    }


CALL = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"}


def read(body):
    return answers.read_answer("responses", "application/json", json.dumps(body).encode())


def read_stream(*events):
    return answers.read_answer("responses", EVENTS, typed(*events))


def test_texts_of_all_messages_are_the_content():
    reading = read(response(message(text("a"), text("b")), {"type": "reasoning", "summary": []}, message(text("c"))))

    assert (reading.answer.content, reading.answer.finish_reason, reading.answer.model) == ("abc", "stop", "m")
    assert reading.complete


def test_calls_of_functions_and_custom_tools_are_told():
    custom = {"type": "custom_tool_call", "call_id": "d", "name": "c", "input": "x"}

    answer = read(response(CALL, custom)).answer

    assert answer.tool_calls == (ToolCall(name="f", arguments="{}", id="c"), ToolCall(name="c", arguments="x", id="d"))
    assert (answer.content, answer.finish_reason) == (None, "tool_calls")


def test_refusals_and_logprobs_are_told():
    entry = {"token": "a", "logprob": -0.1, "top_logprobs": []}

    assert read(response(message({"type": "refusal", "refusal": "no"}))).answer.refusal == "no"
    assert read(response(message(text("a", logprobs=[entry])))).answer.logprobs == (
        TokenLogprob(token="a", logprob=-0.1),
    )
    assert read(response(message(text("a", logprobs=[])))).answer.logprobs is None


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, "incomplete")]
)
def test_an_incomplete_response_is_a_whole_answer_that_was_cut_off(reason, finish):
    body = response(message(text("ha")), status="incomplete", incomplete_details={"reason": reason})

    reading = read(body)

    assert (reading.complete, reading.answer.finish_reason) == (True, finish)
    assert read_stream({"type": "response.incomplete", "response": body}) == reading


def test_one_that_ran_out_of_tokens_while_reasoning_has_no_content_and_is_an_answer():
    body = response(status="incomplete", incomplete_details={"reason": "max_output_tokens"})

    assert read(body).answer.finish_reason == "length"


def test_a_failed_response_is_an_error_by_its_code():
    body = response(status="failed", error={"code": "server_error", "message": "secret"})

    assert read(body).error == "server_error"
    assert read_stream({"type": "response.failed", "response": body}).error == "server_error"


def test_an_error_event_is_an_error_by_its_code():
    begun = {"type": "response.created", "response": response(status="in_progress")}

    reading = read_stream(begun, {"type": "error", "code": "rate_limit_exceeded", "message": "m", "param": None})

    assert (reading.error, reading.complete) == ("rate_limit_exceeded", False)
    assert read_stream({"type": "error", "error": {"type": "server_error", "message": "m"}}).error == "server_error"


def test_a_response_still_under_way_is_incomplete():
    assert not read(response(status="queued")).complete


def test_a_stream_without_its_terminal_event_is_incomplete_and_gives_what_was_finished():
    begun = {"type": "response.created", "response": response(status="in_progress")}
    done = {"type": "response.output_item.done", "output_index": 0, "item": message(text("whole"))}

    reading = read_stream(begun, done, {"type": "response.output_text.delta", "delta": "lost"})

    assert (reading.complete, reading.answer.content) == (False, "whole")


def test_output_that_a_server_gives_item_by_item_alone_is_put_in_its_place():
    reading = read_stream(
        {"type": "response.created", "response": response(status="in_progress")},
        {"type": "response.output_item.done", "output_index": 1, "item": CALL},
        {"type": "response.output_item.done", "output_index": 0, "item": message(text("a"))},
        {"type": "response.completed", "response": response()},
    )

    assert reading.answer.response["output"] == [message(text("a")), CALL]
    assert reading.answer.content == "a"


def test_the_embedded_response_is_the_answer_and_unknown_events_break_nothing():
    final = response(message(text("a")), usage={"input_tokens": 3, "output_tokens": 1}, news={"x": [1]})

    reading = read_stream(
        {"type": "response.of_tomorrow", "data": 1}, {"type": "response.completed", "response": final}
    )

    assert reading == read(final)
    assert reading.answer.response == final
    assert reading.usage.input_tokens == 3


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("empty", response()),
        ("empty", response(message(text("")))),
        ("empty", response({"type": "reasoning", "summary": []})),
        ("not_the_surface", {"choices": []}),
        ("not_the_surface", {"output": ["x"]}),
        ("not_the_surface", response({"type": "function_call"})),
    ],
)
def test_a_response_that_cannot_be_used_says_why(kind, body):
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        read(body)
    assert caught.value.kind == kind


def test_a_stream_that_never_began_is_incomplete():
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        answers.read_answer("responses", EVENTS, b"event: response.created\ndata: {")
    assert caught.value.kind == "incomplete"


def test_the_terminal_event_is_noticed():
    begun = {"type": "response.created", "response": response(status="in_progress")}
    completed = {"type": "response.completed", "response": response(message(text("a")))}

    assert not answers.terminal_event_passed("responses", EVENTS, typed(begun))
    assert not answers.terminal_event_passed("responses", EVENTS, typed(begun, completed)[:-20])
    assert answers.terminal_event_passed("responses", EVENTS, typed(begun, completed))


READ = [exchange for exchange in recorded.exchanges() if exchange.surface == "responses" and exchange.status == 200]


@recorded.each(READ)
def test_a_recorded_response_reads_as_it_was(exchange):
    reading = answers.read_answer("responses", exchange.content_type, exchange.response)

    if exchange.is_stream:
        [expected] = [event["response"] for event in exchange.events() if event["type"] in TERMINAL]
        deltas = "".join(event["delta"] for event in exchange.events() if event["type"] == "response.output_text.delta")
        assert (reading.answer.content or "") == deltas
    else:
        expected = json.loads(exchange.response)
    assert reading.answer.response == expected
    assert reading.error is None
    assert reading.complete == (expected["status"] != "queued")
    if reading.complete:
        # As the package's client does it: without validation, for recordings older than its required fields.
        parsed = openai.types.responses.Response.construct(**expected)
        assert (reading.answer.content or "") == parsed.output_text
        names = [item.name for item in parsed.output if item.type == "function_call"]
        assert [call.name for call in reading.answer.tool_calls] == names
        assert reading.usage.input_tokens == parsed.usage.input_tokens
        assert reading.usage.cached_input_tokens == parsed.usage.input_tokens_details.cached_tokens
        assert reading.usage.reasoning_tokens == parsed.usage.output_tokens_details.reasoning_tokens


LOGPROB = {"token": "four", "logprob": -0.1, "bytes": None, "top_logprobs": [{"token": "4", "logprob": -2.5}]}


@pytest.mark.parametrize("where", ["part", "event"])
def test_log_probabilities_of_a_stream_are_read_wherever_they_stand(where):
    said = message(text("four", logprobs=[LOGPROB] if where == "part" else []))
    output = [{"type": "reasoning", "summary": []}, said]
    body = typed(
        {"type": "response.created", "response": {"object": "response", "status": "in_progress", "output": []}},
        {
            "type": "response.output_text.done",
            "output_index": 1,
            "content_index": 0,
            "text": "four",
            "logprobs": [LOGPROB] if where == "event" else [],
        },
        {"type": "response.completed", "response": {"object": "response", "status": "completed", "output": output}},
    )

    [token] = answers.read_answer("responses", EVENTS, body).answer.logprobs

    assert (token.token, token.logprob, token.top) == ("four", -0.1, {"4": -2.5})
