"""Tokens read and written, as an answer reports them or as estimated where it does not."""

from __future__ import annotations

from typing import Any

import msgspec

from comparators.base import Answer

_BYTES_PER_TOKEN = 4  # of UTF-8, about right for English prose and for most other languages with today's tokenizers
_TOKENS_PER_MESSAGE = 4  # role and separators
_MOST_TOKENS = 10**9  # of one answer, each kind: what a server makes up must not overflow sums of tokens and costs
_TEXT_KEYS = frozenset({"text", "content", "arguments", "output", "input", "refusal", "name"})


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one exchange. The cached ones are part of the input, reasoning is part of the output."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


def read_usage(surface: str, response: dict[str, Any]) -> Usage | None:
    """What a body says in ``usage``; None unless it gives whole numbers for input and output."""
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return None
    read, written = ("input", "output") if surface == "responses" else ("prompt", "completion")
    input_tokens = _count(usage.get(f"{read}_tokens"))
    output_tokens = _count(usage.get(f"{written}_tokens"))
    if surface == "embeddings":
        output_tokens = output_tokens or 0
    if input_tokens is None or output_tokens is None:
        return None
    cached = _detail(usage.get(f"{read}_tokens_details"), "cached_tokens")
    reasoning = _detail(usage.get(f"{written}_tokens_details"), "reasoning_tokens")
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_input_tokens=min(cached, input_tokens),
        reasoning_tokens=reasoning,
    )


def estimate(surface: str, body: dict[str, Any], answer: Answer) -> Usage:
    """Usage by size of the texts, images and files left out: a token for every four bytes.

    Args:
        surface: The request's surface.
        body: The request.
        answer: What it was answered with.
    """
    if surface == "embeddings":
        return Usage(input_tokens=_tokens(body.get("input")), output_tokens=0, estimated=True)
    if surface == "completions":
        asked = _tokens(body.get("prompt"))
    else:
        asked = sum(_tokens(body.get(key)) for key in ("messages", "input", "instructions"))
        asked += sum(_written_size(body.get(key)) for key in ("tools", "functions", "response_format", "text"))
    written = [answer.content or "", answer.refusal or ""]
    written += [text for call in answer.tool_calls for text in (call.name, call.arguments)]
    return Usage(
        input_tokens=asked,
        output_tokens=_text_tokens("".join(written)),
        estimated=True,
    )


def _count(value: Any) -> int | None:
    counted = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return min(value, _MOST_TOKENS) if counted else None


def _detail(details: Any, key: str) -> int:
    return (_count(details.get(key)) or 0) if isinstance(details, dict) else 0


def _text_tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def _tokens(asked: Any) -> int:
    """Tokens of a prompt, a list of them, messages, items or parts; token arrays count as they are."""
    if isinstance(asked, str):
        return _text_tokens(asked)
    if isinstance(asked, list):
        return sum(_tokens(part) for part in asked)
    if isinstance(asked, dict):
        overhead = _TOKENS_PER_MESSAGE if "role" in asked else 0
        texts = sum(_tokens(value) for key, value in asked.items() if key in _TEXT_KEYS)
        calls = asked.get("tool_calls")
        return overhead + texts + (_written_size(calls) if calls else 0)
    return 1 if isinstance(asked, int) else 0


def _written_size(value: Any) -> int:
    return -(-len(msgspec.json.encode(value)) // _BYTES_PER_TOKEN) if value else 0
