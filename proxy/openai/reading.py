"""What a reader of answers gives, for every surface."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from comparators.base import Answer, TokenLogprob
from proxy.openai.stream import Payload
from proxy.openai.usage import Usage


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was read."""

    answer: Answer
    usage: Usage | None = None  # None: the answer does not say, or not in numbers
    complete: bool = True  # a whole JSON body, or the stream's terminal event was there
    error: str | None = None  # an error inside a 200, in one word; ``answer`` is then what came before it
    choices: int = 1


class UnreadableAnswerError(ValueError):
    """An answer that cannot be used.

    ``kind`` is ``not_json``, ``not_the_surface``, ``empty`` (no text, refusal, call or vector although nothing cut it
    off) or ``incomplete`` (a stream cut off before its first part).  ``reading`` is what could be read all the same:
    an empty answer has a model and a usage.
    """

    def __init__(self, kind: str, reading: Reading | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.reading = reading


class Assembled(msgspec.Struct, frozen=True, kw_only=True):
    """A stream put together: the body that the same call would have given unstreamed."""

    response: dict[str, Any]
    complete: bool
    error: str | None = None
    started: bool = True  # at least one part of an answer came


class SurfaceReader(Protocol):
    """One surface: a module with these two functions."""

    def assemble(self, payloads: Iterable[Payload]) -> Assembled:
        """Put a stream together. Raises UnreadableAnswerError where the surface has no streams."""

    def read(self, response: dict[str, Any]) -> Reading:
        """Read a body, whole. Raises UnreadableAnswerError where it is not of this surface's shape."""


def text_or_none(value: Any) -> str | None:
    """The value if it is a text that says something."""
    return value if isinstance(value, str) and value else None


def token_logprobs(entries: Any) -> tuple[TokenLogprob, ...] | None:
    """The log-probabilities of chat completions and responses; None where there are none, or odd ones."""
    if not isinstance(entries, list) or not entries:
        return None
    read = []
    for entry in entries:
        logprob = _token_logprob(entry)
        if logprob is None:
            return None
        rivals = entry.get("top_logprobs")
        top = [_token_logprob(rival) for rival in rivals] if isinstance(rivals, list) else []
        read.append(
            TokenLogprob(token=logprob[0], logprob=logprob[1], top=dict(rival for rival in top if rival is not None))
        )
    return tuple(read)


def number_or_none(value: Any) -> float | None:
    """The value if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _token_logprob(entry: Any) -> tuple[str, float] | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        return None
    logprob = number_or_none(entry.get("logprob"))
    return None if logprob is None else (entry["token"], logprob)
