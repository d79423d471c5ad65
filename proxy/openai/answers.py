"""Reading an answer: from a whole body or from an event stream, for every surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from comparators.base import Answer
from proxy.openai import chat, chunks, completions, embeddings, json_text, responses
from proxy.openai.errors import error_label
from proxy.openai.reading import Assembled, Reading, SurfaceReader, UnreadableAnswerError, text_or_none
from proxy.openai.stream import payloads
from proxy.openai.usage import read_usage

__all__ = [
    "Reading",
    "UnreadableAnswerError",
    "other_choices",
    "read_answer",
    "read_response",
    "terminal_event_passed",
]

_READERS: Mapping[str, SurfaceReader] = {
    "chat/completions": chat,
    "completions": completions,
    "responses": responses,
    "embeddings": embeddings,
}
_CUT_OFF = frozenset({"length", "content_filter"})
_STREAM_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


def read_answer(surface: str, content_type: str, body: bytes) -> Reading:
    """Read an answer with status 200, its content codings already decoded.

    Args:
        surface: One of the four surfaces.
        content_type: The header's value; where it is wrong or missing, the content tells.
        body: The whole body, or what there is of one.

    Raises:
        UnreadableAnswerError: It cannot be used. An answer that was cut off by a limit or a filter can be, even empty.
    """
    reader = _READERS[surface]
    if not body.strip():
        raise UnreadableAnswerError("empty")
    try:
        if _is_stream(content_type, body):
            assembled = reader.assemble(payloads(body))
        else:
            response = json_text.decode(body)
            if not isinstance(response, dict):
                raise UnreadableAnswerError("not_the_surface")
            assembled = Assembled(response=response, complete=True, error=_error_of(response))
        return _read(reader, surface, assembled)
    except json_text.NotJSONError:
        raise UnreadableAnswerError("not_json") from None


def read_response(surface: str, response: dict[str, Any]) -> Reading:
    """Read an answer again by the ``response`` that it gave when it was read. Raises UnreadableAnswerError likewise."""
    assembled = Assembled(response=response, complete=True, error=_error_of(response))
    return _read(_READERS[surface], surface, assembled)


def other_choices(surface: str, response: dict[str, Any], *, most: int) -> tuple[Answer, ...]:
    """The choices of an answer beside the one that it was read by, each as if it were alone; the first ``most``.

    One that says nothing, or nothing that can be read, is an empty answer.
    """
    if surface not in {"chat/completions", "completions"}:
        return ()
    first, _ = chunks.first_choice(response)
    others = [choice for choice in response["choices"] if choice is not first]
    return tuple(_alone(surface, response, choice) for choice in others[:most])


def _alone(surface: str, response: dict[str, Any], choice: dict[str, Any]) -> Answer:
    try:
        return read_response(surface, {**response, "choices": [choice]}).answer
    except UnreadableAnswerError as error:
        return Answer() if error.reading is None else error.reading.answer


def terminal_event_passed(surface: str, content_type: str, body: bytes) -> bool:
    """Whether what came so far (codings decoded) is the whole answer: a client that leaves now missed nothing.

    Reads all of it, so it is nothing for an event loop.
    """
    try:
        if not _is_stream(content_type, body):
            return isinstance(json_text.decode(body), dict)
        return _READERS[surface].assemble(payloads(body)).complete
    except (json_text.NotJSONError, UnreadableAnswerError):
        return False


def _is_stream(content_type: str, body: bytes) -> bool:
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return False  # an error, say, under a stream's content type
    return content_type.lower().startswith("text/event-stream") or start.startswith(_STREAM_STARTS)


def _error_of(response: dict[str, Any]) -> str | None:
    error = response.get("error")
    if error:
        return error_label(error)
    return error_label(response) if response.get("object") == "error" else None


def _read(reader: SurfaceReader, surface: str, assembled: Assembled) -> Reading:
    response = assembled.response
    error = assembled.error or _error_of(response)
    if error is None and not assembled.started:
        raise UnreadableAnswerError("empty" if assembled.complete else "incomplete")
    usage = read_usage(surface, response)
    try:
        reading = reader.read(response)
    except UnreadableAnswerError:
        if error is None:
            raise
        answer = Answer(model=text_or_none(response.get("model")), response=response)
        return Reading(answer=answer, usage=usage, complete=assembled.complete, error=error, choices=0)
    reading = msgspec.structs.replace(
        reading, usage=usage, complete=assembled.complete and reading.complete, error=error or reading.error
    )
    if reading.complete and reading.error is None and _is_empty(reading.answer):
        raise UnreadableAnswerError("empty", reading)
    return reading


def _is_empty(answer: Answer) -> bool:
    says = answer.content or answer.refusal or answer.tool_calls or answer.embeddings
    return not says and answer.finish_reason not in _CUT_OFF
