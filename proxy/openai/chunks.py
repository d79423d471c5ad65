"""Streams made of chunks with ``choices``: what chat completions and completions have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from proxy.openai.errors import error_label
from proxy.openai.reading import Assembled, UnreadableAnswerError
from proxy.openai.stream import Payload

_ONLY_STREAMED = frozenset({"object", "obfuscation"})


class ChoicePieces(Protocol):
    """One choice of a stream, growing."""

    @property
    def finished(self) -> bool:
        """Whether a chunk gave its finish reason."""

    def add(self, piece: dict[str, Any]) -> None:
        """Take in this choice's part of a chunk."""

    def whole(self) -> dict[str, Any]:
        """The choice as an unstreamed body has it, but for its index."""


def assemble(payloads: Iterable[Payload], object_name: str, new_choice: Callable[[], ChoicePieces]) -> Assembled:
    """Put chunks together.  A stream is complete with ``[DONE]``, or when every choice that began has finished."""
    response: dict[str, Any] = {"object": object_name}
    choices: dict[int, ChoicePieces] = {}
    done = False
    error = None
    for payload in payloads:
        chunk = payload.fields
        if payload.done:
            done = True
            break
        if payload.name == "error" or chunk.get("error"):
            error = error_label(chunk.get("error") or chunk)
            break
        for key, value in chunk.items():
            if key == "choices":
                for piece in _pieces(value):
                    index = _index(piece)
                    if index not in choices:
                        choices[index] = new_choice()
                    choices[index].add(piece)
            elif key not in _ONLY_STREAMED:
                keep(response, key, value)
    if response.get("usage", ...) is None:
        del response["usage"]
    response["choices"] = [{"index": index, **choices[index].whole()} for index in sorted(choices)]
    return Assembled(
        response=response,
        complete=error is None and (done or (bool(choices) and all(choice.finished for choice in choices.values()))),
        error=error,
        started=bool(choices),
    )


def first_choice(response: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Choice 0 of a body, and how many there are. Raises UnreadableAnswerError where it has no choices."""
    choices = response.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise UnreadableAnswerError("not_the_surface")
    if not choices:
        raise UnreadableAnswerError("empty")
    return next((choice for choice in choices if choice.get("index") == 0), choices[0]), len(choices)


def keep(target: dict[str, Any], key: str, value: Any) -> None:
    """The last value wins, but for those that say nothing: Azure's chunks without choices have ``"id": ""``."""
    if value or key not in target:
        target[key] = value


def extend_lists(target: dict[str, Any], key: str, value: Any) -> None:
    """Log-probabilities: every list in them goes on where the last chunk's ended."""
    if not isinstance(value, dict):
        target.setdefault(key, None)
        return
    lists = target.get(key)
    if not isinstance(lists, dict):
        lists = target[key] = {}
    for name, entries in value.items():
        known = lists.get(name)
        if isinstance(known, list) and isinstance(entries, list):
            known.extend(entries)
        else:
            keep(lists, name, entries)


def _pieces(value: Any) -> list[dict[str, Any]]:
    return [piece for piece in value if isinstance(piece, dict)] if isinstance(value, list) else []


def _index(piece: dict[str, Any]) -> int:
    index = piece.get("index")
    return index if isinstance(index, int) else 0
