"""Paths into a JSON value: how they are shown (``items[0].price``) and how options name many (``items[].price``)."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A step into an object is its key, a step into an array its index; None in a pattern stands for any.
Path = tuple[str | int, ...]
_ANY_KEY = "*"
_STEP = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<index>\d{0,9})\]")


class PathPattern:
    """Which paths a dotted pattern means: ``*`` is any key, ``[]`` any index, ``[0]`` the first element."""

    def __init__(self, pattern: str) -> None:
        """Raises ValueError where the pattern is not one."""
        self._steps = _parse(pattern)

    def matches(self, path: Path) -> bool:
        return len(path) == len(self._steps) and all(map(_is_step, self._steps, path))


def _parse(pattern: str) -> tuple[str | int | None, ...]:
    steps: list[str | int | None] = []
    position = 0
    while position < len(pattern):
        if steps and pattern[position] == ".":
            position += 1
        match = _STEP.match(pattern, position)
        if match is None:
            break
        # Two keys in a row would have been one: only a dot or a bracket parts them.
        steps.append(match["key"] if match["key"] is not None else int(match["index"]) if match["index"] else None)
        position = match.end()
    if not steps or position < len(pattern) or pattern.endswith("."):
        raise ValueError(f"{pattern!r} is not a path such as customer.id, items[].price, items[0] or *.id")
    return tuple(steps)


def _is_step(wanted: str | int | None, step: str | int) -> bool:
    if wanted is None:
        return isinstance(step, int)
    return wanted == step or (wanted == _ANY_KEY and isinstance(step, str))


def show(path: Sequence[str | int]) -> str:
    """A path as a person writes it; ``$`` for the whole value."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "$"
