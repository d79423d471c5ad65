import json

import openai.types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import TokenLogprob
from proxy.openai import answers
from tests.openai_wire import recorded
from tests.openai_wire.streams import stream

COMPLETIONS = "completions"
EVENTS = "text/event-stream"


def read(body):
    return answers.read_answer(COMPLETIONS, "application/json", json.dumps(body).encode())


def completion(*choices, **fields):
    return {"object": "text_completion", "id": "c", "created": 1, "model": "m", "choices": list(choices), **fields}


def choice(text, index=0, finish_reason="stop", logprobs=None):
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}


tokens = st.lists(st.tuples(st.text(min_size=1, max_size=5), st.floats(-20, 0)), min_size=1, max_size=6)


@given(told=st.lists(tokens, min_size=1, max_size=3), usage=st.booleans())
def test_a_stream_reads_as_the_unstreamed_body_would(told, usage):
    counts = {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}} if usage else {}
    whole, chunks = [], []
    for index, pairs in enumerate(told):
        logprobs = {
            "tokens": [token for token, _ in pairs],
            "token_logprobs": [value for _, value in pairs],
            "top_logprobs": [{token: value} for token, value in pairs],
            "text_offset": list(range(len(pairs))),
        }
        whole.append(choice("".join(logprobs["tokens"]), index, "length", logprobs))
        for number, (token, _) in enumerate(pairs):
            part = {key: [values[number]] for key, values in logprobs.items()}
            chunks.append(completion(choice(token, index, None, part)))
        chunks.append(completion(choice("", index, "length")))
    body = completion(*whole, **counts)

    streamed = answers.read_answer(COMPLETIONS, EVENTS, stream(*chunks, completion(**counts)))

    assert streamed.answer.response == body
    assert streamed == read(body)
    assert streamed.answer.logprobs == tuple(
        TokenLogprob(token=token, logprob=value, top={token: value}) for token, value in told[0]
    )
    openai.types.Completion.model_validate(streamed.answer.response)


def test_the_first_token_of_an_echoed_prompt_has_no_logprob_and_is_left_out():
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [None, -1], "top_logprobs": None}

    assert read(completion(choice("ab", logprobs=logprobs))).answer.logprobs == (TokenLogprob(token="b", logprob=-1.0),)


@pytest.mark.parametrize(
    "logprobs", [{"tokens": ["a"], "token_logprobs": []}, {"tokens": [1], "token_logprobs": [-1]}, "x", {}]
)
def test_odd_logprobs_are_none(logprobs):
    assert read(completion(choice("a", logprobs=logprobs))).answer.logprobs is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("empty", completion(choice(""))),
        ("not_the_surface", completion({"index": 0, "message": {"content": "chat"}})),
        ("empty", completion()),
    ],
)
def test_a_completion_that_cannot_be_used_says_why(kind, body):
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        read(body)
    assert caught.value.kind == kind


@recorded.each([e for e in recorded.exchanges() if e.surface == COMPLETIONS and e.status == 200])
def test_a_recorded_completion_reads_as_it_was(exchange):
    reading = answers.read_answer(COMPLETIONS, exchange.content_type, exchange.response)

    expected = "".join(choice["text"] for event in exchange.events() for choice in event["choices"])
    assert reading.answer.content == expected
    assert reading.complete
    openai.types.Completion.model_validate(reading.answer.response)
