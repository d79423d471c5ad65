"""When a student is asked once more: rarely, within a budget, and no sooner than it wishes."""

from __future__ import annotations

MOST_RETRIES = 2
RETRIED_STATUSES = frozenset({429, 503})  # and only with a retry-after


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
