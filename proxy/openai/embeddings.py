"""Embeddings: vectors as numbers, or as base64 of little-endian 32-bit floats."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Iterable
from typing import Any

from comparators.base import Answer
from proxy.openai.reading import Assembled, Reading, UnreadableAnswerError, number_or_none, text_or_none
from proxy.openai.stream import Payload

_FLOAT_BYTES = 4


def assemble(payloads: Iterable[Payload]) -> Assembled:  # noqa: ARG001 - the seam's signature
    """Embeddings are never streamed."""
    raise UnreadableAnswerError("not_the_surface")


def read(response: dict[str, Any]) -> Reading:
    """Read a list of embeddings, in the order of their inputs."""
    data = response.get("data")
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise UnreadableAnswerError("not_the_surface")
    ordered = sorted(enumerate(data), key=lambda numbered: _index(numbered[1], numbered[0]))
    return Reading(
        answer=Answer(
            model=text_or_none(response.get("model")),
            embeddings=tuple(_vector(entry.get("embedding")) for _, entry in ordered) or None,
            response=response,
        )
    )


def _index(entry: dict[str, Any], position: int) -> int:
    index = entry.get("index")
    return index if isinstance(index, int) else position


def _vector(embedding: Any) -> tuple[float, ...]:
    if isinstance(embedding, str):
        vector = _floats(embedding)
    elif isinstance(embedding, list):
        numbers = [number_or_none(value) for value in embedding]
        vector = tuple(number for number in numbers if number is not None)
        if len(vector) != len(embedding):
            raise UnreadableAnswerError("not_the_surface")
    else:
        raise UnreadableAnswerError("not_the_surface")
    if not vector:
        raise UnreadableAnswerError("empty")
    return vector


def _floats(text: str) -> tuple[float, ...]:
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableAnswerError("not_the_surface") from None
    if len(packed) % _FLOAT_BYTES:
        raise UnreadableAnswerError("not_the_surface")
    vector = struct.unpack(f"<{len(packed) // _FLOAT_BYTES}f", packed)
    if not all(map(math.isfinite, vector)):
        raise UnreadableAnswerError("not_the_surface")
    return vector
