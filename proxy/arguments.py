"""What users write in flags and queries, read into values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from proxy.config.values import parse_duration
from proxy.errors import UsageError
from proxy.store.base import PairFilter


def parse_since(text: str, *, now: float) -> float:
    """Unix seconds of a duration back from now (``7d``) or an RFC 3339 time. Raises UsageError."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{text!r} is no time: give a duration such as 7d, or a time such as 2026-11-20T08:00:00Z")
    return moment.timestamp()


def parse_segment(text: str) -> tuple[str, str]:
    """Key and value of ``key=value``. Raises UsageError."""
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise UsageError(f"segment {text!r}: write key=value, such as language=de")
    return key, value


def pair_filter(*, segment: str | None, since: str | None, now: float, **which: Any) -> PairFilter:
    """Which pairs are asked for; ``which``: fields of ``PairFilter`` that need no reading. Raises UsageError."""
    return PairFilter(
        segment=None if segment is None else parse_segment(segment),
        since=None if since is None else parse_since(since, now=now),
        **which,
    )
