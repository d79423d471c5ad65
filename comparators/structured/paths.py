"""Paths into a JSON value: how they are shown (``items[0].price``) and how options name many (``items[].price``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

# A step into an object is its key, a step into an array its index.
Step = str | int
Path = tuple[Step, ...]
_KEY_OR_INDEX = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<index>\d{0,9})\]")


class Wild(Enum):
    """What stands for many steps in a pattern."""

    KEY = "*"
    INDEX = "[]"
    DEEP = "**"  # any number of steps, none too


Pattern = tuple[Step | Wild, ...]


def pattern(text: str) -> Pattern:
    """Which paths a dotted pattern means: ``*`` any key, ``[]`` any index, ``[0]`` the first, ``**`` any depth.

    Raises ValueError where the text is no pattern.
    """
    steps: list[Step | Wild] = []
    position = 0
    while position < len(text):
        if steps and text[position] == ".":
            position += 1
        match = _KEY_OR_INDEX.match(text, position)
        if match is None:
            break
        # Two keys in a row would have been one: only a dot or a bracket parts them.
        steps.append(_step(match["key"], match["index"]))
        position = match.end()
    if not steps or position < len(text) or text.endswith("."):
        raise ValueError(f"{text!r} is not a path such as customer.id, items[].price, items[0], *.id or **.id")
    return tuple(steps)


def _step(key: str | None, index: str | None) -> Step | Wild:
    if key is None:
        return int(index) if index else Wild.INDEX
    return Wild(key) if key in (Wild.KEY.value, Wild.DEEP.value) else key


def show(path: Sequence[Step]) -> str:
    """A path as a person writes it; ``$`` for the whole value."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "$"
