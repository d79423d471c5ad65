"""The shadow worker: takes exchanges from the journal, asks the students, stores what became of them.

Its invariants: memory is bounded whatever students, store or journal do; an exchange is settled only once it is stored;
a slow student holds up no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, TypeVar

import msgspec
import structlog

from comparators.base import Comparator
from comparators.running import Runner
from proxy.config.model import Config, Route
from proxy.errors import JournalError, StoreError
from proxy.journal.base import Delivery, JournalReader, TallyTotal
from proxy.metrics import ShadowMetrics
from proxy.shadow.asking import open_session
from proxy.shadow.breaker import BreakerPolicy
from proxy.shadow.flights import Flights, make_room
from proxy.shadow.metering import count_asked
from proxy.shadow.processing import Processor
from proxy.shadow.recorder import Recorder, StoreThread
from proxy.shadow.routes import ServedRoute, comparators_of, serve_routes
from proxy.shadow.watchdog import end_if_frozen
from proxy.store.base import Store
from proxy.store.ledger import StoreLedger
from proxy.store.settled import ended_until, settled_until
from proxy.store.upkeep import tend

Result = TypeVar("Result")
SUSPECT = 3  # the delivery from which on an exchange may be what workers die of; other things happen twice, too
PARKED_SECONDS = 0.05  # between looks at what parked exchanges wait for

_log = structlog.get_logger()


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker allows itself.  Times are seconds."""

    lease_seconds: float = 30.0
    most_leased: int = 64  # at a time
    most_in_flight: int = 256  # exchanges; more where the students' concurrency needs it
    most_bytes: int = 64 * 2**20  # of bodies in flight; in memory they take several times as much
    most_parked: int = 20_000  # exchanges whose leases are held for a slow student, or for their route
    route_grace: float = 300.0  # from its capture, for which an exchange of an unknown route waits for a reload
    most_attempts: int = 5  # deliveries never given back, after which it is given up: it may be what kills workers
    careful_seconds: float = 60.0  # after its start, in which it takes alone what other workers may have died of
    scoring_seconds: float = 10.0  # for one score, until the comparator is given up
    scoring_processes: int = 2  # for comparators that may hang or crash
    frozen_seconds: float = 30.0  # without a turn of the event loop, after which the process ends
    longest_idle: float = 0.25
    poll_seconds: float = 1.0  # paused routes, the journal's tallies
    retention_seconds: float = 600.0
    units_seconds: float = 10.0  # between looks at which conversations have ended
    stop_seconds: float = 5.0
    breaker: BreakerPolicy = BreakerPolicy()


class ShadowWorker:
    """One worker.  Any number of them may share a journal and a store."""

    def __init__(
        self,
        config: Config,
        journal: JournalReader,
        store: Store,
        metrics: ShadowMetrics,
        *,
        settings: WorkerSettings | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._journal = journal
        self._store = store
        self._metrics = metrics
        self._settings = settings or WorkerSettings()
        self._now = now
        self._apply: Callable[[Config], None] = lambda _: None

    def reload(self, config: Config) -> None:
        """Use another configuration from now on. Raises ConfigurationError: the old one stays."""
        self._apply(config)
        self._config = config

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; then finish what is in flight, or give it back, within some seconds."""
        store = StoreThread(self._store)
        try:
            async with open_session() as session:
                salt = await _unless(stop, store.until_done(self._store.salt))
                if salt is None:
                    return
                running = _Running(
                    self._config,
                    self._journal,
                    store,
                    self._metrics,
                    settings=self._settings,
                    now=self._now,
                )

                def introduce(route: Route, comparator: Comparator) -> None:
                    comparator.keep_accounts(running.ledger)
                    comparator.report_to(functools.partial(count_asked, self._metrics, route.name))

                def apply(config: Config) -> None:
                    routes = serve_routes(
                        config,
                        session,
                        salt=salt,
                        before=running.processor.routes,
                        policy=self._settings.breaker,
                        ledger=running.ledger,
                        now=self._now,
                        introduce=introduce,
                    )
                    running.serve(config, routes)

                apply(self._config)
                self._apply = apply
                await running.run(stop)
        finally:
            self._apply = lambda _: None
            await store.close(self._settings.stop_seconds)


class _Running:
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
        self._replaced: list[tuple[frozenset[str], list[Comparator]]] = []  # those who may still use them
        self._journal_readable = True
        self._working: set[asyncio.Task[None]] = set()
        self._tallies: dict[tuple[str, str, str, str, int, float], TallyTotal] = {}

    def serve(self, config: Config, routes: Mapping[str, ServedRoute]) -> None:
        """Work by this configuration from now on."""
        self.config = config
        self._recorder.keep_segments_of(config.routes)
        kept = {id(each) for each in comparators_of(routes)}
        replaced = [each for each in comparators_of(self.processor.routes) if id(each) not in kept]
        if replaced:
            self._replaced.append((self._flights.ids, replaced))
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
                group.create_task(self._retain()),
                group.create_task(self._close_units()),
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
        replaced = [comparator for _, comparators in self._replaced for comparator in comparators]
        await self._close([*replaced, *comparators_of(self.processor.routes)])

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
        known = await _unless(stop, self._known(taken))
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
            await self._take_over_tallies()
            await self._settle_accounts()
            await self._close_replaced()
            await asyncio.sleep(self._settings.poll_seconds)

    async def _learn_paused(self) -> None:
        with contextlib.suppress(StoreError):
            self.processor.paused = await self._store.call(self._store.store.paused)

    async def _take_over_tallies(self) -> None:
        with contextlib.suppress(JournalError, StoreError):
            for total in await self._journal.tallies():
                key = (total.origin, total.route, total.outcome, total.reason, total.bucket, total.probability)
                self._tallies[key] = total
            totals = list(self._tallies.values())
            if totals:
                await self._store.call(lambda: self._store.store.record_captures(totals))
                self._tallies.clear()

    async def _settle_accounts(self) -> None:
        with contextlib.suppress(StoreError):
            await self._store.call(lambda: self.ledger.settle(self._store.store))

    async def _close_replaced(self) -> None:
        """Those that no exchange uses any more."""
        flying = self._flights.ids
        done = [each for each in self._replaced if not each[0] & flying]
        self._replaced = [each for each in self._replaced if each[0] & flying]
        for _, comparators in done:
            await self._close(comparators)

    async def _close(self, comparators: Collection[Comparator]) -> None:
        for comparator in comparators:
            try:
                async with asyncio.timeout(self._settings.stop_seconds):
                    await comparator.close()
            except Exception as error:  # noqa: BLE001 -- a plugin may raise anything
                _log.warning("comparator_not_closed", comparator=comparator.name, error=type(error).__name__)

    async def _close_units(self) -> None:
        """Conversations that have ended enter the counts: step by step, so that pairs are stored in between."""
        while True:
            with contextlib.suppress(StoreError, JournalError):
                until = ended_until(await self._journal.depth(), self._now())
                while await self._store.call(functools.partial(self._store.store.close_units, until)):
                    pass
            await asyncio.sleep(self._settings.units_seconds)

    async def _retain(self) -> None:
        while True:
            with contextlib.suppress(StoreError):
                await self._tend()
            await asyncio.sleep(self._settings.retention_seconds)

    async def _tend(self) -> None:
        """Text past its retention goes, old counts are folded: step by step, so that pairs are stored in between."""
        routes, now = self.config.routes, self._now()
        read_until: float | None = None
        with contextlib.suppress(JournalError):
            read_until = settled_until(await self._journal.depth(), now)
        while await self._store.call(lambda: tend(self._store.store, routes, now=now, read_until=read_until)):
            pass

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
                await self._take_over_tallies()

    async def _give_back(self) -> None:
        with contextlib.suppress(JournalError, TimeoutError):
            async with asyncio.timeout(self._settings.stop_seconds / 2):
                await self._journal.release(self._flights.leased())


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _unless(stop: asyncio.Event, coroutine: Coroutine[Any, Any, Result]) -> Result | None:
    """The coroutine's result; None where ``stop`` came first."""
    stopping = asyncio.ensure_future(stop.wait())
    working = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait([stopping, working], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
