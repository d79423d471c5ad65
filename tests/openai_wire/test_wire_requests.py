import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.openai import requests
from tests.openai_wire import recorded

CHAT = "chat/completions"


def chat(*messages, **fields):
    return {"model": "gpt-4o", "messages": list(messages), **fields}


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


def read(surface, body):
    return requests.read_request(surface, json.dumps(body).encode())


def test_model_stream_and_user_are_told():
    reading = read(CHAT, chat(user("hi"), stream=True, user="u-1", safety_identifier="s-1"))

    assert (reading.model, reading.stream, reading.user, reading.safety_identifier) == ("gpt-4o", True, "u-1", "s-1")
    assert reading.not_shadowable is None


def test_a_body_without_credentials_is_given_back_as_it_came():
    body = b'{ "model": "m", "messages": [{"role": "user", "content": "say authorization"}], "n": 1e0 }'

    assert requests.read_request(CHAT, body).clean is body


def test_credentials_inside_tools_are_taken_out_and_nothing_else():
    function = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"headers": {}}}}}
    mcp = {"type": "mcp", "server_url": "https://x", "authorization": "planted-1", "headers": {"X-Key": "planted-2"}}
    nested = {"type": "namespace", "name": "n", "tools": [{"type": "mcp", "Authorization": "planted-3"}, function]}
    body = {"model": "m", "input": "hi", "tools": [function, mcp, nested], "temperature": 0.1}

    reading = read("responses", body)

    assert b"planted" not in reading.clean
    assert "planted" not in str(reading.body)
    expected = copy.deepcopy(body)
    del expected["tools"][1]["authorization"], expected["tools"][1]["headers"]
    del expected["tools"][2]["tools"][0]["Authorization"]
    assert reading.body == expected
    assert json.loads(reading.clean) == expected


def test_a_credential_hidden_by_a_key_given_twice_is_gone_too():
    body = b'{"input": "hi", "tools": [{"type": "mcp", "authorization": "planted"}], "tools": []}'

    assert b"planted" not in requests.read_request("responses", body).clean


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"seed": NaN}',
        b'{"seed": Infinity}',
        b'{"seed": 1e999}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
)
def test_what_is_no_json_is_not_shadowable_and_never_raises(body):
    reading = requests.read_request(CHAT, body)

    assert reading.not_shadowable == "invalid_json"
    assert (reading.body, reading.clean) == ({}, b"")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"12"])
def test_json_that_is_no_object_is_named_so(body):
    assert requests.read_request(CHAT, body).not_shadowable == "not_an_object"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "type", "content", "tools", "file", "file_id", "audio", "id", "authorization", "text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
SURFACES = st.sampled_from(["chat/completions", "completions", "responses", "embeddings"])
KEYS = [
    "model",
    "messages",
    "input",
    "prompt",
    "tools",
    "modalities",
    "include",
    "user",
    "instructions",
    "conversation",
]


@given(surface=SURFACES, body=st.dictionaries(st.sampled_from(KEYS), anything, max_size=5))
@example(surface=CHAT, body={"messages": [{"role": {}, "content": [{"type": []}]}], "tools": [{"type": []}]})
@example(surface="responses", body={"input": [{"type": [], "content": [{"type": {}}]}], "tools": [{"type": {}}]})
def test_whatever_shape_a_body_has_reading_and_asking_never_raise(surface, body):
    before = copy.deepcopy(body)

    reading = read(surface, body)
    requests.prompt_text(surface, body)
    asked = requests.student_request(surface, body, model="s", put={}, drop=[], stream=True)

    assert reading.not_shadowable is None or reading.not_shadowable.isidentifier()
    assert asked["model"] == "s"
    assert body == before


@given(surface=SURFACES, body=st.binary(max_size=60))
def test_whatever_bytes_come_reading_never_raises(surface, body):
    requests.read_request(surface, body)


TOOL_TURN = [
    user("weather?"),
    {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "w", "arguments": ""}}]},
    {"role": "tool", "tool_call_id": "c", "content": "sunny"},
]
ITEMS = [
    {"role": "user", "content": "weather?"},
    {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "x"},
    {"type": "function_call", "call_id": "c", "name": "w", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "sunny"},
]


@pytest.mark.parametrize(
    ("surface", "body", "turn"),
    [
        (CHAT, chat({"role": "system", "content": "s"}, user("a"), user("b")), "first"),
        (CHAT, chat(user("a"), assistant("b"), user("c")), "later"),
        (CHAT, chat(*TOOL_TURN), "after_tool"),
        (CHAT, chat(*TOOL_TURN, {"role": "system", "content": "be short"}), "after_tool"),
        (CHAT, chat(*TOOL_TURN, assistant("sunny"), user("and now?")), "later"),
        (CHAT, chat(*TOOL_TURN, user("well?")), "later"),
        ("responses", {"input": "a"}, "first"),
        ("responses", {"input": ITEMS[:1]}, "first"),
        ("responses", {"input": ITEMS}, "after_tool"),
        ("responses", {"input": [*ITEMS, {"role": "user", "content": "c"}]}, "later"),
        ("completions", {"prompt": "a"}, "first"),
        ("embeddings", {"input": ["a"]}, "first"),
    ],
)
def test_the_turn_is_told(surface, body, turn):
    assert read(surface, body).turn == turn


def test_a_first_turn_has_no_conversation():
    assert read(CHAT, chat(user("a"))).conversation_key is None
    assert read("completions", {"prompt": "a"}).conversation_key is None


def test_later_turns_of_one_conversation_share_its_key_and_others_do_not():
    second = chat(user("a"), assistant("b"), user("c"))
    third = chat(user("a"), assistant("b"), user("c"), assistant("d"), user("e"), temperature=0)
    other = chat(user("a"), assistant("other"), user("c"))

    key = read(CHAT, second).conversation_key

    assert len(key) == 64
    assert read(CHAT, third).conversation_key == key
    assert read(CHAT, other).conversation_key != key


def test_the_order_of_keys_makes_no_other_conversation():
    turned = [dict(reversed(message.items())) for message in [user("a"), assistant("b"), user("c")]]

    assert read(CHAT, chat(*turned)).conversation_key == read(CHAT, chat(user("a"), assistant("b"))).conversation_key


def test_a_responses_conversation_reaches_to_its_first_output_reasoning_left_out():
    key = read("responses", {"instructions": "i", "input": ITEMS}).conversation_key

    assert read("responses", {"instructions": "i", "input": [ITEMS[0], *ITEMS[2:]]}).conversation_key == key
    assert read("responses", {"instructions": "other", "input": ITEMS}).conversation_key != key


PICTURE = {"type": "image_url", "image_url": {"url": "data:,"}}


@pytest.mark.parametrize(
    ("surface", "body", "text"),
    [
        (CHAT, chat(user("old"), assistant("b"), user("new")), "new"),
        (CHAT, chat(user([{"type": "text", "text": "one"}, PICTURE, {"type": "text", "text": "two"}])), "one\ntwo"),
        (CHAT, chat(assistant("x"), user("one"), user("two")), "one\ntwo"),
        (CHAT, chat(*TOOL_TURN), "weather?"),
        (CHAT, {"messages": "wrong"}, ""),
        ("responses", {"input": "hello"}, "hello"),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]}, "hello"),
        ("responses", {"input": ITEMS}, "weather?"),
        ("completions", {"prompt": "hello"}, "hello"),
        ("completions", {"prompt": ["one", "two"]}, "one\ntwo"),
        ("completions", {"prompt": [1, 2, 3]}, ""),
        ("embeddings", {"input": ["one", "two"]}, "one\ntwo"),
        ("embeddings", {"input": [[1, 2]]}, ""),
    ],
)
def test_the_prompts_text_is_the_newest_user_turns(surface, body, text):
    assert requests.prompt_text(surface, body) == text


@recorded.each(recorded.exchanges())
def test_recorded_requests_are_read_as_they_are(exchange):
    reading = requests.read_request(exchange.surface, exchange.request)

    assert reading.model == exchange.asked["model"]
    if b'"headers"' not in exchange.request and b'"authorization"' not in exchange.request:
        assert reading.clean is exchange.request
        assert reading.body == exchange.asked
