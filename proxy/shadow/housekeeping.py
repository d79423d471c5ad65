"""What a worker does for the store beside its pairs: step by step, so that pairs are stored in between."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Sequence

from proxy.config.model import Route
from proxy.errors import JournalError, StoreError
from proxy.journal.base import JournalReader, TallyTotal
from proxy.shadow.recorder import StoreThread
from proxy.shadow.settings import WorkerSettings
from proxy.store.settled import ended_until, settled_until
from proxy.store.upkeep import tend


class Housekeeping:
    """The relay's tallies, conversations that have ended, and retention.

    Attributes:
        routes: Those whose retention is kept.
    """

    def __init__(
        self, journal: JournalReader, store: StoreThread, *, settings: WorkerSettings, now: Callable[[], float]
    ) -> None:
        self.routes: Sequence[Route] = ()
        self._journal = journal
        self._store = store
        self._settings = settings
        self._now = now
        self._tallies: dict[tuple[str, str, str, str, int, float], TallyTotal] = {}

    async def take_over_tallies(self) -> None:
        """Those that the store does not take stay until the next time."""
        with contextlib.suppress(JournalError, StoreError):
            for total in await self._journal.tallies():
                key = (total.origin, total.route, total.outcome, total.reason, total.bucket, total.probability)
                self._tallies[key] = total
            totals = list(self._tallies.values())
            if totals:
                await self._store.call(lambda: self._store.store.record_captures(totals))
                self._tallies.clear()

    async def close_units(self) -> None:
        """Conversations that have ended enter the counts. Goes on until it is cancelled."""
        while True:
            with contextlib.suppress(StoreError, JournalError):
                until = ended_until(await self._journal.depth(), self._now())
                while await self._store.call(functools.partial(self._store.store.close_units, until)):
                    pass
            await asyncio.sleep(self._settings.units_seconds)

    async def keep_retention(self) -> None:
        """Text past its retention goes, old counts are folded. Goes on until it is cancelled."""
        while True:
            with contextlib.suppress(StoreError):
                await self._tend()
            await asyncio.sleep(self._settings.retention_seconds)

    async def _tend(self) -> None:
        routes, now = self.routes, self._now()
        read_until: float | None = None
        with contextlib.suppress(JournalError):
            read_until = settled_until(await self._journal.depth(), now)
        while await self._store.call(lambda: tend(self._store.store, routes, now=now, read_until=read_until)):
            pass
