"""The openai package's own clients get the same through the proxy as directly."""

from __future__ import annotations

import base64

import openai
import pytest

from tests.fakes.chat import chat_reply
from tests.fakes.running import Running
from tests.fakes.upstream import Reply, Seen, Upstream, json_reply, sse_reply

USAGE = {
    "input_tokens": 5,
    "output_tokens": 2,
    "total_tokens": 7,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def response_object(status: str = "completed", text: str = "hello there") -> dict:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "model": "gpt-4o-2024-08-06",
        "status": status,
        "output": [message] if status == "completed" else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": USAGE if status == "completed" else None,
    }


def response_events() -> list[bytes]:
    import msgspec

    events = [
        {"type": "response.created", "response": response_object("in_progress")},
        *(
            {
                "type": "response.output_text.delta",
                "item_id": "msg_1",
                "output_index": 0,
                "content_index": 0,
                "delta": word,
                "logprobs": [],
            }
            for word in ("hello", " there")
        ),
        {"type": "response.completed", "response": response_object()},
    ]
    return [
        f"event: {event['type']}\ndata: ".encode() + msgspec.json.encode({**event, "sequence_number": number}) + b"\n\n"
        for number, event in enumerate(events)
    ]


def tool_reply() -> Reply:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return json_reply(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06", "choices": [choice]}
    )


def api(seen: Seen) -> Reply:  # noqa: PLR0911 - one line a case
    """A small OpenAI."""
    error = {"message": "no", "type": "invalid_request_error", "param": "model", "code": "bad"}
    if seen.path.endswith("/models"):
        return json_reply(
            {"object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "o"}]}
        )
    if seen.path.endswith("/files"):
        size = len(seen.body.split(b"\r\n\r\n")[-1].split(b"\r\n--")[0])
        file = {"id": "file-1", "object": "file", "bytes": size, "created_at": 1, "filename": "a.txt"}
        return json_reply({**file, "purpose": "assistants", "status": "processed"})
    asked = seen.json
    if asked.get("model") == "bad":
        return json_reply({"error": error}, status=400)
    if asked.get("model") == "busy":
        headers = (("content-type", "application/json"), ("retry-after", "7"), ("x-request-id", "req_9"))
        return json_reply({"error": {**error, "code": "rate_limit_exceeded"}}, status=429, headers=headers)
    if seen.path.endswith("/embeddings"):
        vector = base64.b64encode(b"\0\0\x80?\0\0\0@").decode()
        encoded = vector if asked.get("encoding_format") == "base64" else [1.0, 2.0]
        data = [{"object": "embedding", "index": 0, "embedding": encoded}]
        usage = {"prompt_tokens": 2, "total_tokens": 2}
        return json_reply({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage})
    if seen.path.endswith("/responses"):
        return sse_reply(response_events()) if asked.get("stream") else json_reply(response_object())
    if asked.get("tools"):
        return tool_reply()
    return chat_reply(seen, "hello there, how can I help", model="gpt-4o-2024-08-06")


MESSAGES = [{"role": "user", "content": "hello"}]


def outcome(call) -> object:
    """What a client's user would see: the value, the events, or the error with its status, body and headers."""
    try:
        result = call()
        if isinstance(result, openai.Stream):
            return [event.to_dict() for event in result]
        return result.to_dict()
    except openai.APIStatusError as error:
        kept = {k: v for k, v in error.response.headers.items() if k != "x-understudy-id"}
        return type(error), error.status_code, error.body, kept


CASES = {
    "chat": lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGES),
    "chat streamed": lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True),
    "tools": lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=[TOOL]),
    "responses": lambda c: c.responses.create(model="gpt-4o", input="hello"),
    "responses streamed": lambda c: c.responses.create(model="gpt-4o", input="hello", stream=True),
    "embeddings": lambda c: c.embeddings.create(model="text-embedding-3-small", input="hello"),
    "an error 400": lambda c: c.chat.completions.create(model="bad", messages=MESSAGES),
    "a 429 with retry-after": lambda c: c.chat.completions.create(model="busy", messages=MESSAGES),
    "models list": lambda c: c.models.list(),
    "files upload": lambda c: c.files.create(file=("a.txt", b"x" * 300_000), purpose="assistants"),
}


def end_to_end(seen: Seen) -> list[tuple[str, str]]:
    """Headers but for the hop-by-hop one that clients send."""
    return sorted((name.lower(), value) for name, value in seen.headers if name.lower() != "connection")


@pytest.fixture(scope="module")
def teacher():
    with Upstream(api) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def running(teacher, tmp_path_factory):
    bare = f"http://127.0.0.1:{teacher.port}"
    routes = [
        {"name": "azure", "match": {"path": "/openai/*"}, "teacher": {"url": bare}},
        {"name": "all", "match": {"path": "/v1/*"}, "teacher": {"url": teacher.url}},
    ]
    config = {"routes": routes, "teacher": {"url": teacher.url}}
    with Running(tmp_path_factory.mktemp("clients"), config) as started:
        yield started


@pytest.mark.parametrize("case", CASES)
def test_the_client_gets_the_same_through_the_proxy(teacher, running, case):
    direct = openai.OpenAI(base_url=teacher.url, api_key="sk-test", max_retries=0)
    proxied = openai.OpenAI(base_url=running.url, api_key="sk-test", max_retries=0)
    before = len(teacher.seen)

    expected, got = outcome(lambda: CASES[case](direct)), outcome(lambda: CASES[case](proxied))

    assert got == expected
    asked_directly, asked_through = teacher.seen[before:]
    assert asked_through.target == asked_directly.target
    assert asked_through.header("authorization") == "Bearer sk-test"
    if "upload" in case:  # a multipart boundary is random
        assert len(asked_through.body) == len(asked_directly.body)
    else:
        assert asked_through.body == asked_directly.body
        assert end_to_end(asked_through) == end_to_end(asked_directly)


@pytest.mark.parametrize("case", ["chat", "chat streamed", "tools", "embeddings", "an error 400"])
def test_the_azure_client_gets_the_same_through_the_proxy(teacher, running, case):
    def client(host: str) -> openai.AzureOpenAI:
        return openai.AzureOpenAI(azure_endpoint=host, api_key="az-key", api_version="2024-10-21", max_retries=0)

    direct, proxied = client(f"http://127.0.0.1:{teacher.port}"), client(running.url.removesuffix("/v1"))
    before = len(teacher.seen)

    expected, got = outcome(lambda: CASES[case](direct)), outcome(lambda: CASES[case](proxied))

    assert got == expected
    asked_directly, asked_through = teacher.seen[before:]
    assert asked_through.target == asked_directly.target
    assert "/openai/deployments/" in asked_through.target
    assert asked_through.header("api-key") == "az-key"
