"""The payloads of OpenAI's event streams: JSON objects, and the ``[DONE]`` that ends some of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from proxy.openai import json_text, sse


class Payload(msgspec.Struct, frozen=True):
    """One event's data: an object, or ``done``."""

    name: str
    fields: dict[str, Any] = {}
    done: bool = False


def payloads(stream: bytes) -> Iterator[Payload]:
    """Read a stream's events; heartbeats and whatever else is no object are passed over.

    The last event may be cut off. Any other one that should be JSON and is not raises NotJSONError: without it the
    answer would be another.
    """
    parser = sse.EventParser()
    for event in parser.feed(stream):
        payload = _payload(event)
        if payload is not None:
            yield payload
    last = parser.close()
    if last is not None:
        try:
            payload = _payload(last)
        except json_text.NotJSONError:
            return
        if payload is not None:
            yield payload


def _payload(event: sse.Event) -> Payload | None:
    data = event.data.strip()
    if data == b"[DONE]":
        return Payload(event.name, done=True)
    if not data:
        return None
    try:
        fields = json_text.decode(data)
    except json_text.NotJSONError:
        if event.name in ("", "message", "error") or event.name.startswith("response."):
            raise
        return None  # an event of somebody's own, such as `ping`
    return Payload(event.name, fields) if isinstance(fields, dict) else None
