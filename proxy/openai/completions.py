"""Completions (the older, prompt-in text-out surface): whole, or put together from chunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comparators.base import Answer, TokenLogprob
from proxy.openai import chunks
from proxy.openai.reading import Assembled, Reading, UnreadableAnswerError, number_or_none, text_or_none
from proxy.openai.stream import Payload


def assemble(payloads: Iterable[Payload]) -> Assembled:
    """Put a stream of ``text_completion`` chunks together."""
    return chunks.assemble(payloads, "text_completion", _Choice)


def read(response: dict[str, Any]) -> Reading:
    """Read a ``text_completion``."""
    choice, count = chunks.first_choice(response)
    text = choice.get("text")
    if not isinstance(text, str):
        raise UnreadableAnswerError("not_the_surface")
    return Reading(
        answer=Answer(
            model=text_or_none(response.get("model")),
            content=text or None,
            finish_reason=text_or_none(choice.get("finish_reason")),
            logprobs=_logprobs(choice.get("logprobs")),
            response=response,
        ),
        choices=count,
    )


class _Choice:
    """One choice, growing by pieces of text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._fields: dict[str, Any] = {}

    @property
    def finished(self) -> bool:
        return bool(self._fields.get("finish_reason"))

    def add(self, piece: dict[str, Any]) -> None:
        for key, value in piece.items():
            if key == "text":
                if isinstance(value, str):
                    self._pieces.append(value)
            elif key == "logprobs":
                chunks.extend_lists(self._fields, key, value)
            elif key not in ("index", "obfuscation"):
                chunks.keep(self._fields, key, value)

    def whole(self) -> dict[str, Any]:
        return {"text": "".join(self._pieces), "finish_reason": None, **self._fields}


def _logprobs(logprobs: Any) -> tuple[TokenLogprob, ...] | None:
    """Parallel lists; a prompt's first token (``echo``) has no log-probability and is left out."""
    if not isinstance(logprobs, dict):
        return None
    tokens, values, tops = (logprobs.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        return None
    if not isinstance(tops, list) or len(tops) != len(tokens):
        tops = [None] * len(tokens)
    read = []
    for token, value, top in zip(tokens, values, tops, strict=True):
        logprob = number_or_none(value)
        if not isinstance(token, str) or (logprob is None and value is not None):
            return None
        if logprob is not None:
            rivals = {rival: number_or_none(of) for rival, of in top.items()} if isinstance(top, dict) else {}
            known = {rival: of for rival, of in rivals.items() if of is not None}
            read.append(TokenLogprob(token=token, logprob=logprob, top=known))
    return tuple(read) or None
