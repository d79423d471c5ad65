"""The ``retry-after`` header (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Seconds to wait that a ``retry-after`` header asks for, in seconds or as a date; None where it says nothing."""
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
