"""Errors in OpenAI's shape: how ours are written, how an upstream's are named."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_LABEL = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def error_body(message: str, *, type: str, code: str, param: str | None = None) -> bytes:  # noqa: A002 - OpenAI's name
    """The JSON body of an error of our own."""
    return msgspec.json.encode({"error": {"message": message, "type": type, "param": param, "code": code}})


def error_label(error: Any) -> str:
    """An upstream's error in one short word: its code, else its type, else ``error``; never its text."""
    if isinstance(error, dict):
        for key in ("code", "type"):
            value = error.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if isinstance(value, str) and _LABEL.fullmatch(value):
                return value
    return "error"
