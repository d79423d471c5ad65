"""JSON from strangers: whatever cannot be read, or could not be written again, is one kind of error."""

from __future__ import annotations

from typing import Any

import msgspec


class NotJSONError(ValueError):
    """Not JSON that can be read and written again."""


def decode(text: bytes) -> Any:
    """The value of a JSON text. Raises NotJSONError, also for lone surrogates, numbers out of range, deep nesting."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError, OverflowError, MemoryError):
        # Without the cause: its message may quote the text.
        raise NotJSONError from None


def encode(value: Any) -> bytes:
    """JSON text, compact. Raises NotJSONError where a value was nested too deeply."""
    try:
        return msgspec.json.encode(value)
    except (ValueError, RecursionError, OverflowError, MemoryError):
        raise NotJSONError from None


def canonical(value: Any) -> bytes:
    """JSON text that is the same for equal values, whatever the order of their keys."""
    return msgspec.json.encode(value, order="deterministic")
