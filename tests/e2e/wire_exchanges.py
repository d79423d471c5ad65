"""The recorded exchanges as both sides sent them, and what must become of them: computed without the product's code."""

from __future__ import annotations

import functools
import json
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli
import zstandard

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "wire.jsonl"
# CONTRACT.md, "What a student is asked".
ALWAYS_DROPPED = (
    *("stream_options", "logit_bias", "store", "metadata", "user", "safety_identifier", "service_tier"),
    *("prompt_cache_key", "prompt_cache_retention"),
)
FINISH_REASONS = {"max_output_tokens": "length"}


@dataclass(frozen=True)
class Recorded:
    """One exchange.  Where the recording was parsed (``as_text`` is false) its bodies are written again."""

    name: str
    method: str
    path: str
    request: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    response: bytes
    as_text: bool

    @functools.cached_property
    def surface(self) -> str | None:
        endings = ("chat/completions", "completions", "responses", "embeddings")
        path = self.path.partition("?")[0]
        return next((ending for ending in endings if path.endswith(f"/{ending}")), None)

    @property
    def streamed(self) -> bool:
        return any("event-stream" in value for _, value in self.headers)

    @property
    def is_made_of_deltas(self) -> bool:
        return self.streamed and self.surface != "responses"

    @functools.cached_property
    def asked(self) -> Any:
        return json.loads(self.request)

    @functools.cached_property
    def events(self) -> list[Any]:
        """The JSON of each event: these recordings have one ``data`` line each."""
        texts = [line[5:].strip() for line in self.response.decode().split("\n") if line.startswith("data:")]
        return [json.loads(text) for text in texts if text != "[DONE]"]

    def question(self, model: str) -> str:
        """What a student is asked, in one spelling."""
        body = {key: value for key, value in self.asked.items() if key not in (*ALWAYS_DROPPED, "stream")}
        if self.surface == "responses":
            if isinstance(body["input"], list):
                closed = [item for item in body["input"] if item.get("type") == "reasoning" and not item.get("content")]
                body["input"] = [item for item in body["input"] if item not in closed]
            include = [entry for entry in body.pop("include", []) if entry != "reasoning.encrypted_content"]
            body |= {"include": include} if include else {}
        return spelled(self.surface, body | {"model": model})


def spelled(surface: str | None, body: Any) -> str:
    return f"{surface} {json.dumps(body, sort_keys=True)}"


def read_recordings() -> list[Recorded]:
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    return [
        Recorded(
            name=f"{row['name']} {row['n']}",
            method=row["method"],
            path=row["path"],
            request=_bytes(row["request"]),
            status=row["status"],
            headers=tuple((name, str(value)) for name, value in row["headers"].items()),
            response=_bytes(row["response"]),
            as_text=isinstance(row["request"], str) and isinstance(row["response"], str),
        )
        for row in rows
    ]


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()


# How a body is cut and coded on its way


def _whole(body: bytes) -> list[bytes]:
    return [body]


def _within_characters(body: bytes) -> list[bytes]:
    """Cut before every byte that goes on with a character, and within JSON's escaped ones."""
    return re.split(rb"(?=[\x80-\xbf])|(?<=\\u\w\w)", body)


def _within_events(body: bytes) -> list[bytes]:
    """Cut within field names, between the two line ends after an event, and before values."""
    return re.split(rb"(?<=\nda)(?=ta:)|(?<=\n)(?=\n)|(?<=\": )", body)


def _gzip(pieces: Sequence[bytes]) -> list[bytes]:
    squeeze = zlib.compressobj(wbits=31)
    return [squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH) for piece in pieces] + [squeeze.flush()]


def _br(pieces: Sequence[bytes]) -> list[bytes]:
    squeeze = brotli.Compressor()
    return [squeeze.process(piece) + squeeze.flush() for piece in pieces] + [squeeze.finish()]


def _zstd(pieces: Sequence[bytes]) -> list[bytes]:
    squeeze = zstandard.ZstdCompressor().compressobj()
    ends = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    return [squeeze.compress(piece) + squeeze.flush(ends) for piece in pieces] + [squeeze.flush()]


CUTS: dict[str, Callable[[bytes], list[bytes]]] = {
    "whole": _whole,
    "1 byte": _whole,  # cut once coded
    "mid-UTF-8": _within_characters,
    "mid-event": _within_events,
}
CODINGS: dict[str, Callable[[Sequence[bytes]], list[bytes]]] = {"": list, "gzip": _gzip, "br": _br, "zstd": _zstd}
_BY_BYTES = 1_000  # at either end of a body; what is between comes in larger pieces, to save time


def on_the_wire(body: bytes, coding: str, cut: str) -> list[bytes]:
    """The pieces that an upstream writes: coded piece by piece and flushed, as streaming servers do."""
    pieces = [piece for piece in CODINGS[coding](CUTS[cut](body)) if piece]
    if cut != "1 byte":
        return pieces
    coded = b"".join(pieces)
    middle = coded[_BY_BYTES:-_BY_BYTES]
    return [
        *_every(1, coded[:_BY_BYTES]),
        *_every(997, middle),
        *_every(1, coded[max(_BY_BYTES, len(coded) - _BY_BYTES) :]),
    ]


def _every(size: int, body: bytes) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


# What the recorded answers say


@dataclass(frozen=True)
class Said:
    """A pair's ``teacher``, as far as the recording tells: of deltas, the texts, the calls and how they end."""

    content: str | None
    tool_calls: list[dict[str, Any]]
    finish_reason: str | None
    usage: dict[str, Any] | None  # None: the recording has none, so it is estimated
    response: dict[str, Any]


def said(recorded: Recorded) -> Said | None:
    """What a recorded answer says; None where it is not a whole answer."""
    body = _put_together(recorded) if recorded.streamed else json.loads(recorded.response)
    if body is None or body.get("error"):
        return None
    read = {"responses": _response, "embeddings": _embeddings}.get(recorded.surface or "", _choice)
    return read(body)


def _put_together(recorded: Recorded) -> dict[str, Any] | None:
    if recorded.surface == "responses":
        ends = ("response.completed", "response.incomplete")
        return next((event["response"] for event in recorded.events if event["type"] in ends), None)
    if b"data: [DONE]" not in recorded.response:
        return None
    body: dict[str, Any] = {}
    for event in recorded.events:
        told = {key: value for key, value in event.items() if key not in ("choices", "object", "obfuscation")}
        body |= {key: value for key, value in told.items() if value or key not in body}
    pieces = [choice for event in recorded.events for choice in event["choices"]]
    indices = sorted({piece["index"] for piece in pieces})
    body["choices"] = [_joined(index, [piece for piece in pieces if piece["index"] == index]) for index in indices]
    return body | {"object": "chat.completion" if recorded.surface == "chat/completions" else "text_completion"}


def _joined(index: int, pieces: list[dict[str, Any]]) -> dict[str, Any]:
    ends = next(piece["finish_reason"] for piece in reversed(pieces) if piece["finish_reason"])
    if "text" in pieces[0]:
        return {"index": index, "finish_reason": ends, "text": "".join(piece["text"] for piece in pieces)}
    deltas = [piece["delta"] for piece in pieces]
    content = "".join(delta.get("content") or "" for delta in deltas)
    calls: dict[int, dict[str, Any]] = {}
    for part in (part for delta in deltas for part in delta.get("tool_calls") or ()):
        call = calls.setdefault(part["index"], {"id": part.get("id"), "name": part["function"].get("name"), "said": ""})
        call["said"] += part["function"].get("arguments") or ""
    tool_calls = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["said"]}}
        for _, call in sorted(calls.items())
    ]
    message = {"role": "assistant", "content": content or None} | ({"tool_calls": tool_calls} if tool_calls else {})
    return {"index": index, "finish_reason": ends, "message": message}


def _choice(body: dict[str, Any]) -> Said:
    choice = body["choices"][0]
    message = choice.get("message", {})
    calls = [call["function"] | {"id": call["id"]} for call in message.get("tool_calls") or ()]
    if message.get("function_call"):
        calls = [message["function_call"] | {"id": None}]
    content = choice["text"] if "text" in choice else message["content"]
    return Said(content or None, calls, choice["finish_reason"], _usage(body, "prompt", "completion"), body)


def _response(body: dict[str, Any]) -> Said | None:
    if body["status"] in ("failed", "cancelled", "queued", "in_progress"):
        return None
    parts = [part for item in body["output"] if item["type"] == "message" for part in item["content"]]
    calls = [
        {"name": item["name"], "arguments": item.get("arguments", item.get("input")), "id": item["call_id"]}
        for item in body["output"]
        if item["type"] in ("function_call", "custom_tool_call")
    ]
    reason = ("tool_calls" if calls else "stop") if body["status"] == "completed" else body["status"]
    if reason == "incomplete":
        reason = FINISH_REASONS.get(body["incomplete_details"]["reason"], body["incomplete_details"]["reason"])
    content = "".join(part["text"] for part in parts if part["type"] == "output_text")
    return Said(content or None, calls, reason, _usage(body, "input", "output"), body)


def _embeddings(body: dict[str, Any]) -> Said:
    return Said(None, [], None, _usage(body, "prompt", "completion"), body)


def _usage(body: dict[str, Any], read: str, written: str) -> dict[str, Any] | None:
    usage = body.get("usage")
    if usage is None:
        return None
    return {
        "input_tokens": usage[f"{read}_tokens"],
        "output_tokens": usage.get(f"{written}_tokens", 0),
        "cached_input_tokens": (usage.get(f"{read}_tokens_details") or {}).get("cached_tokens") or 0,
        "reasoning_tokens": (usage.get(f"{written}_tokens_details") or {}).get("reasoning_tokens") or 0,
        "estimated": False,
    }
