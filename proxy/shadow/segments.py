"""Which slices of the traffic an exchange belongs to: one value for each segment key of its route."""

from __future__ import annotations

import bisect
import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy.config.checks import SEGMENT_VALUES
from proxy.config.model import BodySegment, HeaderSegment, Segment
from proxy.openai import turns
from proxy.openai.tools import offered_tools
from proxy.shadow.features import LABEL_CHARACTERS
from proxy.shadow.language import language_segment

TEACHER_VERSION = "teacher_version"
NONE = "none"  # what is sliced by is not there
OTHER = "other"  # it is there, and is no single value
LONGEST_VALUE = 64
# Characters of the prompt text: each band begins at its number.
LENGTH_BANDS = {0: "under-100", 100: "100-500", 500: "500-2k", 2_000: "2k-8k", 8_000: "over-8k"}
_SPACE_OR_NUMBER = re.compile(r"\s+|\d+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def segment_values(
    wanted: Sequence[Segment],
    *,
    surface: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    tags: Mapping[str, str],
    turn: str,
    arrived_at: float,
    teacher_version: str | None,
    answer: str | None = None,
    redact: Callable[[str], str] = str,
    identify: Callable[[str], str] = language_segment,
) -> dict[str, str]:
    """The exchange's value for every wanted segment, and always for ``teacher_version``.

    A tag never takes the place of a segment that the route names.  ``arrived_at`` is unix seconds, ``answer`` the
    teacher's text.  ``redact`` takes out of a text what must not be stored, ``identify`` tells its language.
    """
    prompt = functools.cache(lambda: turns.prompt_text(surface, dict(body)))
    built_in: dict[str, Callable[[], str]] = {
        "language": lambda: identify(prompt()),
        "length": lambda: length_band(len(prompt())),
        "turn": lambda: turn,
        "tools": lambda: _tools(offered_tools(body)),
        "system_prompt": lambda: system_fingerprint(turns.system_text(surface, dict(body))),
        "hour": lambda: SEGMENT_VALUES["hour"][int(arrived_at // 3600) % 24 // 6],
        "label": lambda: _label(answer or "", redact),
    }
    values: dict[str, str] = {}
    for segment in wanted:
        if isinstance(segment, HeaderSegment):
            values[segment.as_] = _value(_header(headers, segment.header))
        elif isinstance(segment, BodySegment):
            values[segment.as_] = _value(_at(body, segment.body))
        elif segment != "tags":
            values[segment] = built_in[segment]()
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


def system_fingerprint(text: str) -> str:
    """Eight hexadecimal digits that tell system prompts apart, whatever their white space and numbers."""
    alike = _SPACE_OR_NUMBER.sub(lambda found: "0" if found[0].isdecimal() else " ", text).strip()
    return _eight_digits(alike) if alike else NONE


def _tools(names: Sequence[str]) -> str:
    """The names, whatever their order; where they are too long for a value, their number and a fingerprint."""
    told = ",".join(sorted(set(names)))
    return _value(told if len(told) <= LONGEST_VALUE else f"{len(set(names))}-tools-{_eight_digits(told)}")


def _label(answer: str, redact: Callable[[str], str]) -> str:
    text = answer.strip()
    return _value(redact(text)) if len(text) <= LABEL_CHARACTERS and len(text.splitlines()) == 1 else NONE


def _eight_digits(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


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
