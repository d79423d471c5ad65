"""Chat completions as a server would answer them, whole and streamed."""

from __future__ import annotations

import msgspec

from tests.fakes.upstream import Reply, Seen, json_reply, sse_reply


def chat_completion(content: str, *, model: str, finish_reason: str = "stop") -> dict[str, object]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
    }


def chat_events(content: str, *, model: str) -> list[bytes]:
    """One event for each word, then usage, then [DONE]."""
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": model}

    def event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return b"data: " + msgspec.json.encode({**common, "choices": [choice]}) + b"\n\n"

    pieces = content.split(" ")
    words = [piece if number == 0 else f" {piece}" for number, piece in enumerate(pieces)]
    usage = {"prompt_tokens": 20, "completion_tokens": len(words), "total_tokens": 20 + len(words)}
    return [
        event({"role": "assistant", "content": ""}),
        *(event({"content": word}) for word in words),
        event({}, "stop"),
        b"data: " + msgspec.json.encode({**common, "choices": [], "usage": usage}) + b"\n\n",
        b"data: [DONE]\n\n",
    ]


def chat_reply(seen: Seen, content: str, *, model: str) -> Reply:
    """The answer to a request, streamed if it asks for that."""
    if seen.json.get("stream"):
        return sse_reply(chat_events(content, model=model))
    return json_reply(chat_completion(content, model=model))
