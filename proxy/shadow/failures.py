"""What a student's error means: whether it is down, set up wrongly, or gave an answer that cannot be used."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from proxy.openai import json_text

UNAVAILABLE = "unavailable"
MISCONFIGURED = "misconfigured"
UNUSABLE = "unusable"
_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
LONGEST_MESSAGE = 200  # characters that are kept of an error's text, once redacted

_CONTEXT_LENGTH = re.compile(
    r"context_length_exceeded|exceed_context_size"
    r"|(maximum|max) context length|context (length|size|window)[^.]{0,40}exceed"
    r"|exceed[^.]{0,60}context (length|size|window)"
    r"|max_model_len|max_total_tokens",
    re.IGNORECASE,
)
_STREAM_ONLY = re.compile(r"\bstream", re.IGNORECASE)
_LOGPROBS = re.compile(rb"logprob|['\"`]include['\"`]", re.IGNORECASE)
_WANTED = re.compile(r"\b(only|must|requires?d?|needs?|enable|non-streaming|not supported)\b", re.IGNORECASE)


class StudentFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer.  ``means`` is UNAVAILABLE, MISCONFIGURED or UNUSABLE (which is a disagreement).

    ``message`` is whole, as long as the body of an error may be: half of a secret would not be known for one.
    """

    means: str
    kind: str
    message: str
    status: int | None = None
    latency: float | None = None  # seconds


class ErrorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an error body says of itself."""

    code: str = ""
    type: str = ""
    message: str = ""

    @property
    def text(self) -> str:
        """Code or type, and the message."""
        name = next((part for part in (self.code, self.type) if part and not part.isdigit()), "")
        return ": ".join(part for part in (name, self.message) if part)


def error_facts(body: bytes) -> ErrorFacts:
    """Read OpenAI's error shape, vLLM's older one and FastAPI's; anything else says nothing."""
    try:
        decoded = json_text.decode(body)
    except json_text.NotJSONError:
        return ErrorFacts()
    error = decoded.get("error", decoded) if isinstance(decoded, dict) else decoded
    if isinstance(error, str):
        return ErrorFacts(message=error)
    if not isinstance(error, dict):
        return ErrorFacts()
    message = next((error[key] for key in ("message", "detail") if isinstance(error.get(key), str)), "")
    return ErrorFacts(code=_name(error.get("code")), type=_name(error.get("type")), message=message)


def failure_of(status: int, body: bytes) -> StudentFailure:
    """What a status other than 2xx means (CONTRACT.md: what counts as what)."""
    facts = error_facts(body)
    means, kind = _meaning(status, facts)
    return StudentFailure(means=means, kind=kind, message=facts.text or f"status {status}", status=status)


def needs_streaming(status: int, body: bytes) -> bool:
    """Whether the student says that it answers streamed requests alone."""
    if status != HTTPStatus.BAD_REQUEST:
        return False
    message = error_facts(body).message
    return bool(_STREAM_ONLY.search(message) and _WANTED.search(message))


def refuses_logprobs(status: int, body: bytes) -> bool:
    """Whether the student may not have answered because it was asked for log-probabilities."""
    return status in _REFUSED and bool(_LOGPROBS.search(body))


def _name(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _meaning(status: int, facts: ErrorFacts) -> tuple[str, str]:
    if status in {400, 413, 422}:
        if _CONTEXT_LENGTH.search(f"{facts.code} {facts.type} {facts.message}"):
            return UNUSABLE, "context_length_exceeded"
        if "content_filter" in {facts.code, facts.type}:
            return UNUSABLE, "filtered"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UNAVAILABLE, "status_5xx"
    if status in {408, 429}:
        return UNAVAILABLE, f"status_{status}"
    return MISCONFIGURED, f"status_{status}"
