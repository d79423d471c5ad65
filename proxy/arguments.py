"""What users write in flags and queries, read into values."""

from __future__ import annotations

from datetime import datetime

from proxy.config.values import parse_duration
from proxy.errors import UsageError


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
