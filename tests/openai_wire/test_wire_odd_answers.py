"""Answers of any shape at all: read, or refused with a kind."""

import json

from hypothesis import given
from hypothesis import strategies as st

from proxy.openai import answers, usage
from tests.openai_wire.streams import stream

SURFACES = st.sampled_from(["chat/completions", "completions", "responses", "embeddings"])
KINDS = {"not_json", "not_the_surface", "empty", "incomplete"}
KEYS = [
    *["choices", "index", "message", "delta", "text", "content", "role", "tool_calls", "function", "name", "arguments"],
    *["logprobs", "tokens", "token_logprobs", "top_logprobs", "token", "logprob", "finish_reason", "error", "usage"],
    *["output", "type", "response", "item", "output_index", "status", "incomplete_details", "data", "embedding", "id"],
    *["refusal", "function_call", "model", "prompt_tokens", "input_tokens", "object", "custom", "input", "code"],
]
SAID = st.sampled_from(
    [
        "message",
        "output_text",
        "function_call",
        "response.completed",
        "response.output_item.done",
        "error",
        "incomplete",
    ]
)
leaves = st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-1, 1) | st.text(max_size=3) | SAID
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)
# What lies deep in a body is seldom met by chance: begin there.
choices = st.lists(
    st.fixed_dictionaries(
        {
            "index": anything,
            "text": anything,
            "finish_reason": anything,
            "logprobs": st.fixed_dictionaries({"content": anything, "tokens": anything, "token_logprobs": anything}),
        }
    )
    | st.fixed_dictionaries({"message": st.dictionaries(st.sampled_from(KEYS), anything, max_size=3)})
    | st.fixed_dictionaries({"delta": st.dictionaries(st.sampled_from(KEYS), anything, max_size=3)}),
    max_size=2,
)
output = st.lists(st.fixed_dictionaries({"type": anything, "content": anything, "name": anything}), max_size=2)
bodies = st.dictionaries(st.sampled_from(KEYS), anything, max_size=4) | st.fixed_dictionaries(
    {
        "choices": choices,
        "output": output,
        "data": st.lists(st.fixed_dictionaries({"embedding": anything}), max_size=2),
    },
    optional={
        "usage": st.dictionaries(st.sampled_from(KEYS), anything, max_size=3),
        "status": anything,
        "error": anything,
    },
)


def outcome(surface, content_type, body):
    """What reading gives, a kind if it is refused; a usage can be estimated of whatever was read."""
    try:
        reading = answers.read_answer(surface, content_type, body)
    except answers.UnreadableAnswerError as error:
        return error.kind
    usage.estimate(surface, {}, reading.answer)
    return reading


@given(surface=SURFACES, body=bodies)
def test_a_body_of_any_shape_is_read_or_refused_with_a_kind(surface, body):
    result = outcome(surface, "application/json", json.dumps(body).encode())

    assert isinstance(result, answers.Reading) or result in KINDS


@given(surface=SURFACES, events=st.lists(bodies, max_size=3), done=st.booleans())
def test_a_stream_of_any_shape_is_read_or_refused_with_a_kind(surface, events, done):
    body = stream(*events, done=done)

    result = outcome(surface, "text/event-stream", body)

    assert isinstance(result, answers.Reading) or result in KINDS
    complete = answers.terminal_event_passed(surface, "text/event-stream", body)
    assert complete or not isinstance(result, answers.Reading) or not result.complete


@given(
    surface=SURFACES,
    body=st.binary(max_size=80),
    content_type=st.sampled_from(["", "application/json", "text/event-stream"]),
)
def test_any_bytes_are_read_or_refused_with_a_kind(surface, body, content_type):
    result = outcome(surface, content_type, body)

    assert isinstance(result, answers.Reading) or result in KINDS
