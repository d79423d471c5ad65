"""Whether two JSON values are the same date, or the same moment, written differently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

DateRule = Literal["day", "instant"]

_LONGEST = 64
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b|,", re.IGNORECASE)
_NUMBERS = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}", re.ASCII)
_MONTH = re.compile("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", re.IGNORECASE)
_IN_WORDS = ("%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y")
_IN_NUMBERS = ("%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y")
# Unix time in seconds from 2001 on, and in milliseconds until 5138.
_FIRST_SECOND, _FIRST_MILLISECOND, _LAST_MILLISECOND = 1e9, 1e11, 1e14
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def same_date(ours: Any, theirs: Any, rule: DateRule) -> bool:
    """Whether both are dates and the same: by the calendar day as written, or by the instant.

    For instants a date alone is its midnight, and a time without an offset is compared by the clock alone.
    """
    wanted, given = _moment(ours), _moment(theirs)
    if wanted is None or given is None:
        return False
    if rule == "day":
        return wanted.date() == given.date()
    if wanted.tzinfo is None or given.tzinfo is None:
        return wanted.replace(tzinfo=None) == given.replace(tzinfo=None)
    return wanted == given


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        text = " ".join(value.split()) if len(value) <= _LONGEST else ""
        found = set(_readings(text)) if any(map(str.isdigit, text)) else set()
        return found.pop() if len(found) == 1 else None  # 03/04/2024 is two dates, and so none
    if isinstance(value, int | float) and not isinstance(value, bool) and _FIRST_SECOND <= value < _LAST_MILLISECOND:
        return _EPOCH + timedelta(seconds=value / 1000 if value >= _FIRST_MILLISECOND else value)
    return None


def _readings(text: str) -> Iterator[datetime]:
    try:
        yield datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return
    if _NUMBERS.fullmatch(text):
        for form in _IN_NUMBERS:
            yield from _read(text, form)
    elif _MONTH.search(text) is None:
        return
    words = " ".join(_ORDINAL.sub(" ", text).split())
    for form in _IN_WORDS:
        yield from _read(words, form)
    if ":" in text:
        try:
            yield parsedate_to_datetime(text)  # as mail and HTTP write it
        except (ValueError, IndexError, OverflowError):
            return


def _read(text: str, form: str) -> Iterator[datetime]:
    try:
        yield datetime.strptime(text, form)  # noqa: DTZ007 - a date has no offset
    except ValueError:
        return
