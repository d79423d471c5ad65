import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.openai.requests import student_request
from proxy.openai.student import ALWAYS_DROPPED
from tests.openai_wire import recorded

CHAT = "chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


def ask(surface, body, *, put=None, drop=(), stream=False, **more):
    return student_request(surface, body, model="student", put=put or {}, drop=drop, stream=stream, **more)


def test_the_same_is_asked_of_another_model():
    same = {
        "messages": HELLO,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "temperature": 0.3,
        "top_p": 0.9,
        "seed": 7,
        "n": 2,
        "max_completion_tokens": 10,
        "logprobs": True,
        "a_field_of_tomorrow": [1],
    }

    assert ask(CHAT, {"model": "teacher", **same}) == {"model": "student", **same}


def test_a_model_is_put_where_azures_path_named_it():
    assert ask(CHAT, {"messages": HELLO})["model"] == "student"


@pytest.mark.parametrize("field", sorted(ALWAYS_DROPPED))
def test_what_is_the_teachers_own_is_dropped_unless_it_is_put(field):
    body = {"messages": HELLO, field: {"a": 1}}

    assert field not in ask(CHAT, body)
    assert ask(CHAT, body, put={field: "mine"})[field] == "mine"


def test_the_contracts_list_of_dropped_fields_is_complete():
    assert {
        "stream_options",
        "logit_bias",
        "store",
        "metadata",
        "user",
        "safety_identifier",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
    } == ALWAYS_DROPPED


@pytest.mark.parametrize(("surface", "asked"), [(CHAT, "messages"), ("completions", "prompt")])
def test_a_stream_is_asked_for_with_its_usage(surface, asked):
    body = {asked: HELLO, "stream_options": {"include_obfuscation": False}}

    streamed = ask(surface, body, stream=True)

    assert (streamed["stream"], streamed["stream_options"]) == (True, {"include_usage": True})


def test_a_response_stream_carries_its_usage_anyway():
    assert ask("responses", {"input": "a"}, stream=True) == {"model": "student", "input": "a", "stream": True}


def test_an_unstreamed_answer_is_asked_for_without_a_word_on_streams():
    assert ask(CHAT, {"messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}) == {
        "model": "student",
        "messages": HELLO,
    }


def test_embeddings_are_never_asked_for_as_a_stream():
    assert ask("embeddings", {"input": "a"}, stream=True) == {"model": "student", "input": "a"}


def test_fields_are_dropped_first_and_put_last():
    body = {"messages": HELLO, "temperature": 1, "top_p": 0.5}

    asked = ask(CHAT, body, drop=["temperature", "top_p", "absent"], put={"temperature": 0, "model": "forced"})

    assert asked == {"model": "forced", "messages": HELLO, "temperature": 0}


def test_reasoning_that_only_the_teacher_can_read_is_left_out():
    readable = {"type": "reasoning", "id": "rs_3", "content": [{"type": "reasoning_text", "text": "so"}]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    body = {
        "input": [
            *HELLO,
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
            {"type": "reasoning", "id": "rs_2", "summary": []},
            readable,
            call,
        ],
        "include": ["reasoning.encrypted_content"],
    }

    assert ask("responses", body) == {"model": "student", "input": [*HELLO, readable, call]}
    body["include"].append("message.output_text.logprobs")
    assert ask("responses", body)["include"] == ["message.output_text.logprobs"]


def test_credentials_reach_no_student():
    body = {"input": "a", "tools": [{"type": "mcp", "authorization": "planted", "headers": {"a": "planted"}}]}

    assert "planted" not in json.dumps(ask("responses", body))


@given(
    put=st.dictionaries(st.sampled_from(["temperature", "include", "input", "tools"]), st.lists(st.integers())),
    drop=st.lists(st.sampled_from(["input", "include", "tools", "model"])),
    stream=st.booleans(),
)
def test_neither_the_request_nor_what_is_put_is_changed(put, drop, stream):
    body = {
        "input": [{"type": "reasoning", "encrypted_content": "x"}, *HELLO],
        "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "mcp", "headers": {}}],
        "metadata": {},
    }
    before = copy.deepcopy((body, put, drop))

    ask("responses", body, put=put, drop=drop, stream=stream)

    assert (body, put, drop) == before


@recorded.each(recorded.exchanges())
def test_of_recorded_requests_all_stays_but_what_the_contract_drops(exchange):
    asked = ask(exchange.surface, exchange.asked)

    gone = set(exchange.asked) - set(asked)
    assert gone <= ALWAYS_DROPPED | {"stream", "include"}
    for key in set(asked) - {"model", "input", "include", "tools"}:
        assert asked[key] == exchange.asked[key]
    assert "encrypted_content" not in json.dumps(asked.get("input")) or "compaction" in json.dumps(asked["input"])


OUTPUT_LOGPROBS = "message.output_text.logprobs"


@pytest.mark.parametrize(
    ("surface", "body", "asked"),
    [
        (CHAT, {}, {"logprobs": True, "top_logprobs": 20}),
        (CHAT, {"logprobs": False, "top_logprobs": None}, {"logprobs": True, "top_logprobs": 20}),
        (CHAT, {"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ("completions", {}, {"logprobs": 5}),
        ("completions", {"logprobs": 2}, {"logprobs": 2}),
        ("responses", {}, {"include": [OUTPUT_LOGPROBS], "top_logprobs": 20}),
        (
            "responses",
            {"include": ["a", OUTPUT_LOGPROBS], "top_logprobs": 4},
            {"include": ["a", OUTPUT_LOGPROBS], "top_logprobs": 4},
        ),
        ("embeddings", {"input": "a"}, {"input": "a"}),
    ],
)
def test_log_probabilities_are_asked_for_as_the_surface_has_it(surface, body, asked):
    before = copy.deepcopy(body)

    assert ask(surface, body, logprobs=True) == {"model": "student", **asked}
    assert body == before


@pytest.mark.parametrize(
    ("surface", "body", "asked"),
    [
        (CHAT, {"logprobs": True, "top_logprobs": 3}, {}),
        ("completions", {"logprobs": 2}, {}),
        ("responses", {"include": [OUTPUT_LOGPROBS], "top_logprobs": 4}, {}),
        ("responses", {"include": ["a", OUTPUT_LOGPROBS]}, {"include": ["a"]}),
    ],
)
def test_a_student_that_takes_none_is_not_asked_for_what_the_client_wants_either(surface, body, asked):
    assert ask(surface, body, logprobs=False) == {"model": "student", **asked}


def test_what_a_student_is_given_for_good_wins_over_log_probabilities():
    assert ask(CHAT, {}, logprobs=True, put={"top_logprobs": 2})["top_logprobs"] == 2
    assert "top_logprobs" not in ask(CHAT, {}, logprobs=True, drop=["top_logprobs"])
