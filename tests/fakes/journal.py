"""An in-memory journal for tests of what stands on either side of one. It passes the seam's own tests."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from proxy.errors import JournalError
from proxy.journal.base import Delivery, Depth, Exchange, Tally, TallyTotal

ORIGIN = "memory"


@dataclass
class _Entry:
    exchange: Exchange
    size: int
    shed: bool = False
    owner: str = ""
    expires: float = 0.0
    attempts: int = 0


class MemoryJournal:
    """One journal; ``writer()`` and ``reader()`` are its sides.

    ``limit`` is in bytes of encoded exchanges. While ``broken`` is a message, every call raises JournalError with it.
    """

    def __init__(self, *, limit: int = 2**30, clock: Callable[[], float] = time.time) -> None:
        self.limit = limit
        self.clock = clock
        self.broken: str | None = None
        self.entries: OrderedDict[str, _Entry] = OrderedDict()
        self.totals: dict[tuple[str, str, str, int, float], int] = {}
        self.revisions: dict[tuple[str, str, str, int, float], int] = {}
        self.revision = 0
        self._next = 0

    def writer(self) -> MemoryWriter:
        return MemoryWriter(self)

    def reader(self, owner: str = "worker") -> MemoryReader:
        return MemoryReader(self, owner)

    def check(self) -> None:
        if self.broken is not None:
            raise JournalError(self.broken)

    def add(self, exchange: Exchange) -> None:
        self._next += 1
        self.entries[f"{ORIGIN}:{self._next}"] = _Entry(exchange, len(msgspec.msgpack.encode(exchange)))
        kept = [entry for entry in self.entries.values() if not entry.shed]
        size = sum(entry.size for entry in kept)
        while size > self.limit:
            oldest = kept.pop(0)
            oldest.shed = True
            size -= oldest.size


class MemoryWriter:
    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    def append(self, exchanges: Sequence[Exchange], tallies: Sequence[Tally]) -> None:
        self._journal.check()
        for exchange in exchanges:
            self._journal.add(exchange)
        self._journal.revision += 1
        for tally in tallies:
            key = (tally.route, tally.outcome, tally.reason, tally.bucket, tally.probability)
            self._journal.totals[key] = self._journal.totals.get(key, 0) + tally.n
            self._journal.revisions[key] = self._journal.revision

    def maintain(self) -> None:
        self._journal.check()

    def close(self) -> None:
        pass


class MemoryReader:
    def __init__(self, journal: MemoryJournal, owner: str) -> None:
        self._journal = journal
        self._owner = owner
        self._seen = 0
        for entry in journal.entries.values():
            if entry.owner == owner:
                entry.expires = 0.0

    async def lease(self, limit: int, seconds: float) -> list[Delivery]:
        self._journal.check()
        now = self._journal.clock()
        free = [(token, entry) for token, entry in self._journal.entries.items() if entry.expires <= now]
        free.sort(key=lambda found: (not found[1].owner, found[1].exchange.captured_at))
        deliveries = []
        for token, entry in free[:limit]:
            entry.owner, entry.expires, entry.attempts = self._owner, now + seconds, entry.attempts + 1
            deliveries.append(
                Delivery(
                    token=token,
                    exchange_id=entry.exchange.id,
                    route=entry.exchange.route,
                    captured_at=entry.exchange.captured_at,
                    probability=entry.exchange.probability,
                    attempts=entry.attempts,
                    exchange=None if entry.shed else entry.exchange,
                )
            )
        return deliveries

    async def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        self._journal.check()
        for delivery in deliveries:
            entry = self._journal.entries.get(delivery.token)
            if entry is not None and entry.owner == self._owner:
                entry.expires = self._journal.clock() + seconds

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        self._journal.check()
        for delivery in deliveries:
            entry = self._journal.entries.get(delivery.token)
            if entry is not None and entry.owner == self._owner:
                entry.expires, entry.attempts = 0.0, max(0, entry.attempts - 1)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        self._journal.check()
        for delivery in deliveries:
            self._journal.entries.pop(delivery.token, None)

    async def tallies(self) -> list[TallyTotal]:
        self._journal.check()
        changed = [key for key, revision in self._journal.revisions.items() if revision > self._seen]
        self._seen = self._journal.revision
        return [
            TallyTotal(
                origin=ORIGIN,
                route=key[0],
                outcome=key[1],
                reason=key[2],
                bucket=key[3],
                probability=key[4],
                total=self._journal.totals[key],
            )
            for key in changed
        ]

    async def depth(self) -> Depth:
        self._journal.check()
        entries = self._journal.entries.values()
        return Depth(
            entries=len(entries),
            bytes=sum(entry.size for entry in entries if not entry.shed),
            oldest=min((entry.exchange.captured_at for entry in entries), default=None),
        )

    async def close(self) -> None:
        pass
