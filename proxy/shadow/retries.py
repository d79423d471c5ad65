"""When a student is asked once more: rarely, within a budget, and no sooner than it wishes."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

MOST_RETRIES = 2
RETRIED_STATUSES = frozenset({429, 503})  # and only with a retry-after
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


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


class RetryBudget:
    """Lets a share of the requests be retried, so that retries never multiply the load on a student in trouble."""

    def __init__(self, *, share: float = 0.1, burst: float = 10.0) -> None:
        self._share = share
        self._burst = burst
        self._saved = burst

    def earn(self) -> None:
        """A request was sent for the first time."""
        self._saved = min(self._burst, self._saved + self._share)

    def spend(self) -> bool:
        """Whether one more retry may be sent; if so it is paid for."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
