"""Arrays whose order does not matter: their elements are matched best first.

Elements that are the same meet first.  Of the rest those meet that together have the most equal fields (the linear
assignment problem).  That takes the product of their numbers, so its work has a budget; beyond it the rest is compared
in the order it stands in.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from rapidfuzz import fuzz

from comparators.language.words import laid_out
from comparators.structured.differences import (
    NOTHING,
    Place,
    as_text,
    difference,
    is_there,
    item,
    keys_of,
    leaves,
    same_json,
    settled,
    unequal,
)

# How many pairs of values one comparison may look at for its matching: where others wait for it, and where none do.
LIGHT_WORK = 4_000
HEAVY_WORK = 60_000
_MOST_PAIRS = 40_000  # elements of one side times those of the other: assigning takes more than their product
_MOST_TRIED = 1_000  # so few orders are tried sooner than scipy is loaded
_DEEPEST = 40
_PREFIX = 100  # characters by which texts are called near


class _TooMuchError(Exception):
    """The work is used up, or the values are nested too deep."""


class Alike(NamedTuple):
    """How much of two values is the same."""

    equal: int
    fields: int
    near: float = 0.0  # how near those are that are not equal: at most one for each


class Matching:
    """Matches within one comparison, which share its work."""

    def __init__(self, *, null_is_missing: bool, work: int) -> None:
        self._null_is_missing = null_is_missing
        self._work = work
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, int] = {}  # by identity: the values outlive the comparison

    def aligned(self, ours: list[Any], theirs: list[Any], place: Place) -> list[Any]:
        """Their array in the order of ours: NOTHING where none meets ours, and at the end what meets none."""
        places = [place.step(at) for at in range(max(len(ours), len(theirs)))]
        met = dict(self.pairs(ours, theirs, places))
        rest = set(range(len(theirs))) - set(met.values())
        in_order = [theirs[met[at]] if at in met else NOTHING for at in range(len(ours))]
        return [*in_order, *(theirs[at] for at in sorted(rest))]

    def pairs(self, ours: Sequence[Any], theirs: Sequence[Any], places: Sequence[Place]) -> list[tuple[int, int]]:
        """Which of ours meets which of theirs, by index; as many meet as can."""
        if len(ours) <= 1 and len(theirs) <= 1:
            return [(0, 0)] if ours and theirs else []
        keys = [
            [self._key(value, place) for value, place in zip(side, places, strict=False)] for side in (ours, theirs)
        ]
        same, left, right = _same_first(keys[0], keys[1])
        return [*same, *self._best(ours, theirs, left, right, places)]

    def _best(
        self, ours: Sequence[Any], theirs: Sequence[Any], left: list[int], right: list[int], places: Sequence[Place]
    ) -> Iterable[tuple[int, int]]:
        in_order = zip(left, right, strict=False)
        number = len(left) * len(right)
        if number <= 1 or number > min(self._work, _MOST_PAIRS):
            return in_order
        try:
            worth = self._worth([(ours[i], places[i]) for i in left], [(theirs[j], places[j]) for j in right])
        except (_TooMuchError, RecursionError):
            return in_order
        return [(left[row], right[column]) for row, column in _assigned(worth)]

    def _worth(self, ours: list[tuple[Any, Place]], theirs: list[tuple[Any, Place]]) -> list[list[float]]:
        """What each meeting is worth: equal fields before all, then fields saved, then how near the others are."""
        own = [leaves(value, place) for value, place in ours]
        their_own = [leaves(value, place) for value, place in theirs]
        return [
            [
                found.equal * 1e6 + (mine + yours - found.fields) + 0.5 * found.near / max(1, found.fields)
                for (other, _), yours in zip(theirs, their_own, strict=True)
                for found in (self._alike(value, other, place, 0),)
            ]
            for (value, place), mine in zip(ours, own, strict=True)
        ]

    def _alike(self, ours: Any, theirs: Any, place: Place, depth: int) -> Alike:
        """What the walk over both would count."""
        self._spend(1)
        settings = place.settings
        if settings.ignore or depth > _DEEPEST:
            return Alike(0, 0)
        ours, theirs = settled(ours, theirs, place, null_is_missing=self._null_is_missing)
        if settings.compare is not None and is_there(ours) and is_there(theirs):
            same = same_json(ours, theirs)
            return Alike(1, 1) if same else Alike(0, 1, _near(as_text(ours), as_text(theirs)))
        if isinstance(ours, dict) and isinstance(theirs, dict) and (ours or theirs):
            return _sum(
                self._alike(ours.get(key, NOTHING), theirs.get(key, NOTHING), place.step(key), depth + 1)
                for key in keys_of(ours, theirs)
            )
        if isinstance(ours, list) and isinstance(theirs, list) and (ours or theirs):
            if settings.unordered:
                self._spend(leaves(ours, place) + leaves(theirs, place))
                theirs = self.aligned(ours, theirs, place)
            return _sum(
                self._alike(item(ours, at), item(theirs, at), place.step(at), depth + 1)
                for at in range(max(len(ours), len(theirs)))
            )
        return _alike_or_not(ours, theirs, place)

    def _key(self, value: Any, place: Place) -> Hashable:
        """The same for values with nothing to tell them apart; values that are nearly the same may have another."""
        try:
            return self._number(value, place)
        except RecursionError:
            return object()

    def _number(self, value: Any, place: Place) -> int:
        """A number for what counts in a value. That of arrays and objects is kept: each is asked for at every level."""
        if not isinstance(value, dict | list):
            return self._numbered(_scalar(value, ignore_case=place.settings.ignore_case))
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._numbered(self._parts(value, place))
        return known

    def _parts(self, value: dict[str, Any] | list[Any], place: Place) -> Hashable:
        if isinstance(value, list):
            each = [self._number(inner, place.step(at)) for at, inner in enumerate(value)]
            return (list, *(sorted(each) if place.settings.unordered else each))
        below = ((key, value[key], place.step(key)) for key in sorted(value))
        return (
            dict,
            *(
                (key, self._number(inner, there))
                for key, inner, there in below
                if not (there.settings.ignore or (inner is None and self._null_is_missing))
            ),
        )

    def _numbered(self, value: Hashable) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def _spend(self, work: int) -> None:
        self._work -= work
        if self._work < 0:
            raise _TooMuchError


def _alike_or_not(ours: Any, theirs: Any, place: Place) -> Alike:
    if ours is NOTHING and theirs is NOTHING:
        return Alike(0, 0)
    if difference(ours, theirs, place) is None:
        return Alike(1, 1)
    return Alike(0, unequal(ours, theirs, place), _near(ours, theirs))


def _sum(parts: Iterable[Alike]) -> Alike:
    equal, fields, near = 0, 0, 0.0
    for part in parts:
        equal, fields, near = equal + part.equal, fields + part.fields, near + part.near
    return Alike(equal, fields, near)


def _same_first(ours: list[Hashable], theirs: list[Hashable]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """The pairs with the same key, and the indices on either side that are left."""
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for at, key in enumerate(theirs):
        waiting[key].append(at)
    same, left = [], []
    for at, key in enumerate(ours):
        if waiting.get(key):
            same.append((at, waiting[key].popleft()))
        else:
            left.append(at)
    return same, left, sorted(at for rest in waiting.values() for at in rest)


def _assigned(worth: list[list[float]]) -> list[tuple[int, int]]:
    """The rows and columns that meet so that the sum is greatest; of equals those that stand alike."""
    rows, columns = len(worth), len(worth[0])
    if rows > columns:
        turned = [list(column) for column in zip(*worth, strict=True)]
        return [(row, column) for column, row in _assigned(turned)]
    if math.perm(columns, rows) <= _MOST_TRIED:
        tried = itertools.permutations(range(columns), rows)
        best = max(tried, key=lambda order: sum(worth[row][column] for row, column in enumerate(order)))
        return list(enumerate(best))
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    distance = abs(np.subtract.outer(np.arange(rows), np.arange(columns)))
    chosen = linear_sum_assignment(np.asarray(worth) - 1e-6 * distance, maximize=True)
    return [(int(row), int(column)) for row, column in zip(*chosen, strict=True)]


def _near(ours: Any, theirs: Any) -> float:
    """How near two values are that are not equal, in [0, 1]."""
    if isinstance(ours, str) and isinstance(theirs, str):
        return fuzz.ratio(ours[:_PREFIX], theirs[:_PREFIX]) / 100
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        try:
            near = 1 - abs(ours - theirs) / (abs(ours) + abs(theirs))
        except (OverflowError, ZeroDivisionError):
            return 0.0
        return near if 0 <= near <= 1 else 0.0  # neither where one is infinite
    return 0.0


def _scalar(value: Any, *, ignore_case: bool) -> Hashable:
    if isinstance(value, str):
        return laid_out(value).casefold() if ignore_case else laid_out(value)
    return (bool, value) if isinstance(value, bool) else value  # 1.0 is 1, and True is not
