"""The journal's seam: the durable queue between the relay and the shadow workers.

A relay process owns one ``JournalWriter`` and calls it from one thread, never from its event loop.  Shadow
workers own a ``JournalReader`` each.  Every engine keeps these promises:

* what ``append`` returned from is still there after ``kill -9`` of any process;
* an exchange is delivered again and again until it is settled (at least once);
* the journal is bounded: what must go is handed over once more as a ``Delivery`` without an exchange, so that it is
  counted, never silently lost;
* writer and reader never wait for each other's locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

BUCKET_SECONDS = 300
# Capture outcomes of exchanges that were due for a student and were lost before their segments were known.
LOST = frozenset({"too_large", "shed", "failed"})


def bucket_of(timestamp: float) -> int:
    """Start (unix seconds) of the five-minute bucket that a moment falls into."""
    return int(timestamp) // BUCKET_SECONDS * BUCKET_SECONDS


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One client request and the teacher's complete response to it.  Times are unix seconds."""

    id: str  # what the client got as x-understudy-id
    route: str
    surface: str
    path: str  # the client's raw path, without the query
    api_version: str = ""  # what of the query Azure goes by
    arrived_at: float
    captured_at: float  # when the answer was complete; evidence is ordered and bucketed by this
    request: bytes  # JSON body, credentials taken out
    status: int
    response: bytes  # body as it came, still in its content coding
    content_type: str = ""
    content_encoding: str = ""
    streamed: bool = False
    ttft: float | None = None  # seconds from sending the request to the first body byte
    duration: float = 0.0  # seconds from sending the request to the last byte
    source: str = "live"
    model: str | None = None  # the model asked for (body, or Azure's deployment)
    headers: dict[str, str] = {}  # request headers that a segment of the route names; never credentials
    tags: dict[str, str] = {}
    session: str | None = None
    unit: str = ""  # hash: the request's id, or its conversation's (later turns)
    unit_kind: str = "request"  # or "conversation"
    repeat_key: str = ""  # hash of client and body: exact repeats from one client share it
    probability: float = 1.0  # with which its unit was sampled, chosen before the answer


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How often one capture outcome occurred in one bucket, for the store's totals."""

    route: str
    outcome: str  # understudy_captures_total's outcomes
    reason: str = ""  # of not_shadowable
    bucket: int
    probability: float = 1.0  # with which what was lost would have been sampled
    n: int = 1


class TallyTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A tally summed since its origin (one journal file or stream writer) began: writing it twice is harmless."""

    origin: str
    route: str
    outcome: str
    reason: str
    bucket: int
    probability: float = 1.0
    total: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange handed to a worker, to be settled once its pairs are stored."""

    token: str  # opaque to everyone but the engine
    exchange_id: str
    route: str
    captured_at: float
    probability: float = 1.0
    attempts: int  # deliveries, this one included, that were not given back by `release`
    exchange: Exchange | None  # None: shed for want of room, to be recorded as missing (`shed`)


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in the journal: entries not settled, their bytes, the oldest one's captured_at."""

    entries: int
    bytes: int
    oldest: float | None


class JournalWriter(Protocol):
    """Relay side. Synchronous; one thread only."""

    def append(self, exchanges: Sequence[Exchange], tallies: Sequence[Tally]) -> None:
        """Commit all or nothing.

        Raises:
            JournalFullError: no room even after shedding the oldest unread exchanges.
            JournalError: it cannot be written (disk full, I/O error); nothing was kept.
        """

    def maintain(self) -> None:
        """Let go of what is settled and keep within the limit; called about once a second. Raises JournalError."""

    def close(self) -> None: ...


class JournalReader(Protocol):
    """Worker side. Asynchronous; safe to use from one event loop."""

    async def lease(self, limit: int, seconds: float) -> list[Delivery]:
        """Up to ``limit`` deliveries, oldest first, that nobody else gets for ``seconds``. Empty when none wait."""

    async def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        """Hold leases for another ``seconds``."""

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """Give leases back, for somebody else to take at once: they were no ``attempts``."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Done with: never delivered again (but after a crash between store and settle, they may be)."""

    async def tallies(self) -> list[TallyTotal]:
        """Totals that changed since the last call of this reader (all of them on the first)."""

    async def depth(self) -> Depth:
        """What is not settled yet."""

    async def close(self) -> None: ...
