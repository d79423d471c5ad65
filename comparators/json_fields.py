"""``json``: the same fields with the same values, compared path by path."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from pydantic import Field, field_validator

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Score
from comparators.json_paths import Path, PathPattern, show
from comparators.json_text import NoJsonError, find_json
from comparators.parts import decided_by_form, differing, normalised, short

_MOST_SHOWN = 20
_LONGEST_SHOWN = 100
_NOTHING = msgspec.UNSET
_SCALARS = (str, int, float, bool)


class JsonOptions(ComparatorOptions):
    """Options of ``json``."""

    agree_at: float = Field(1.0, gt=0, le=1, description="share of equal fields from which on two answers agree")
    ignore: list[str] = Field([], description="paths left out of the comparison: `id`, `items[].id`, `*.created`")
    unordered: bool | list[str] = Field(
        False, description="`true`: the order of no array matters; or the paths of arrays whose order does not"
    )
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False, description="by how much equal numbers may differ")
    null_is_missing: bool = Field(False, description="a field that is null counts as one that is not there")

    @field_validator("ignore", "unordered")
    @classmethod
    def _are_paths(cls, value: bool | list[str]) -> bool | list[str]:
        for path in value if isinstance(value, list) else ():
            PathPattern(path)
        return value


class Difference(NamedTuple):
    """How two JSON values differ at one path. What is not there is UNSET."""

    path: Path
    kind: str  # missing, extra, changed, type_changed
    teacher: Any
    student: Any


class Json(Comparator):
    """The score is the share of fields (all that either side has) with equal values."""

    name = "json"
    version = "1"
    runs = "light"
    Options = JsonOptions
    options: JsonOptions

    def __init__(self, options: JsonOptions | None = None) -> None:
        super().__init__(options)
        self._ignored = [PathPattern(path) for path in self.options.ignore]
        unordered = self.options.unordered
        self._unordered = unordered if isinstance(unordered, bool) else [PathPattern(path) for path in unordered]

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:  # noqa: ARG002 - the interface's
        decided = decided_by_form(teacher, student, words_beside_calls=False)
        if decided is not None:
            return decided
        wanted, given = teacher.content or "", student.content or ""
        lacking = []
        values = []
        for side, text in (("teacher", wanted), ("student", given)):
            try:
                values.append(find_json(text))
            except NoJsonError:
                lacking.append(side)
        if lacking:
            if normalised(wanted) == normalised(given):  # word for word the same would have done, JSON or not
                return Score(score=1.0, agree=True)
            return differing("not_json", short(wanted), short(given), not_json=lacking)
        return self._score(*values)

    def _score(self, wanted: Any, given: Any) -> Score:
        equal = fields = 0
        kinds: set[str] = set()
        shown: list[dict[str, str]] = []
        differences = 0
        for found in self._walk(wanted, given):
            if found is None:
                equal += 1
                fields += 1
                continue
            differences += 1
            fields += _fields_of(found)
            kinds.add(found.kind)
            if len(shown) < _MOST_SHOWN:
                shown.append(_shown(found))
        score = equal / fields if fields else 1.0
        agree = score >= self.options.agree_at
        detail: dict[str, Any] = {"fields": fields, "equal": equal}
        if shown:
            detail |= {"differences": shown, "more": differences - len(shown)}
        return Score(score=score, agree=agree, kinds=() if agree else tuple(sorted(kinds)), detail=detail)

    def _walk(self, wanted: Any, given: Any) -> Iterator[Difference | None]:
        """Every field of either side: None where they agree."""
        # A list of what is still to do, not recursion: answers may be nested deeper than Python's stack.
        todo: list[tuple[Path, Any, Any]] = [((), wanted, given)]
        null_is_missing = self.options.null_is_missing
        while todo:
            path, ours, theirs = todo.pop()
            if self._ignored and any(pattern.matches(path) for pattern in self._ignored):
                continue
            if type(ours) is type(theirs) in _SCALARS and ours == theirs:  # nearly all there is, nearly always
                yield None
                continue
            if null_is_missing:
                ours, theirs = (_NOTHING if side is None and path else side for side in (ours, theirs))
            if isinstance(ours, dict) and isinstance(theirs, dict) and (ours or theirs):
                keys = [*ours, *(key for key in theirs if key not in ours)]
                pairs = [((*path, key), ours.get(key, _NOTHING), theirs.get(key, _NOTHING)) for key in keys]
                todo.extend(reversed(pairs))
            elif isinstance(ours, list) and isinstance(theirs, list) and (ours or theirs):
                if self._order_is_free(path):
                    theirs = _aligned(ours, theirs)
                length = max(len(ours), len(theirs))
                todo.extend(((*path, at), _item(ours, at), _item(theirs, at)) for at in reversed(range(length)))
            elif ours is not _NOTHING or theirs is not _NOTHING:
                kind = self._difference(ours, theirs)
                yield None if kind is None else Difference(path, kind, ours, theirs)

    def _order_is_free(self, path: Path) -> bool:
        if isinstance(self._unordered, bool):
            return self._unordered
        return any(pattern.matches(path) for pattern in self._unordered)

    def _difference(self, ours: Any, theirs: Any) -> str | None:
        """The kind of difference between two values that are not both filled objects or both filled arrays."""
        if ours is _NOTHING or theirs is _NOTHING:
            return "extra" if ours is _NOTHING else "missing"
        if ours is None or theirs is None:
            return None if ours is theirs else "extra" if ours is None else "missing"
        if _type(ours) is not _type(theirs):
            return "type_changed"
        if isinstance(ours, str):
            return None if ours == theirs or normalised(ours) == normalised(theirs) else "changed"
        if isinstance(ours, float | int) and not isinstance(ours, bool):
            return None if self._same_number(ours, theirs) else "changed"
        return None if ours == theirs else "changed"  # booleans, and both an empty object or both an empty array

    def _same_number(self, ours: float, theirs: float) -> bool:
        if ours == theirs:
            return True
        if not self.options.tolerance:
            return False
        try:
            return math.isclose(ours, theirs, rel_tol=0.0, abs_tol=self.options.tolerance)
        except OverflowError:  # an integer beyond floating point
            return False


def _item(items: Sequence[Any], at: int) -> Any:
    return items[at] if at < len(items) else _NOTHING


def _type(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _aligned(ours: list[Any], theirs: list[Any]) -> list[Any]:
    """Their array in the order of ours: equal elements meet, the rest keeps its order and fills the gaps."""
    wanted, given = [_canonical(item) for item in ours], [_canonical(item) for item in theirs]
    unmatched = Counter(given) - Counter(wanted)
    rest = []
    for key, item in zip(given, theirs, strict=True):
        if unmatched[key] > 0:
            unmatched[key] -= 1
            rest.append(item)
    available = Counter(given)
    remaining = iter(rest)
    aligned = []
    for key, item in zip(wanted, ours, strict=True):
        if available[key] > 0:
            available[key] -= 1
            aligned.append(item)
        else:
            aligned.append(next(remaining, _NOTHING))
    return [*aligned, *remaining]


def _canonical(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _json(value, sort_keys=True)


def _json(value: Any, *, sort_keys: bool = False) -> str:
    try:
        return json.dumps(value, sort_keys=sort_keys, ensure_ascii=False)
    except (RecursionError, ValueError):  # nested too deep, or an integer of thousands of digits
        return f"{type(value).__name__} that cannot be shown"


def _fields_of(difference: Difference) -> int:
    """How many fields are not equal where two values differ: those of both sides, the place itself counted once."""
    counts = [_leaves(side) for side in (difference.teacher, difference.student) if side is not _NOTHING]
    both_single = all(
        not isinstance(side, dict | list) or not side for side in (difference.teacher, difference.student)
    )
    return 1 if both_single else sum(counts)


def _leaves(value: Any) -> int:
    leaves = 0
    todo = [value]
    while todo:
        inner = todo.pop()
        if isinstance(inner, dict) and inner:
            todo.extend(inner.values())
        elif isinstance(inner, list) and inner:
            todo.extend(inner)
        else:
            leaves += 1
    return leaves


def _shown(difference: Difference) -> dict[str, str]:
    sides = {"teacher": difference.teacher, "student": difference.student}
    values = {side: short(_json(value), _LONGEST_SHOWN) for side, value in sides.items() if value is not _NOTHING}
    return {"path": short(show(difference.path), _LONGEST_SHOWN), "kind": difference.kind, **values}
