"""What comparators spend: written to the store now and then, and what others spent read back, so that nobody waits."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from proxy.store.base import Store

_ROUNDING = 1e-12  # USD
_REMEMBERED = 2 * 86400.0  # seconds: a question may end the day after it was asked


class StoreLedger:
    """``comparators.base.Ledger`` over a store, for any number of processes that ``settle`` every now and then.

    In between each knows what itself spent: a budget may be exceeded by what the others spend meanwhile.  ``settle`` is
    called in the thread that uses the store, the rest anywhere.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._settled: dict[tuple[str, str], float] = {}  # as the store has it
        self._unsettled: defaultdict[tuple[str, str], float] = defaultdict(float)

    def spent(self, account: str, day: str) -> float:
        with self._lock:
            return self._settled.get((account, day), 0.0) + self._unsettled.get((account, day), 0.0)

    def add(self, account: str, day: str, usd: float) -> None:
        with self._lock:
            self._unsettled[account, day] += usd

    def settle(self, store: Store) -> None:
        """Write down what was spent since the last time, and learn what all have spent.

        Raises:
            StoreError: the store cannot be written or read; nothing is lost.
        """
        with self._lock:
            written = dict(self._unsettled)
        if written:
            store.spend(written)
        with self._lock:  # at once, so that nothing is written twice whatever comes now
            for key, usd in written.items():
                self._settled[key] = self._settled.get(key, 0.0) + usd
                self._unsettled[key] -= usd
                if self._unsettled[key] < _ROUNDING:
                    del self._unsettled[key]
        since = datetime.fromtimestamp(self._now() - _REMEMBERED, UTC).date().isoformat()
        settled = store.spent(since)
        with self._lock:
            self._settled = settled
