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
from proxy.relay.upstream import Upstream
from proxy.relay.writer import CaptureWriter


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
        new_id: Callable[[], str] | None = None,
    ) -> None:
        self.upstream = upstream
        self.paused = paused
        self.clock = clock
        self.new_id = new_id or _new_id
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


def _new_id() -> str:
    """Unique, and in the order of time, which databases like."""
    return f"{int(time() * 1000):012x}{os.urandom(10).hex()}"
