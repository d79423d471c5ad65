from collections import Counter

import pytest

from proxy.openai import requests
from proxy.openai.shadowable import not_shadowable
from tests.openai_wire import recorded

CHAT = "chat/completions"
HELLO = [{"role": "user", "content": "hello"}]
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}


def chat(**fields):
    return CHAT, {"model": "gpt-4o", "messages": HELLO, **fields}


def responses(**fields):
    return "responses", {"model": "gpt-4o", "input": "hello", **fields}


def part(**fields):
    return [{"role": "user", "content": [fields]}]


@pytest.mark.parametrize(
    "request_",
    [
        chat(),
        chat(stream=True, n=3, logprobs=True, tools=[FUNCTION, {"type": "custom", "custom": {"name": "c"}}]),
        chat(functions=[{"name": "legacy"}], response_format={"type": "json_schema", "json_schema": {}}),
        chat(store=True, metadata={"a": "b"}, web_search_options=None, modalities=["text"]),
        chat(messages=part(type="image_url", image_url={"url": "data:,"})),
        chat(messages=part(type="file", file={"file_data": "data:,", "filename": "a.pdf"})),
        chat(messages=part(type="input_audio", input_audio={"data": "", "format": "mp3"})),
        responses(),
        responses(previous_response_id=None, conversation=None, prompt=None, background=False),
        responses(tools=[{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]),
        responses(input=part(type="input_file", file_data="data:,", filename="a.pdf")),
        responses(input=part(type="input_file", file_url="https://x/a.pdf")),
        responses(input=[*HELLO, {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "x"}]),
        responses(
            input=[
                *HELLO,
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
                {"type": "custom_tool_call", "call_id": "d", "name": "c", "input": "x"},
                {"type": "custom_tool_call_output", "call_id": "d", "output": "y"},
            ]
        ),
        responses(
            input=[
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "x", "annotations": [{"file_id": "a citation"}]}],
                }
            ]
        ),
        ("completions", {"model": "m", "prompt": "hello"}),
        ("completions", {"model": "m", "prompt": [1, 2]}),
        ("embeddings", {"model": "m", "input": ["a", "b"]}),
    ],
)
def test_a_student_can_be_asked(request_):
    assert not_shadowable(*request_) is None


@pytest.mark.parametrize(
    ("reason", "request_"),
    [
        ("previous_response_id", responses(previous_response_id="resp_1")),
        ("previous_response_id", ("responses", {"model": "m", "previous_response_id": "resp_1"})),
        ("conversation", responses(conversation="conv_1")),
        ("conversation", responses(conversation={"id": "conv_1"})),
        ("stored_prompt", ("responses", {"prompt": {"id": "pmpt_1"}})),
        ("background", responses(background=True)),
        ("file_id", chat(messages=part(type="file", file={"file_id": "file-1"}))),
        ("file_id", responses(input=part(type="input_file", file_id="file-1"))),
        ("file_id", responses(input=part(type="input_image", file_id="file-1"))),
        (
            "file_id",
            responses(
                input=[
                    {
                        "type": "function_call_output",
                        "call_id": "c",
                        "output": [{"type": "input_image", "file_id": "file-1"}],
                    }
                ]
            ),
        ),
        ("item_reference", responses(input=[{"type": "item_reference", "id": "msg_1"}])),
        ("item_reference", responses(input=[{"id": "msg_1"}])),
        ("item_reference", chat(messages=[*HELLO, {"role": "assistant", "audio": {"id": "audio_1"}}])),
        ("compaction", responses(input=[{"type": "compaction", "encrypted_content": "x"}])),
        *[
            ("hosted_tool", responses(tools=[{"type": kind}]))
            for kind in (
                "web_search",
                "web_search_preview",
                "file_search",
                "code_interpreter",
                "computer_use_preview",
                "mcp",
                "image_generation",
                "local_shell",
                "something_new",
            )
        ],
        ("hosted_tool", responses(tools=[{"type": "function", "name": "f"}, {"type": "mcp"}])),
        ("hosted_tool", responses(input=[*HELLO, {"type": "web_search_call", "id": "ws_1"}])),
        ("hosted_tool", responses(input=[*HELLO, {"type": "mcp_approval_response"}])),
        ("hosted_tool", chat(web_search_options={})),
        ("hosted_tool", chat(model="gpt-4o-search-preview-2025-03-11")),
        ("hosted_tool", chat(model="gpt-5-search-api")),
        ("hosted_tool", chat(data_sources=[{"type": "azure_search"}])),
        ("audio_output", chat(modalities=["text", "audio"], audio={"voice": "alloy"})),
        ("missing_input", (CHAT, {"model": "m"})),
        ("missing_input", chat(messages=[])),
        ("missing_input", chat(messages="hello")),
        ("missing_input", chat(messages=["hello"])),
        ("missing_input", ("responses", {"model": "m", "input": ""})),
        ("missing_input", ("completions", {"model": "m"})),
        ("missing_input", ("embeddings", {"model": "m", "input": {}})),
    ],
)
def test_a_student_cannot_be_asked_and_why(reason, request_):
    assert not_shadowable(*request_) == reason


@pytest.mark.skipif(not recorded.exchanges(), reason="../shared/data/wire.jsonl is absent")
def test_of_the_recorded_requests_those_with_state_or_hosted_tools_are_told_by_reason():
    recordings = [exchange for exchange in recorded.exchanges() if exchange.surface == "responses"]

    reasons = Counter(requests.read_request("responses", exchange.request).not_shadowable for exchange in recordings)

    stated = Counter(
        key
        for exchange in recordings
        for key in ("previous_response_id", "conversation", "background")
        if exchange.asked.get(key)
    )
    assert {key: reasons[key] for key in stated} == stated
    assert reasons[None] > 50
    assert reasons["hosted_tool"] >= 11
