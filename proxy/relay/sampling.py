"""Drawing the sample, by unit and ahead of the answer: the same unit is always drawn alike, on every relay."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from proxy.config.sampling import MODEL, Sampling
from proxy.relay.globs import Glob, glob

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


class Asked(NamedTuple):
    """What of a request its share goes by."""

    headers: Mapping[str, str]  # by name, in lower case
    tags: Mapping[str, str]
    model: str | None  # that it names
    model_known: bool = True  # False: nobody read the body, so it may be any


class Shares:
    """A route's ``sample``, compiled.

    Args:
        sampling: As configured.
        segments: Headers, in lower case, by the keys of the segments made from them.
    """

    def __init__(self, sampling: Sampling, segments: Mapping[str, str]) -> None:
        self._rules = [_Rule(each.key, segments, glob(each.pattern), each.share) for each in sampling.rules]
        self._default = sampling.default

    @property
    def headers(self) -> set[str]:
        """Those that rules go by."""
        return {rule.header for rule in self._rules if rule.header}

    def of(self, asked: Asked) -> float:
        """With which probability a request's unit is sampled.

        Where only the body would tell, it is the least that it may be, of those more than 0: what is lost is then
        drawn and weighted by that.  On average it weighs the same by any; by the least it varies most, and a share of
        0, by which it would not count at all, is not assumed.
        """
        possible = []
        for rule in self._rules:
            fits = rule.fits(asked)
            if fits is not False:
                possible.append(rule.share)
            if fits:
                break
        else:
            possible.append(self._default)
        return min((share for share in possible if share), default=0.0)


class _Rule:
    def __init__(self, key: str, segments: Mapping[str, str], fitting: Glob, share: float) -> None:
        self._key = key
        self._is_segment = key in segments
        self._fitting = fitting
        self.header = "" if key == MODEL else segments.get(key, key.lower())
        self.share = share

    def fits(self, asked: Asked) -> bool | None:
        """None where nobody knows."""
        if self._key == MODEL:
            return None if not asked.model_known else asked.model is not None and self._fitting(asked.model)
        value = asked.headers.get(self.header)
        tag = None if self._is_segment else asked.tags.get(self._key)
        return any(self._fitting(each) for each in (value, tag) if each is not None)


def _digest(kind: bytes, value: str) -> str:
    return hashlib.sha256(b"\0".join((_SALT, kind, value.encode()))).hexdigest()[:32]
