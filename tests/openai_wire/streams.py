"""Event streams made for tests, as the published shapes have them."""

from __future__ import annotations

import json
from typing import Any


def stream(*events: Any, done: bool = True) -> bytes:
    """Chunks as ``data:`` lines, ended by ``[DONE]``."""
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def typed(*events: dict[str, Any]) -> bytes:
    """The typed events of responses."""
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"
        for number, event in enumerate(events)
    ).encode()


def chunk(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": list(choices), **fields}


def piece(delta: dict[str, Any], *, index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, **fields}
