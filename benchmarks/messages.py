"""What is sent in benchmarks: a chat completion of the size that DESIGN.md measured with."""

from __future__ import annotations

import json

REQUEST_BYTES = 1900
ANSWER_BYTES = 1400
EVENTS = 100

_SENTENCE = "The customer asks whether the parcel that was sent on Monday can still be redirected. "


def chat_request(*, stream: bool) -> bytes:
    """A request body of 1.9 KB."""
    return _filled(
        lambda text: {
            "model": "gpt-4o",
            "stream": stream,
            "temperature": 0,
            "messages": [
                {"role": "system", "content": "Name the intent of the customer's message."},
                {"role": "user", "content": text},
            ],
        },
        REQUEST_BYTES,
    )


def chat_answer() -> bytes:
    """A whole answer of 1.4 KB."""
    return _filled(
        lambda text: {
            "id": "chatcmpl-benchmark",
            "object": "chat.completion",
            "created": 1790000000,
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 400, "completion_tokens": 250, "total_tokens": 650},
        },
        ANSWER_BYTES,
    )


def chat_events() -> list[bytes]:
    """The events of a streamed answer, the last one among them."""
    events = [_event({"role": "assistant", "content": ""}, None)]
    events += [_event({"content": f" token{number}"}, None) for number in range(EVENTS - 3)]
    return [*events, _event({}, "stop"), b"data: [DONE]\n\n"]


def _event(delta: dict[str, str], finish_reason: str | None) -> bytes:
    chunk = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _filled(make, size: int) -> bytes:
    empty = len(json.dumps(make("")))
    text = (_SENTENCE * (size // len(_SENTENCE) + 1))[: size - empty]
    return json.dumps(make(text)).encode()
