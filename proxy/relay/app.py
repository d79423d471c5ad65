"""The data plane: an ASGI application that passes requests to the teacher and its answers back."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import time
from typing import Any

from proxy.journal.base import JournalWriter
from proxy.metrics import RelayMetrics
from proxy.relay.passage import Passage
from proxy.relay.routing import RoutingTable
from proxy.relay.tee import CaptureBudget
from proxy.relay.telemetry import Telemetry
from proxy.relay.upstream.base import Upstream
from proxy.relay.writer import CaptureWriter

_ID_RANDOM_BYTES = 10
_IDS_AT_ONCE = 256


class Relay:
    """The ASGI callable.  ``table`` may be exchanged at any time: requests under way keep the one they began with."""

    def __init__(
        self,
        table: RoutingTable,
        upstream: Upstream,
        journal: Callable[[], JournalWriter],
        metrics: RelayMetrics,
        paused: Callable[[], frozenset[str | None]],
        *,
        clock: Callable[[], float] = time,
    ) -> None:
        self.upstream = upstream
        self.paused = paused
        self.clock = clock
        self.new_id = ExchangeIds(clock)
        self.telemetry = Telemetry(metrics)
        self.budget = CaptureBudget(table.limits.capture_total)
        self.writer = CaptureWriter(journal, self.telemetry, clock)
        self._table = table

    @property
    def table(self) -> RoutingTable:
        return self._table

    @table.setter
    def table(self, table: RoutingTable) -> None:
        self._table = table
        self.budget.limit = table.limits.capture_total

    def start(self) -> None:
        """Begin to write captures."""
        self.writer.start()

    def close(self, seconds: float) -> bool:
        """Write what was captured, for at most so long; blocks. Whether all was written."""
        return self.writer.close(seconds)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await Passage(self, scope, receive, send).run()


class ExchangeIds:
    """Ids that are unique, and in the order of time, which databases like."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._random: list[str] = []

    def __call__(self) -> str:
        if not self._random:  # not a system call for each
            self._random = _pieces(os.urandom(_ID_RANDOM_BYTES * _IDS_AT_ONCE).hex())
        return f"{int(self._clock() * 1000):012x}{self._random.pop()}"


def _pieces(digits: str) -> list[str]:
    size = 2 * _ID_RANDOM_BYTES
    return [digits[start : start + size] for start in range(0, len(digits), size)]
