"""Reading a request body, once: what it asks for, whether a student may be asked it, credentials out."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.openai import json_text
from proxy.openai.credentials import may_hide_credentials, without_credentials
from proxy.openai.shadowable import not_shadowable
from proxy.openai.student import student_request
from proxy.openai.turns import Turn, conversation_key, prompt_text, turn_of

__all__ = ["RequestReading", "prompt_text", "read_request", "student_request"]


class RequestReading(msgspec.Struct, frozen=True, kw_only=True):
    """What a request body says."""

    body: dict[str, Any] = {}  # without credentials; empty where the body is no JSON object
    clean: bytes = b""  # the body as text without credentials; as it came, the same object, where it has none
    model: str | None = None
    stream: bool = False
    not_shadowable: str | None = None  # why no student can be asked, in one word
    turn: Turn = "first"
    conversation_key: str | None = None  # hash of the messages up to the model's first answer; None on a first turn
    user: str | None = None
    safety_identifier: str | None = None


def read_request(surface: str, body: bytes) -> RequestReading:
    """Read a request body of one of the four surfaces.  Never raises.

    A body that is no JSON object, or one that could not be written again, is ``invalid_json`` or ``not_an_object``;
    as nobody can tell what credentials are in it, ``clean`` is then empty.
    """
    try:
        decoded = json_text.decode(body)
        if not isinstance(decoded, dict):
            return RequestReading(not_shadowable="not_an_object")
        fields = without_credentials(decoded)
        written = json_text.encode(fields)
        return RequestReading(
            body=fields,
            clean=written if fields is not decoded or may_hide_credentials(body) else body,
            model=_text(fields.get("model")),
            stream=fields.get("stream") is True,
            not_shadowable=not_shadowable(surface, fields),
            turn=turn_of(surface, fields),
            conversation_key=conversation_key(surface, fields),
            user=_text(fields.get("user")),
            safety_identifier=_text(fields.get("safety_identifier")),
        )
    except (json_text.NotJSONError, RecursionError):
        return RequestReading(not_shadowable="invalid_json")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
