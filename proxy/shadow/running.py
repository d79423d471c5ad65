"""What a worker has while it runs: it takes exchanges on, has them worked on, and ends in good order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from comparators.running import Runner
from proxy.config.model import Config
from proxy.errors import JournalError, StoreError
from proxy.journal.base import Delivery, JournalReader
from proxy.metrics import ShadowMetrics
from proxy.shadow.flights import Flights, make_room
from proxy.shadow.housekeeping import Housekeeping
from proxy.shadow.processing import Processor
from proxy.shadow.recorder import Recorder, StoreThread
from proxy.shadow.replaced import Replaced
from proxy.shadow.routes import ServedRoute, comparators_of
from proxy.shadow.settings import WorkerSettings
from proxy.shadow.watchdog import end_if_frozen
from proxy.store.ledger import StoreLedger

Result = TypeVar("Result")
SUSPECT = 3  # the delivery from which on an exchange may be what workers die of; other things happen twice, too
PARKED_SECONDS = 0.05  # between looks at what parked exchanges wait for

_log = structlog.get_logger()


class Running:
    """What a worker has while it runs."""

    def __init__(
        self,
        config: Config,
        journal: JournalReader,
        store: StoreThread,
        metrics: ShadowMetrics,
        *,
        settings: WorkerSettings,
        now: Callable[[], float],
    ) -> None:
        self.config = config
        self._journal = journal
        self._store = store
        self._settings = settings
        self._now = now
        self._flights = Flights(
            most=settings.most_in_flight, most_bytes=settings.most_bytes, most_parked=settings.most_parked
        )
        self._runner = Runner(processes=settings.scoring_processes, seconds=settings.scoring_seconds)
        self.processor = Processor(
            self._flights,
            metrics,
            runner=self._runner,
            most_attempts=settings.most_attempts,
            route_grace=settings.route_grace,
            now=now,
        )
        self._recorder = Recorder(
            store, journal, metrics, deliveries_of=self._flights.deliveries_of, done=self._flights.land
        )
        self.ledger = StoreLedger(now)
        self._housekeeping = Housekeeping(journal, store, settings=settings, now=now)
        self._replaced = Replaced(settings.stop_seconds)
        self._journal_readable = True
        self._working: set[asyncio.Task[None]] = set()

    def serve(self, config: Config, routes: Mapping[str, ServedRoute]) -> None:
        """Work by this configuration from now on."""
        self.config = config
        self._recorder.keep_segments_of(config.routes)
        self._housekeeping.routes = config.routes
        kept = {id(each) for each in comparators_of(routes)}
        replaced = [each for each in comparators_of(self.processor.routes) if id(each) not in kept]
        if replaced:
            self._replaced.add(replaced, self._flights.ids)
        self.processor.routes = routes

    async def run(self, stop: asyncio.Event) -> None:
        await self._learn_paused()
        await self._settle_accounts()
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(end_if_frozen(self._settings.frozen_seconds)),
                group.create_task(self._recorder.run()),
                group.create_task(self._hold_leases()),
                group.create_task(self._bring_back_parked()),
                group.create_task(self._follow()),
                group.create_task(self._housekeeping.keep_retention()),
                group.create_task(self._housekeeping.close_units()),
            ]
            try:
                await self._take_on(stop, group)
                await self._finish()
            finally:
                for task in [*background, *self._working]:
                    task.cancel()
        await self._give_back()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_seconds / 2):
                await self._settle_accounts()  # of questions that were broken off, too
        await self._runner.close()
        self._replaced.add(comparators_of(self.processor.routes), frozenset())
        await self._replaced.close_unused(frozenset())

    # Taking exchanges on

    async def _take_on(self, stop: asyncio.Event, group: asyncio.TaskGroup) -> None:
        clock = asyncio.get_running_loop().time
        careful_until = clock() + self._settings.careful_seconds
        careful = True  # until the first that nobody had before
        idle = 0.01
        while not stop.is_set():
            if not await self._ready():
                continue
            careful = careful and clock() < careful_until
            deliveries = await self._lease(1 if careful else self._settings.most_leased)
            if not deliveries:
                await _wait(stop, idle)
                idle = min(self._settings.longest_idle, idle * 2)
                continue
            idle = 0.01
            if not await self._start(deliveries, stop, group):
                return
            attempts = deliveries[0].attempts
            careful = careful and attempts > 1
            while careful and attempts >= SUSPECT and not (stop.is_set() or self._flights.empty):
                await self._flights.changed(0.2)
                careful = clock() < careful_until

    async def _start(self, deliveries: list[Delivery], stop: asyncio.Event, group: asyncio.TaskGroup) -> bool:
        """Begin to work on them; False where ``stop`` came first, so that they are to be given back."""
        taken = [delivery for delivery in deliveries if self._flights.take(delivery)]
        known = await unless(stop, self._known(taken))
        if known is None:
            return False
        for delivery in taken:
            task = group.create_task(self._work(delivery, known.get(delivery.exchange_id)))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        return True

    async def _ready(self) -> bool:
        """Whether more may be taken on; waits a little where not."""
        if not (self._store.healthy.is_set() and self._recorder.healthy):
            await asyncio.sleep(0.05)
            return False
        students = [client for route in self.processor.routes.values() for client in route.clients]
        # For each student as many as may be under way and wait for a slot: nobody's take another's room.
        self._flights.most = max(self._settings.most_in_flight, 2 * sum(each.lane.slots for each in students))
        if self._flights.full:
            make_room([each.lane for each in students])
            await self._flights.changed(0.2)
            return False
        return True

    async def _lease(self, most: int) -> list[Delivery]:
        limit = min(most, self._flights.room(self.config.limits.capture))
        try:
            deliveries = await self._journal.lease(limit, self._settings.lease_seconds)
        except JournalError as error:
            if self._journal_readable:
                _log.error("journal_unreadable", error=str(error))
            self._journal_readable = False
            return []
        self._journal_readable = True
        return deliveries

    async def _known(self, deliveries: Collection[Delivery]) -> dict[str, frozenset[str]]:
        ids = [delivery.exchange_id for delivery in deliveries]
        return await self._store.until_done(lambda: self._store.store.known(ids))

    # Working on them

    async def _work(self, delivery: Delivery, known: frozenset[str] | None) -> None:
        processed = await self.processor.process(delivery, known)
        if processed.wait is not None:
            self._flights.park(delivery.exchange_id, processed.wait)
        self._recorder.put(processed.outcome)

    # In the background

    async def _hold_leases(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 3)
            with contextlib.suppress(JournalError):  # those that run out are delivered again, which does no harm
                await self._journal.extend(self._flights.leased(), self._settings.lease_seconds)

    async def _bring_back_parked(self) -> None:
        """Through the journal: only it still has the exchanges."""
        while True:
            await asyncio.sleep(PARKED_SECONDS)
            if back := self._flights.unpark(self._now(), self.processor.routes):
                with contextlib.suppress(JournalError):  # their leases run out, then
                    await self._journal.release(back)

    async def _follow(self) -> None:
        """What others want: paused routes, the relay's tallies in the store, what is left of budgets."""
        while True:
            await self._learn_paused()
            await self._housekeeping.take_over_tallies()
            await self._settle_accounts()
            await self._replaced.close_unused(self._flights.ids)
            await asyncio.sleep(self._settings.poll_seconds)

    async def _learn_paused(self) -> None:
        with contextlib.suppress(StoreError):
            self.processor.paused = await self._store.call(self._store.store.paused)

    async def _settle_accounts(self) -> None:
        with contextlib.suppress(StoreError):
            await self._store.call(lambda: self.ledger.settle(self._store.store))

    # Stopping

    async def _finish(self) -> None:
        """Let what is in flight come to its end, for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_seconds):
                if self._working:
                    await asyncio.wait(self._working)
                await self._recorder.flushed()
        for task in self._working:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_seconds / 2):
                await self._recorder.flushed()
                await self._housekeeping.take_over_tallies()

    async def _give_back(self) -> None:
        with contextlib.suppress(JournalError, TimeoutError):
            async with asyncio.timeout(self._settings.stop_seconds / 2):
                await self._journal.release(self._flights.leased())


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def unless(stop: asyncio.Event, coroutine: Coroutine[Any, Any, Result]) -> Result | None:
    """The coroutine's result; None where ``stop`` came first."""
    stopping = asyncio.ensure_future(stop.wait())
    working = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait([stopping, working], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
