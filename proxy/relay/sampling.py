"""Drawing the sample, by unit and ahead of the answer: the same unit is always drawn alike, on every relay."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

_SALT = b"understudy.sampling.1"  # fixed: every relay of every installation draws alike
_WHOLE = 2**64


class Unit(msgspec.Struct, frozen=True):
    """What counts as one observation."""

    hash: str
    kind: Literal["request", "conversation"]

    def drawn(self, probability: float) -> bool:
        """Whether the sample of that probability holds this unit; a larger sample holds all of a smaller one."""
        return int(self.hash[:16], 16) < probability * _WHOLE


def request_unit(exchange_id: str) -> Unit:
    """A request by itself."""
    return Unit(_digest(b"request", exchange_id), "request")


def unit_of(exchange_id: str, *, later_turn: bool, session: str | None, conversation_key: str | None) -> Unit:
    """Later turns of a conversation belong together, told by its session, else by how it began."""
    if later_turn and session:
        return Unit(_digest(b"session", session), "conversation")
    if later_turn and conversation_key:
        return Unit(_digest(b"conversation", conversation_key), "conversation")
    return request_unit(exchange_id)


def _digest(kind: bytes, value: str) -> str:
    return hashlib.sha256(b"\0".join((_SALT, kind, value.encode()))).hexdigest()[:32]
