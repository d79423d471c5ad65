"""Storing what became of exchanges, in batches, and only then letting the journal go of them.

A store or journal that cannot be written just now is tried again until it can; meanwhile nothing is lost, settled or
counted, and ``healthy`` says that no more should be taken on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
import structlog

from proxy.config.model import Route
from proxy.errors import JournalError, StoreError
from proxy.journal.base import Delivery, JournalReader
from proxy.metrics import ShadowMetrics
from proxy.shadow.metering import count_stored
from proxy.shadow.versions import Versions
from proxy.store.base import Store
from proxy.store.records import AnswerRecord, PairRecord, Settlement
from proxy.store.upkeep import keep_configured_segments

Result = TypeVar("Result")
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0

_log = structlog.get_logger()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an exchange, to be stored and then settled."""

    exchange_id: str
    settlement: Settlement | None = None  # None: nothing to store
    unversioned: dict[str, str | None] = {}  # by student without a configured version: the model its answer names
    models: dict[str, str] = {}  # by student: the model that was asked
    new_exchange: bool = True
    route_known: bool = True  # False: which students it was due for is not known, so it has no pairs
    last: bool = True  # False: other students' pairs are still to come, so it is not settled yet


class StoreThread:
    """The one thread that uses the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.healthy = asyncio.Event()
        self.healthy.set()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def call(self, function: Callable[[], Result]) -> Result:
        """Run a function that uses the store. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def until_done(self, function: Callable[[], Result]) -> Result:
        """The same, again and again while the store cannot be read."""
        return await persistently(lambda: self.call(function), StoreError, self.healthy, "store_unreadable")

    async def close(self, seconds: float) -> None:
        """Wait, for so long, until nobody uses the store any more."""
        waiting = asyncio.get_running_loop().run_in_executor(
            None, lambda: self._thread.shutdown(wait=True, cancel_futures=True)
        )
        await asyncio.wait([waiting], timeout=seconds)


async def persistently(
    attempt: Callable[[], Awaitable[Result]], trouble: type[Exception], healthy: asyncio.Event, event: str
) -> Result:
    """Try until it works, ever more slowly; ``healthy`` is cleared in between."""
    wait = FIRST_WAIT
    while True:
        try:
            result = await attempt()
        except trouble as error:
            if healthy.is_set():
                _log.error(event, error=str(error))
            healthy.clear()
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT, wait * 2)
        else:
            if not healthy.is_set():
                _log.info(f"{event}_over")
            healthy.set()
            return result


class Recorder:
    """Takes outcomes and stores them.  The queue is bounded by the exchanges in flight, as each has two at most."""

    def __init__(
        self,
        store: StoreThread,
        journal: JournalReader,
        metrics: ShadowMetrics,
        *,
        deliveries_of: Callable[[str], list[Delivery]],
        done: Callable[[str], None],
        batch: int = 100,
        wait: float = 0.05,
    ) -> None:
        self._store_healthy, self._journal_healthy = asyncio.Event(), asyncio.Event()
        self._store_healthy.set()
        self._journal_healthy.set()
        self._store = store
        self._journal = journal
        self._metrics = metrics
        self._versions = Versions(store.store)
        self._deliveries_of = deliveries_of
        self._done = done
        self._batch = batch
        self._wait = wait
        self._queue: asyncio.Queue[Outcome] = asyncio.Queue()
        self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._routes: Sequence[Route] = []
        self._named: Sequence[Route] = self._routes  # those whose segments have their names

    def keep_segments_of(self, routes: Sequence[Route]) -> None:
        """Let these routes' segments have their names before anything more is counted.

        Later is too late: where clients used up the names of a key, what is required would be counted as `other`.
        """
        self._routes = routes

    @property
    def healthy(self) -> bool:
        """Whether the last attempts to store and to settle went well."""
        return self._store_healthy.is_set() and self._journal_healthy.is_set()

    def put(self, outcome: Outcome) -> None:
        self._unfinished += 1
        self._idle.clear()
        self._queue.put_nowait(outcome)

    async def flushed(self) -> None:
        """Wait until all that was put is stored and settled."""
        await self._idle.wait()

    async def run(self) -> None:
        """Store and settle until cancelled."""
        while True:
            batch = await self._next_batch()
            await self._record([outcome for outcome in batch if outcome.settlement is not None])
            await self._settle([outcome for outcome in batch if outcome.last])
            for outcome in batch:
                self._done(outcome.exchange_id)
            self._unfinished -= len(batch)
            if not self._unfinished:
                self._idle.set()

    async def _next_batch(self) -> list[Outcome]:
        batch = [await self._queue.get()]
        deadline = asyncio.get_running_loop().time() + self._wait
        while len(batch) < self._batch:
            try:
                async with asyncio.timeout_at(deadline):
                    batch.append(await self._queue.get())
            except TimeoutError:
                break
        return batch

    async def _record(self, outcomes: list[Outcome]) -> None:
        if not outcomes:
            return
        try:
            await self._record_together(outcomes)
        except Exception as error:  # noqa: BLE001 -- a record that no store takes must not hold up the others
            if len(outcomes) > 1:
                for outcome in outcomes:
                    await self._record([outcome])
                return
            _log.error("not_storable", exchange=outcomes[0].exchange_id, error=type(error).__name__)
            await self._record_together([_without_text(outcomes[0])])

    async def _record_together(self, outcomes: list[Outcome]) -> None:
        settlements: list[Settlement] = []

        def record() -> list[tuple[str, str]]:
            routes = self._routes
            if routes is not self._named:
                keep_configured_segments(self._store.store, routes)
                self._named = routes
            settlements[:] = [
                self._versions.assign(outcome.settlement, outcome.unversioned)
                for outcome in outcomes
                if outcome.settlement is not None
            ]
            return self._store.store.record(settlements)

        new: dict[str, set[str]] = {}
        stored = await persistently(
            lambda: self._store.call(record), StoreError, self._store_healthy, "store_unavailable"
        )
        for exchange_id, student in stored:
            new.setdefault(exchange_id, set()).add(student)
        for outcome, settlement in zip(outcomes, settlements, strict=True):
            count_stored(
                self._metrics,
                settlement,
                new_students=new.pop(outcome.exchange_id, ()),
                new_exchange=outcome.new_exchange,
                route_known=outcome.route_known,
                models=outcome.models,
            )

    async def _settle(self, outcomes: list[Outcome]) -> None:
        if not outcomes:
            return
        deliveries = [delivery for outcome in outcomes for delivery in self._deliveries_of(outcome.exchange_id)]
        await persistently(
            lambda: self._journal.settle(deliveries), JournalError, self._journal_healthy, "journal_unavailable"
        )


def _without_text(outcome: Outcome) -> Outcome:
    """The same outcome as far as counts go, of an exchange whose text cannot be stored."""
    assert outcome.settlement is not None  # noqa: S101 -- only settlements get here
    exchange = msgspec.structs.replace(
        outcome.settlement.exchange, request=None, teacher=None, segments={}, request_features={}, teacher_features={}
    )
    pairs = tuple(_unscored(pair) for pair in outcome.settlement.pairs)
    kept = dict.fromkeys(outcome.unversioned)  # they belong to the version in force, whatever they answered
    return msgspec.structs.replace(outcome, settlement=Settlement(exchange=exchange, pairs=pairs), unversioned=kept)


def _unscored(pair: PairRecord) -> PairRecord:
    error = {"kind": "unscored", "message": "it cannot be stored"}
    return msgspec.structs.replace(pair, outcome="unscored", answer=AnswerRecord(error=error), scores={}, features={})
