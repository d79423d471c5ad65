"""Which slices of the traffic an exchange belongs to: one value for each segment key of its route."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy.config.model import BodySegment, HeaderSegment, Segment
from proxy.openai import requests
from proxy.shadow.language import language_segment

TEACHER_VERSION = "teacher_version"
NONE = "none"  # what is sliced by is not there
OTHER = "other"  # it is there, and is no single value
LONGEST_VALUE = 64
# Characters of the prompt text: each band begins at its number.
LENGTH_BANDS = {0: "under-100", 100: "100-500", 500: "500-2k", 2_000: "2k-8k", 8_000: "over-8k"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def segment_values(
    wanted: Sequence[Segment],
    *,
    surface: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    tags: Mapping[str, str],
    turn: str,
    teacher_version: str | None,
    identify: Callable[[str], str] | None = None,
) -> dict[str, str]:
    """The exchange's value for every wanted segment, and always for ``teacher_version``.

    A tag never takes the place of a segment that the route names.  ``identify`` tells a text's language; by default
    ``language_segment`` does.
    """
    values: dict[str, str] = {}
    text = requests.prompt_text(surface, dict(body)) if {"language", "length"} & _names(wanted) else ""
    for segment in wanted:
        if isinstance(segment, HeaderSegment):
            values[segment.as_] = _value(_header(headers, segment.header))
        elif isinstance(segment, BodySegment):
            values[segment.as_] = _value(_at(body, segment.body))
        elif segment == "language":
            values[segment] = (identify or language_segment)(text)
        elif segment == "length":
            values[segment] = length_band(len(text))
        elif segment == "turn":
            values[segment] = turn
    values[TEACHER_VERSION] = _value(teacher_version)
    if "tags" in wanted:
        values = {name: _value(value) for key, value in tags.items() if (name := _tag(key))} | values
    return values


def _tag(key: str) -> str:
    """The tag's key; nothing for one that would read as something else: `all`, or half of `key=value`."""
    name = _trimmed(key)
    return "" if name == "all" or "=" in name else name


def length_band(characters: int) -> str:
    """The band that a prompt text of so many characters falls into."""
    starts = list(LENGTH_BANDS)
    return LENGTH_BANDS[starts[bisect.bisect_right(starts, characters) - 1]]


def _names(wanted: Sequence[Segment]) -> set[str]:
    return {segment for segment in wanted if isinstance(segment, str)}


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def _at(body: Mapping[str, Any], path: str) -> Any:
    value: Any = body
    for key in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and len(key) <= 9 and int(key) < len(value):  # noqa: PLR2004
            value = value[int(key)]
        else:
            return None
    return value


def _value(value: Any) -> str:
    """A scalar as a segment's value; ``none`` for nothing, ``other`` for an object or a list."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return NONE
    if isinstance(value, str | int | float):
        return _trimmed(str(value)) or NONE
    return OTHER


def _trimmed(text: str) -> str:
    return _CONTROL.sub("", text).strip()[:LONGEST_VALUE].rstrip()
