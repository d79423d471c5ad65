import json

import openai.types.chat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import TokenLogprob, ToolCall
from proxy.openai import answers
from tests.openai_wire import recorded
from tests.openai_wire.streams import chunk, piece, stream

CHAT = "chat/completions"
EVENTS = "text/event-stream; charset=utf-8"
JSON = "application/json"


def read_json(body):
    return answers.read_answer(CHAT, JSON, json.dumps(body).encode())


def read_stream(*chunks, done=True):
    return answers.read_answer(CHAT, EVENTS, stream(*chunks, done=done))


def completion(message, *, finish="stop", **fields):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    return {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **fields}


# Whole bodies, and the streams that OpenAI would send of them

texts = st.text(max_size=12)
words = st.text(min_size=1, max_size=12)


def logprob_entries(text):
    values = st.floats(-20, 0)
    top = st.lists(st.fixed_dictionaries({"token": words, "logprob": values, "bytes": st.none()}), max_size=2)
    return st.fixed_dictionaries({"token": st.just(text), "logprob": values, "bytes": st.none(), "top_logprobs": top})


@st.composite
def choices(draw, index):
    kind = draw(st.sampled_from(["text", "refusal", "calls", "text and calls"]))
    message = {"role": "assistant", "content": None, "refusal": None}
    logprobs = None
    if "text" in kind:
        pieces = draw(st.lists(words, min_size=1, max_size=5))
        message["content"] = "".join(pieces)
        if draw(st.booleans()):
            logprobs = {"content": [draw(logprob_entries(text)) for text in pieces], "refusal": None}
    if kind == "refusal":
        pieces = draw(st.lists(words, min_size=1, max_size=5))
        message["refusal"] = "".join(pieces)
        if draw(st.booleans()):
            logprobs = {"content": None, "refusal": [draw(logprob_entries(text)) for text in pieces]}
    if "calls" in kind:
        message["tool_calls"] = [
            draw(
                st.fixed_dictionaries(
                    {
                        "id": st.just(f"call_{index}_{number}"),
                        "type": st.just("function"),
                        "function": st.fixed_dictionaries({"name": words, "arguments": texts}),
                    }
                )
            )
            for number in range(draw(st.integers(1, 3)))
        ]
    finish = "tool_calls" if "calls" in kind else draw(st.sampled_from(["stop", "length", "content_filter"]))
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish}


@st.composite
def completions(draw):
    usage = {"prompt_tokens": draw(st.integers(0, 9)), "completion_tokens": 2, "total_tokens": 3}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "system_fingerprint": "fp_1",
        "choices": [draw(choices(index)) for index in range(draw(st.integers(1, 3)))],
        "usage": usage,
    }


def cut(draw, text):
    """The text in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def shuffled_together(draw, sequences):
    """One sequence out of several, each in its own order."""
    waiting = [list(sequence) for sequence in sequences if sequence]
    merged = []
    while waiting:
        chosen = draw(st.sampled_from(waiting))
        merged.append(chosen.pop(0))
        waiting = [sequence for sequence in waiting if sequence]
    return merged


def deltas(draw, choice):
    """A choice's pieces: role first, then texts with their log-probabilities, calls interleaved, the end."""
    message, logprobs = choice["message"], choice["logprobs"]
    index = choice["index"]
    yield {"index": index, "delta": {"role": "assistant", "content": "", "refusal": None}, "logprobs": None}
    for name in ("content", "refusal"):
        entries = logprobs[name] if logprobs else None
        if entries:
            for entry in entries:
                said = {"content": None, "refusal": None, name: [entry]}
                yield {"index": index, "delta": {name: entry["token"]}, "logprobs": said}
        elif message[name] is not None:
            for text in cut(draw, message[name]):
                yield {"index": index, "delta": {name: text}, "logprobs": None}
    calls = []
    for number, call in enumerate(message.get("tool_calls", [])):
        begun = {**call, "index": number, "function": {"name": call["function"]["name"], "arguments": ""}}
        going_on = [
            {"index": number, "function": {"arguments": text}} for text in cut(draw, call["function"]["arguments"])
        ]
        calls.append([begun, *going_on])
    for part in shuffled_together(draw, calls):
        yield {"index": index, "delta": {"tool_calls": [part]}, "logprobs": None}
    yield {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]}


@given(body=completions(), data=st.data())
def test_a_stream_reads_as_the_unstreamed_body_would(body, data):
    head = {key: body[key] for key in ("id", "created", "model", "system_fingerprint")}
    head["object"] = "chat.completion.chunk"
    pieces = shuffled_together(data.draw, [list(deltas(data.draw, choice)) for choice in body["choices"]])
    chunks = [
        {**head, "choices": [{"finish_reason": None, **part}], "usage": None, "obfuscation": "x"} for part in pieces
    ]
    chunks.append({**head, "choices": [], "usage": body["usage"]})

    streamed = read_stream(*chunks)

    assert streamed.answer.response == body
    assert streamed == read_json(body)
    assert streamed.complete
    openai.types.chat.ChatCompletion.model_validate(streamed.answer.response)


def test_the_reader_of_a_whole_body_names_every_part():
    entry = {"token": "hi", "logprob": -0.5, "top_logprobs": [{"token": "ho", "logprob": -1}]}
    body = completion(
        {"content": "hi", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}]},
        finish="tool_calls",
        usage={"prompt_tokens": 5, "completion_tokens": 1},
        vendor={"x": 1},
    )
    body["choices"][0]["logprobs"] = {"content": [entry]}

    reading = read_json(body)

    answer = reading.answer
    assert (answer.model, answer.content, answer.finish_reason) == ("m", "hi", "tool_calls")
    assert answer.tool_calls == (ToolCall(name="f", arguments="{", id="c"),)
    assert answer.logprobs == (TokenLogprob(token="hi", logprob=-0.5, top={"ho": -1.0}),)
    assert answer.response == body
    assert (reading.usage.input_tokens, reading.choices, reading.complete, reading.error) == (5, 1, True, None)


def test_choice_0_is_the_answer_wherever_it_stands():
    body = completion({"content": "zero"})
    body["choices"].insert(0, {"index": 1, "message": {"content": "one"}, "finish_reason": "stop"})

    reading = read_json(body)

    assert (reading.answer.content, reading.choices) == ("zero", 2)


def test_custom_tools_and_legacy_functions_are_calls_too():
    custom = completion(
        {"content": None, "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "n", "input": "i"}}]}
    )
    legacy = completion({"content": None, "function_call": {"name": "n", "arguments": "{}"}}, finish="function_call")

    assert read_json(custom).answer.tool_calls == (ToolCall(name="n", arguments="i", id="c"),)
    assert read_json(legacy).answer.tool_calls == (ToolCall(name="n", arguments="{}"),)


def test_content_in_parts_and_arguments_as_objects_are_read():
    body = completion({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})
    assert read_json(body).answer.content == "ab"

    body = completion({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]})
    assert read_json(body).answer.tool_calls == (ToolCall(name="f", arguments='{"a":1}'),)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("empty", b""),
        ("empty", b" \n"),
        ("not_json", b"<html>busy</html>"),
        ("not_json", b'{"choices": ['),
        ("not_the_surface", b"[]"),
        ("not_the_surface", b"{}"),
        ("not_the_surface", b'{"choices": [{"text": "a completion"}]}'),
        ("not_the_surface", b'{"choices": "x"}'),
        ("not_the_surface", b'{"choices": [{"message": {"content": 5}}]}'),
        ("not_the_surface", b'{"choices": [{"message": {"tool_calls": [{"function": {}}]}}]}'),
        ("empty", b'{"choices": []}'),
        ("empty", b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}'),
        ("empty", b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}'),
    ],
)
def test_an_answer_that_cannot_be_used_says_why(kind, body):
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        answers.read_answer(CHAT, JSON, body)

    assert caught.value.kind == kind


def test_an_empty_answer_still_tells_its_model_and_usage():
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        read_json(completion({"content": ""}, usage={"prompt_tokens": 3, "completion_tokens": 9}))

    assert caught.value.reading.answer.model == "m"
    assert caught.value.reading.usage.output_tokens == 9


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_answer_cut_off_before_its_first_word_is_one(finish):
    answer = read_json(completion({"content": ""}, finish=finish)).answer

    assert (answer.content, answer.finish_reason) == (None, finish)


def test_an_error_inside_a_200_is_named_without_its_text():
    reading = read_json({"error": {"message": "secret prompt", "type": "server_error", "code": None}})

    assert reading.error == "server_error"
    assert (reading.answer.content, reading.choices) == (None, 0)


def test_an_error_as_vllm_writes_it_is_one():
    assert read_json({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}).error == "400"


def test_an_error_within_a_stream_ends_it():
    reading = read_stream(chunk(piece({"content": "half"})), {"error": {"message": "m", "code": "overloaded"}})

    assert (reading.error, reading.complete, reading.answer.content) == ("overloaded", False, "half")


def test_a_stream_cut_off_is_incomplete():
    reading = read_stream(chunk(piece({"role": "assistant", "content": "half"})), done=False)

    assert (reading.complete, reading.answer.content, reading.answer.finish_reason) == (False, "half", None)


def test_a_stream_cut_off_before_its_first_part_says_so():
    for body in (b'data: {"id', b": heartbeat\n\n"):
        with pytest.raises(answers.UnreadableAnswerError) as caught:
            answers.read_answer(CHAT, EVENTS, body)
        assert caught.value.kind == "incomplete"


def test_a_stream_of_nothing_but_its_end_is_empty():
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        read_stream()
    assert caught.value.kind == "empty"


def test_a_stream_with_a_broken_event_in_its_middle_is_not_json():
    body = (
        stream(chunk(piece({"content": "a"})), done=False) + b'data: {"cut\n\n' + stream(chunk(piece({"content": "b"})))
    )

    with pytest.raises(answers.UnreadableAnswerError) as caught:
        answers.read_answer(CHAT, EVENTS, body)
    assert caught.value.kind == "not_json"


def test_events_of_a_servers_own_are_passed_over():
    body = b": OPENROUTER PROCESSING\n\nevent: ping\ndata: pong\n\ndata: null\n\ndata:\n\n" + stream(
        {"object": "of tomorrow", "choices": None, "news": 1}, chunk(piece({"content": "a"}, finish="stop"))
    )

    reading = answers.read_answer(CHAT, EVENTS, body)

    assert (reading.answer.content, reading.answer.response["news"]) == ("a", 1)


def test_a_server_that_forgets_its_done_has_answered_once_every_choice_has_finished():
    one = chunk(piece({"content": "a"}, finish="stop"), piece({"content": "b"}, index=1))

    assert not read_stream(one, done=False).complete
    assert read_stream(one, chunk(piece({}, index=1, finish="stop")), done=False).complete


def test_azures_first_chunk_without_choices_adds_to_the_answer_and_blanks_nothing():
    filters = [{"prompt_index": 0, "content_filter_results": {}}]
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": filters}

    response = read_stream(
        first, chunk(piece({"content": "a"}, finish="stop")), first | {"prompt_filter_results": None}
    )

    assert response.answer.model == "m"
    assert response.answer.response["id"] == "c-1"
    assert response.answer.response["prompt_filter_results"] == filters
    assert response.answer.response["object"] == "chat.completion"


def test_what_vendors_add_to_deltas_is_joined_by_its_type():
    reading = read_stream(
        chunk(
            piece({"role": "assistant", "reasoning_content": "Let me ", "annotations": [1], "score": 1, "note": None})
        ),
        chunk(piece({"role": "assistant", "reasoning_content": "see.", "annotations": [2], "score": 2})),
        chunk(piece({"content": "4", "audio": {"id": "a", "transcript": "fo"}}), service_tier="default"),
        chunk(piece({"audio": {"id": "a", "transcript": "ur"}}, finish="stop", matched_stop=7)),
    )

    assert reading.answer.response["service_tier"] == "default"
    [choice] = reading.answer.response["choices"]
    assert choice["matched_stop"] == 7
    assert choice["message"] == {
        "role": "assistant",
        "content": "4",
        "reasoning_content": "Let me see.",
        "annotations": [1, 2],
        "score": 2,
        "note": None,
        "audio": {"id": "a", "transcript": "four"},
    }


def test_a_legacy_function_call_is_put_together():
    reading = read_stream(
        chunk(piece({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}})),
        chunk(piece({"function_call": {"arguments": '{"a"'}})),
        chunk(piece({"function_call": {"arguments": ": 1}"}}, finish="function_call")),
    )

    assert reading.answer.tool_calls == (ToolCall(name="f", arguments='{"a": 1}'),)


def test_custom_tool_calls_are_put_together():
    reading = read_stream(
        chunk(
            piece({"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "n", "input": "a"}}]})
        ),
        chunk(piece({"tool_calls": [{"index": 0, "custom": {"input": "b"}}]}, finish="tool_calls")),
    )

    assert reading.answer.tool_calls == (ToolCall(name="n", arguments="ab", id="c"),)


def call(name, arguments, **fields):
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **fields}


@pytest.mark.parametrize(
    "parts",
    [
        [call("f", "1", id="a"), call("g", "2", id="b")],  # no index
        [call("f", "1", id="a", index=0), call("g", "2", id="b", index=0)],  # always the same
        [
            call("f", "", id="a", index=0),
            call("f", "1", id="a", index=0),
            call("g", "2", id="b", index=1),
        ],  # said again
        [call("g", "2", id="b", index=1), call("f", "1", id="a", index=0)],  # out of order
    ],
)
def test_other_servers_ways_of_numbering_calls_are_understood(parts):
    reading = read_stream(*[chunk(piece({"tool_calls": [part]})) for part in parts])

    assert reading.answer.tool_calls == (
        ToolCall(name="f", arguments="1", id="a"),
        ToolCall(name="g", arguments="2", id="b"),
    )


def test_the_content_tells_what_the_content_type_does_not():
    body = stream(chunk(piece({"content": "a"}, finish="stop")))

    assert answers.read_answer(CHAT, "", body).answer.content == "a"
    assert answers.read_answer(CHAT, "text/plain", b"\xef\xbb\xbf" + body).answer.content == "a"
    assert read_json(completion({"content": "a"})) == answers.read_answer(
        CHAT, EVENTS, json.dumps(completion({"content": "a"})).encode()
    )


def test_the_terminal_event_is_noticed_when_it_has_come_and_not_before():
    body = stream(chunk(piece({"content": "a"})), chunk(piece({}, finish="stop")))
    finish = body.index(b'data: {"id"', 10)

    passed = [answers.terminal_event_passed(CHAT, EVENTS, body[:size]) for size in range(1, len(body) + 1)]

    assert not any(passed[:finish])
    assert passed[-1]
    assert answers.terminal_event_passed(CHAT, JSON, b'{"choices": []}')
    assert not answers.terminal_event_passed(CHAT, JSON, b'{"choices": [')
    assert not answers.terminal_event_passed("embeddings", EVENTS, body)


@recorded.each([exchange for exchange in recorded.exchanges() if exchange.surface == CHAT and exchange.status == 200])
def test_a_recorded_chat_completion_reads_as_it_was(exchange):
    reading = answers.read_answer(CHAT, exchange.content_type, exchange.response)

    assert reading.complete
    assert reading.error is None
    openai.types.chat.ChatCompletion.model_validate(reading.answer.response)
    if not exchange.is_stream:
        body = json.loads(exchange.response)
        message = body["choices"][0]["message"]
        assert reading.answer.response == body
        assert reading.answer.content == (message.get("content") or None)
        assert reading.usage.input_tokens == body["usage"]["prompt_tokens"]
        return
    pieces = [choice for event in exchange.events() for choice in event["choices"] if choice["index"] == 0]
    content = "".join(choice["delta"].get("content") or "" for choice in pieces)
    arguments = "".join(
        call["function"]["arguments"] for choice in pieces for call in choice["delta"].get("tool_calls") or []
    )
    assert (reading.answer.content or "") == content
    assert "".join(call.arguments for call in reading.answer.tool_calls) == arguments
    assert content or arguments


@recorded.each([exchange for exchange in recorded.exchanges() if exchange.surface == CHAT and exchange.is_stream])
def test_a_recorded_stream_reads_as_the_openai_package_accumulates_it(exchange):
    from openai.lib.streaming.chat._completions import ChatCompletionStreamState

    state = ChatCompletionStreamState()
    for event in exchange.events():
        if event["choices"] or event["object"]:  # the package trips over Azure's first chunk
            state.handle_chunk(openai.types.chat.ChatCompletionChunk.model_validate(event))
    accumulated = state.get_final_completion()

    read = answers.read_answer(CHAT, exchange.content_type, exchange.response)

    ours = openai.types.chat.ChatCompletion.model_validate(read.answer.response)
    assert ours.usage == accumulated.usage
    assert ours.model == accumulated.model
    for mine, theirs in zip(ours.choices, accumulated.choices, strict=True):
        assert (mine.index, mine.finish_reason) == (theirs.index, theirs.finish_reason)
        assert (mine.message.content or "") == (theirs.message.content or "")
        assert mine.message.role == theirs.message.role
        calls = [call.model_dump() for call in mine.message.tool_calls or []]
        for index, other in enumerate(theirs.message.tool_calls or []):
            assert calls[index]["id"] == other.id
            assert calls[index]["function"] == {"name": other.function.name, "arguments": other.function.arguments}
