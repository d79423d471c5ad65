"""Pairs in a file, a line of JSON each: as ``understudy pairs`` prints them, or two answers side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from comparators.base import SURFACES, Answer, Request
from proxy.errors import UsageError
from proxy.openai.answers import UnreadableAnswerError, read_response

_BODIES = {"choices": "chat/completions", "output": "responses", "data": "embeddings", "embeddings": "embeddings"}

_AN_ANSWER = "a text or an answer, an object with `content`, `tool_calls` or `response`"


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file."""

    id: Any = None
    request: Request
    teacher: Answer | None  # None: there is none, or none that can be read
    student: Answer | None


class _LineError(ValueError):
    """What is wrong with a line."""


def read_pairs(lines: Iterable[bytes], file: str) -> Iterator[Pair]:
    """The pairs of a file, lines without text left out.

    Raises:
        UsageError: a line is no pair; the message names file, line and what is wrong.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _pair(line)
        except _LineError as error:
            raise UsageError(f"{file}:{number}: {error}") from None


def _pair(line: bytes) -> Pair:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise _LineError("is no JSON; each line is one object") from None
    if not isinstance(record, dict):
        raise _LineError("must be an object with `teacher` and `student`")
    student = "student_answer" if "student_answer" in record else "student"
    for key in ("teacher", student):
        if key not in record:
            raise _LineError(f"lacks `{key}`")
    body = record.get("request")
    if body is not None and not isinstance(body, dict):
        raise _LineError("`request` must be an object, the request's body")
    surface = record.get("surface") or _surface_of(record["teacher"])
    if surface not in SURFACES:
        raise _LineError(f"`surface` must be one of {', '.join(sorted(SURFACES))}; found {str(surface)[:80]}")
    return Pair(
        id=record.get("id"),
        request=Request(surface=surface, body=body or {}),
        teacher=_answer(record["teacher"], surface, "teacher"),
        student=_answer(record[student], surface, student),
    )


def _surface_of(answer: Any) -> str:
    """Which surface an answer is of, where nobody says so."""
    body = answer.get("response") or answer if isinstance(answer, dict) else {}
    return next((surface for key, surface in _BODIES.items() if key in body), "chat/completions")


def _answer(value: Any, surface: str, side: str) -> Answer | None:
    if isinstance(value, str):
        return Answer(content=value)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _LineError(f"`{side}` must be {_AN_ANSWER}")
    if value.get("error"):
        return None
    body = value.get("response") or value
    if isinstance(body, dict) and not _BODIES.keys().isdisjoint(body.keys() - {"embeddings"}):
        return _read(body, surface, side)
    if value.keys().isdisjoint(Answer.__struct_fields__):
        raise _LineError(f"`{side}` must be {_AN_ANSWER}; it has none of these")
    try:
        return msgspec.convert(_plain(value), Answer)
    except msgspec.ValidationError as error:
        raise _LineError(f"`{side}`: {str(error)[:1].lower()}{str(error)[1:]}") from None


def _read(body: dict[str, Any], surface: str, side: str) -> Answer:
    try:
        return read_response(surface, body).answer
    except UnreadableAnswerError as error:
        if error.reading is None:
            raise _LineError(f"`{side}` is no answer of {surface}: {error.kind}") from None
        return error.reading.answer  # it says nothing


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what is null; arguments of tool calls that are written as objects become texts, as models give them."""
    answer = {key: value for key, value in answer.items() if value is not None}
    calls = answer.get("tool_calls")
    if isinstance(calls, list):
        answer["tool_calls"] = [_with_text(call) if isinstance(call, dict) else call for call in calls]
    return answer


def _with_text(call: dict[str, Any]) -> dict[str, Any]:
    call = call["function"] if isinstance(call.get("function"), dict) else call
    arguments = call.get("arguments", "{}")
    return {**call, "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments)}
