"""Whether what a comparator said is a score: somebody else's may return anything."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from comparators.base import ComparatorError, Score

_MOST_KINDS = 20  # of one score
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_NAMELESS = "other"  # what another's comparator calls a kind and is none: it could be text of the pair


class InvalidScoreError(ComparatorError):
    """What a comparator returned is no score."""


def checked(said: Any) -> Score:
    """The score, with a detail that JSON can hold, and kinds that are names.

    Raises:
        InvalidScoreError: It is none; the message says what is wrong with it.
    """
    if not isinstance(said, Score):
        raise InvalidScoreError(f"a comparator returns a Score, not {type(said).__name__}")
    try:
        value = float(said.score)
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 <= value <= 1.0:  # and no NaN
        raise InvalidScoreError("a score must lie in [0, 1]")
    if said.agree not in (True, False):
        raise InvalidScoreError("`agree` must be True or False")
    if isinstance(said.kinds, str) or not isinstance(said.kinds, Iterable):
        raise InvalidScoreError("`kinds` must be a tuple of names")
    kinds = dict.fromkeys(kind if _is_name(kind) else _NAMELESS for kind in said.kinds)
    try:
        detail = msgspec.to_builtins(said.detail, str_keys=True)
    except (TypeError, ValueError, RecursionError):
        raise InvalidScoreError("`detail` must be what JSON can hold") from None
    return Score(score=value, agree=bool(said.agree), kinds=tuple(kinds)[:_MOST_KINDS], detail=detail)


def _is_name(kind: Any) -> bool:
    return isinstance(kind, str) and _KIND.fullmatch(kind) is not None
