"""Responses: whole, or out of a stream of typed events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comparators.base import Answer, ToolCall
from proxy.openai import json_text
from proxy.openai.errors import error_label
from proxy.openai.reading import Assembled, Reading, UnreadableAnswerError, text_or_none, token_logprobs
from proxy.openai.stream import Payload

# Tuples, not sets: a stranger's `type` may be a list, which no set can be asked about.
_TERMINAL = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_UNFINISHED = ("queued", "in_progress")
_FINISH_REASONS = {"max_output_tokens": "length"}
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}


def assemble(payloads: Iterable[Payload]) -> Assembled:
    """The response that the terminal event carries; without one, what was known when the stream broke off."""
    known: dict[str, Any] = {}
    items: dict[int, Any] = {}
    logprobs: dict[tuple[int, int], list[Any]] = {}
    for payload in payloads:
        kind = payload.fields.get("type") or payload.name
        if kind == "error" or (payload.fields.get("error") and "response" not in payload.fields):
            error = error_label(payload.fields.get("error") or payload.fields)
            return Assembled(response=_with_items(known, items), complete=False, error=error)
        response = payload.fields.get("response")
        if isinstance(response, dict):
            known = response
            if kind in _TERMINAL:
                return Assembled(response=_with_logprobs(_with_items(known, items), logprobs), complete=True)
        elif kind == "response.output_item.done":
            index = payload.fields.get("output_index")
            items[index if isinstance(index, int) else len(items)] = payload.fields.get("item")
        elif kind == "response.output_text.done" and isinstance(payload.fields.get("logprobs"), list):
            place = (_whole(payload.fields.get("output_index")), _whole(payload.fields.get("content_index")))
            logprobs[place] = payload.fields["logprobs"]
    return Assembled(response=_with_items(known, items), complete=False, started=bool(known))


def read(response: dict[str, Any]) -> Reading:
    """Read a ``response``."""
    output = response.get("output")
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        raise UnreadableAnswerError("not_the_surface")
    texts: list[str] = []
    refusals: list[str] = []
    logprobs: list[Any] = []
    for part in _message_parts(output):
        if part.get("type") == "output_text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
            if isinstance(part.get("logprobs"), list):
                logprobs.extend(part["logprobs"])
        elif part.get("type") == "refusal" and isinstance(part.get("refusal"), str):
            refusals.append(part["refusal"])
    calls = tuple(_tool_call(item) for item in output if item.get("type") in tuple(_CALLS))
    return Reading(
        answer=Answer(
            model=text_or_none(response.get("model")),
            content="".join(texts) or None,
            refusal="".join(refusals) or None,
            tool_calls=calls,
            finish_reason=_finish_reason(response, calls=bool(calls)),
            logprobs=token_logprobs(logprobs),
            response=response,
        ),
        complete=response.get("status") not in _UNFINISHED,
        error=error_label(None) if response.get("status") == "failed" else None,
    )


def _with_items(response: dict[str, Any], items: dict[int, Any]) -> dict[str, Any]:
    """Some servers leave the output out of the response and give it item by item alone."""
    if response.get("output") or not items:
        return response
    return {**response, "output": [items[index] for index in sorted(items)]}


def _with_logprobs(response: dict[str, Any], logprobs: dict[tuple[int, int], list[Any]]) -> dict[str, Any]:
    """Some servers give the log-probabilities with the text's own event alone. The parts are ours to change."""
    output = response.get("output")
    for number, item in enumerate(output if isinstance(output, list) else ()):
        content = item.get("content") if isinstance(item, dict) else None
        for place, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict) and not part.get("logprobs") and logprobs.get((number, place)):
                part["logprobs"] = logprobs[number, place]
    return response


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _message_parts(output: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for item in output:
        content = item.get("content")
        if item.get("type") == "message" and isinstance(content, list):
            yield from (part for part in content if isinstance(part, dict))


def _tool_call(item: dict[str, Any]) -> ToolCall:
    arguments = item.get(_CALLS[item["type"]])
    if not isinstance(item.get("name"), str):
        raise UnreadableAnswerError("not_the_surface")
    return ToolCall(
        name=item["name"],
        arguments=arguments if isinstance(arguments, str) else json_text.encode(arguments or {}).decode(),
        id=text_or_none(item.get("call_id")),
    )


def _finish_reason(response: dict[str, Any], *, calls: bool) -> str | None:
    """In the words of chat completions, so that comparators know one set of them."""
    status = response.get("status")
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = text_or_none(details.get("reason")) if isinstance(details, dict) else None
        return _FINISH_REASONS.get(reason, reason) if reason is not None else "incomplete"
    if status in (None, "completed"):
        return "tool_calls" if calls else "stop"
    return text_or_none(status)
