"""Keys and values of the contract that a later version brings.

Written with the value that switches them off they change nothing and are accepted; otherwise they are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.config.problems import Path, Problem

Pattern = tuple[str, ...]
"""A key path in which ``*`` stands for any index."""


def _is_off(value: Any) -> bool:
    return value is None or value is False or value in ("off", {}, [])


def _is_empty(value: Any) -> bool:
    """Nothing in it but keys without a value."""
    return _is_off(value) or (isinstance(value, dict) and all(_is_off(item) for item in value.values()))


KEYS: Mapping[Pattern, Callable[[Any], bool]] = {
    ("routes", "*", "durability"): lambda value: value in (None, "relaxed"),
    ("alerts",): _is_empty,
}
"""Keys that no model has yet, with what may be written there today."""

VALUES: Mapping[Pattern, Callable[[Any], bool]] = {
    ("store",): lambda value: isinstance(value, str) and value.startswith(("postgresql:", "postgres:")),
    ("journal",): lambda value: isinstance(value, str) and value.startswith("nats:"),
}
"""Keys that exist, with those of their values that do not yet."""

_ALLOWED = {"durability": ("relaxed", "strict")}


def take_out_later(value: Any) -> tuple[Any, list[Problem]]:
    """The configuration without the keys of later versions, and a problem for each that is switched on."""
    problems: list[Problem] = []

    def without(part: Any, place: Path, pattern: Pattern) -> Any:
        if pattern in VALUES and VALUES[pattern](part):
            problems.append(Problem(path=place, text=f"{_shown(pattern)} is not available in this version"))
        if isinstance(part, list):
            return [without(item, (*place, index), (*pattern, "*")) for index, item in enumerate(part)]
        if not isinstance(part, dict):
            return part
        kept = {}
        for key, item in part.items():
            key_pattern = (*pattern, key)
            if key_pattern in KEYS:
                problems.extend(_problems(key, item, (*place, key), may_stand=KEYS[key_pattern]))
            else:
                kept[key] = without(item, (*place, key), key_pattern)
        return kept

    return without(value, (), ()), problems


def _problems(key: str, value: Any, place: Path, *, may_stand: Callable[[Any], bool]) -> list[Problem]:
    if may_stand(value):
        return []
    allowed = _ALLOWED.get(key)
    if allowed and value not in allowed:
        return [Problem(path=place, text=f"must be {allowed[0]} ({allowed[1]} is not available in this version)")]
    what = f"{key}: {value}" if allowed else key
    return [Problem(path=place, text=f"{what} is not available in this version")]


def _shown(pattern: Pattern) -> str:
    return "postgresql://" if pattern == ("store",) else "nats://"
