"""Where two JSON values differ, and how: a walk over both at once, by the rules that hold at each place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from comparators.language.words import laid_out, short
from comparators.structured.dates import same_date
from comparators.structured.paths import Path, Step, show
from comparators.structured.rules import Settings
from comparators.structured.text import NoJsonError, parse_json

HowDifferent = Literal["missing", "invented", "changed", "type_changed"]

NOTHING = msgspec.UNSET
_SCALARS = (str, int, float, bool)
_LONGEST_SHOWN = 100


class Place(Protocol):
    """Where one is in a value (``json_rules.Place``; with a schema, ``tool_schemas.Place``)."""

    settings: Settings
    default: Any

    def step(self, step: Step) -> Place: ...

    def tells_apart(self, ours: Any, theirs: Any) -> bool: ...


class Difference(NamedTuple):
    """How two JSON values differ at one path. What is not there is NOTHING."""

    path: Path
    how: HowDifferent
    teacher: Any
    student: Any
    fields: int  # how many are not equal here
    more: Mapping[str, Any] = MappingProxyType({})  # for people


class Open(NamedTuple):
    """Two values that another comparator is to say of whether they differ."""

    path: Path
    place: Place
    teacher: Any
    student: Any


class Aligner(Protocol):
    """Brings their array into the order of ours, where order does not matter; NOTHING where none meets ours."""

    def __call__(self, ours: list[Any], theirs: list[Any], place: Place, /) -> list[Any]: ...


def differences(
    wanted: Any, given: Any, place: Place, *, null_is_missing: bool, aligned: Aligner, path: Path = ()
) -> Iterator[Difference | Open | None]:
    """Every field of either side: None where they agree."""
    # A list of what is still to do, not recursion: answers may be nested deeper than Python's stack.
    todo: list[tuple[Path, Any, Any, Place]] = [(path, wanted, given, place)]
    start = len(path)
    while todo:
        path, ours, theirs, place = todo.pop()
        settings = place.settings
        if settings.ignore:
            continue
        if type(ours) is type(theirs) in _SCALARS and ours == theirs:  # nearly all there is, nearly always
            yield None
            continue
        if len(path) > start:
            ours, theirs = settled(ours, theirs, place, null_is_missing=null_is_missing)
        if settings.compare is not None and is_there(ours) and is_there(theirs):
            yield None if same_json(ours, theirs) else Open(path, place, ours, theirs)
        elif isinstance(ours, dict) and isinstance(theirs, dict) and (ours or theirs):
            todo.extend(
                ((*path, key), ours.get(key, NOTHING), theirs.get(key, NOTHING), place.step(key))
                for key in reversed(keys_of(ours, theirs))
            )
        elif isinstance(ours, list) and isinstance(theirs, list) and (ours or theirs):
            if settings.unordered:
                theirs = aligned(ours, theirs, place)
            todo.extend(
                ((*path, at), item(ours, at), item(theirs, at), place.step(at))
                for at in reversed(range(max(len(ours), len(theirs))))
            )
        elif ours is not NOTHING or theirs is not NOTHING:
            how = difference(ours, theirs, place)
            yield None if how is None else Difference(path, how, ours, theirs, unequal(ours, theirs, place))


def keys_of(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The keys of both, the teacher's first."""
    return [*ours, *(key for key in theirs if key not in ours)]


def item(items: Sequence[Any], at: int) -> Any:
    return items[at] if at < len(items) else NOTHING


def is_there(value: Any) -> bool:
    return value is not NOTHING and value is not None


def settled(ours: Any, theirs: Any, place: Place, *, null_is_missing: bool) -> tuple[Any, Any]:
    """Both values, where null may be none, and none may be as good as what the schema says it is then."""
    if null_is_missing:
        ours, theirs = (NOTHING if side is None else side for side in (ours, theirs))
    if place.default is not NOTHING and (ours is NOTHING) != (theirs is NOTHING):
        said = theirs if ours is NOTHING else ours
        alike = not isinstance(said, dict | list) and difference(said, place.default, place) is None
        if alike or same_json(said, place.default):
            return said, said
    return ours, theirs


def difference(ours: Any, theirs: Any, place: Place) -> HowDifferent | None:
    """How two values differ that are not both filled objects or both filled arrays."""
    if ours is NOTHING or theirs is NOTHING:
        return "invented" if ours is NOTHING else "missing"
    if ours is None or theirs is None:
        return None if ours is theirs else "invented" if ours is None else "missing"
    date = place.settings.date
    if date is not None and same_date(ours, theirs, date):
        return None
    if _type(ours) is not _type(theirs):
        if not place.tells_apart(ours, theirs):
            ours, theirs = _spelled(ours), _spelled(theirs)
        if _type(ours) is not _type(theirs):
            return "type_changed"
    return None if _same(ours, theirs, place.settings) else "changed"


def _same(ours: Any, theirs: Any, settings: Settings) -> bool:
    """Whether two values of one type are the same."""
    if ours == theirs:
        return True
    if isinstance(ours, str):
        ours, theirs = laid_out(ours), laid_out(theirs)
        return bool(ours == theirs or (settings.ignore_case and ours.casefold() == theirs.casefold()))
    if isinstance(ours, float | int) and not isinstance(ours, bool):
        return _same_number(ours, theirs, settings)
    return False  # booleans; an empty object or array and a filled one are no case of this


def _same_number(ours: float, theirs: float, settings: Settings) -> bool:
    if not settings.tolerance and not settings.relative:
        return False
    try:
        # 1.1 is 0.1 from 1.0 for everyone but floating point: hence a hair more than the tolerance.
        allowed = settings.tolerance + 1e-12 * max(abs(ours), abs(theirs))
        return math.isclose(ours, theirs, rel_tol=settings.relative, abs_tol=allowed)
    except OverflowError:  # an integer beyond floating point
        return False


def _type(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _spelled(value: Any) -> Any:
    """What a text spells: the number 5 for "5", true for "true"; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        spelled = parse_json(value.strip())
    except NoJsonError:
        return value
    return spelled if isinstance(spelled, int | float) else value


def same_json(ours: Any, theirs: Any) -> bool:
    """Whether two values are the same to the letter, key order and layout aside (and 1 within them is 1.0)."""
    if type(ours) is not type(theirs):
        return False
    todo = [(ours, theirs)]
    while todo:
        ours, theirs = todo.pop()
        if _type(ours) is not _type(theirs):
            return False
        if isinstance(ours, dict):
            if ours.keys() != theirs.keys():
                return False
            todo.extend((value, theirs[key]) for key, value in ours.items())
        elif isinstance(ours, list):
            if len(ours) != len(theirs):
                return False
            todo.extend(zip(ours, theirs, strict=True))
        elif ours != theirs:
            return False
    return True


def as_text(value: Any) -> str:
    """A value as a text: a text itself, anything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):  # nested too deep, or an integer of thousands of digits
        return f"{type(value).__name__} that cannot be shown"


def unequal(ours: Any, theirs: Any, place: Place) -> int:
    """How many fields are not equal where two values differ: those of both sides, the place itself counted once."""
    sides = [side for side in (ours, theirs) if side is not NOTHING]
    if all(not isinstance(side, dict | list) or not side for side in sides):
        return 1
    return max(1, sum(leaves(side, place) for side in sides))


def leaves(value: Any, place: Place) -> int:
    """How many fields a value has that are not ignored."""
    count = 0
    todo = [(value, place)]
    while todo:
        inner, place = todo.pop()
        if place.settings.ignore:
            continue
        if isinstance(inner, dict) and inner and place.settings.compare is None:
            todo.extend((each, place.step(key)) for key, each in inner.items())
        elif isinstance(inner, list) and inner and place.settings.compare is None:
            todo.extend((each, place.step(at)) for at, each in enumerate(inner))
        else:
            count += 1
    return count


def shown(found: Difference, kind: str) -> dict[str, Any]:
    """A difference for people, values cut."""
    sides = {"teacher": found.teacher, "student": found.student}
    values = {side: short(_json(value), _LONGEST_SHOWN) for side, value in sides.items() if value is not NOTHING}
    return {"path": short(show(found.path), _LONGEST_SHOWN), "kind": kind, **values, **found.more}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else as_text(value)
