"""One delivery, from the journal to what is to be stored of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import time
from collections.abc import Callable, Collection, Mapping

import msgspec
import structlog

from comparators.language.words import size_of
from comparators.running import Runner
from proxy.journal.base import Delivery
from proxy.metrics import ShadowMetrics
from proxy.shadow.budgets import Asking
from proxy.shadow.details import DetailRedaction
from proxy.shadow.exchanges import ReadExchange, Terms, bare_record, read_exchange
from proxy.shadow.failures import StudentFailure
from proxy.shadow.flights import Flights, Wait
from proxy.shadow.lanes import ParkedError
from proxy.shadow.offload import offload
from proxy.shadow.pairs import Judged, compared, judge, judge_failure, left_out, not_asked, without_answer
from proxy.shadow.recorder import Outcome
from proxy.shadow.replays import TeacherClient, is_replayed
from proxy.shadow.routes import ServedRoute
from proxy.shadow.scoring import TOOK_TOO_LONG, Scored, score_pair
from proxy.shadow.students import StudentClient
from proxy.store.records import TEACHER_REPLAY, ExchangeRecord, PairRecord, Settlement

READERS = 2  # threads that read exchanges

_log = structlog.get_logger()


class Processed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a delivery.  ``wait``: what it is to come back for."""

    outcome: Outcome
    wait: Wait | None = None


class _Paired(msgspec.Struct, frozen=True, kw_only=True):
    pair: PairRecord
    model: str = ""  # that was asked


class Processor:
    """Reads exchanges, asks students, compares.  Every delivery gets one outcome for each student that is due."""

    def __init__(
        self,
        flights: Flights,
        metrics: ShadowMetrics,
        *,
        runner: Runner,
        most_attempts: int,
        route_grace: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.routes: Mapping[str, ServedRoute] = {}
        self.paused: frozenset[str | None] = frozenset()
        self._flights = flights
        self._metrics = metrics
        self._runner = runner
        self._most_attempts = most_attempts
        self._route_grace = route_grace
        self._now = now
        self._first = True
        self._readers = asyncio.Semaphore(READERS)

    async def process(self, delivery: Delivery, known: frozenset[str] | None) -> Processed:
        """Work on one delivery.  ``known``: the students whose pairs are stored; None where the exchange is not."""
        served = self.routes.get(delivery.route)
        if served is None:
            return self._of_unknown_route(delivery, new=known is None)
        students = tuple(client for client in served.students if client.student.name not in (known or ()))
        replay = None if TEACHER_REPLAY in (known or ()) else _replay(delivery, served)
        if known is not None and not students and replay is None:
            return _nothing_to_store(delivery)
        due = ServedRoute(terms=served.terms, students=students, replay=replay)
        return await self._process(delivery, due, new=known is None)

    async def _process(self, delivery: Delivery, due: ServedRoute, *, new: bool) -> Processed:
        lost = self._lost(delivery)
        if lost is not None:
            return _alike(delivery, bare_record(delivery), due, *lost, new=new)
        try:
            read = await self._read(delivery, due.terms)
        except Exception as error:  # noqa: BLE001 -- no exchange may stop the others
            _log.error("not_readable", exchange=delivery.exchange_id, error=type(error).__name__)
            return _alike(delivery, bare_record(delivery), due, "unscored", new=new)
        if read.trouble is not None:
            return _alike(delivery, read.record, due, read.trouble.outcome, read.trouble.kind, new=new)
        if {None, delivery.route} & self.paused:
            return _alike(delivery, read.record, due, "paused", new=new)
        return await self._ask_all(delivery, read, due, new=new)

    def _of_unknown_route(self, delivery: Delivery, *, new: bool) -> Processed:
        """A relay may know a new route before the worker does: wait for it a while, then keep what may be kept.

        How text is to be redacted is as unknown as the students are.
        """
        until = delivery.captured_at + self._route_grace
        if self._now() < until and self._flights.may_await_route():
            return Processed(outcome=Outcome(exchange_id=delivery.exchange_id, last=False), wait=Wait(until=until))
        _log.warning("route_unknown", route=delivery.route, exchange=delivery.exchange_id)
        if not new:
            return _nothing_to_store(delivery)
        settlement = Settlement(exchange=bare_record(delivery))
        return Processed(outcome=Outcome(exchange_id=delivery.exchange_id, settlement=settlement, route_known=False))

    def _lost(self, delivery: Delivery) -> tuple[str, str] | None:
        """The outcome, and a message, of an exchange that is not there, or must not be looked at once more."""
        if delivery.exchange is None:
            return "shed", ""
        if delivery.attempts > self._most_attempts:
            _log.error("given_up", exchange=delivery.exchange_id, attempts=delivery.attempts)
            return "unscored", f"given up: {delivery.attempts - 1} workers were lost with it"
        return None

    async def _read(self, delivery: Delivery, terms: Terms) -> ReadExchange:
        exchange = delivery.exchange
        assert exchange is not None  # noqa: S101 -- told apart by the caller
        async with self._readers:
            await self._flights.may_be_read()
            work = functools.partial(read_exchange, exchange, terms)
            # What is compressed may be large, and the first one loads what tells languages and prices.
            unknown = self._first or bool(exchange.content_encoding)
            self._first = False
            read = await offload(work, math.inf if unknown else len(exchange.request) + len(exchange.response))
            self._flights.was_read(delivery.exchange_id, read.size)
            return read

    async def _ask_all(self, delivery: Delivery, read: ReadExchange, served: ServedRoute, *, new: bool) -> Processed:
        due = served.clients
        results = await asyncio.gather(*(self._pair(read, served.terms, student) for student in due))
        paired = [result for result in results if result is not None]
        parked = [student for student, result in zip(due, results, strict=True) if result is None]
        stored = Outcome(
            exchange_id=delivery.exchange_id,
            settlement=Settlement(exchange=read.record, pairs=tuple(each.pair for each in paired))
            if paired or not parked
            else None,
            unversioned={
                each.pair.student: each.pair.answer.model for each in paired if each.pair.student not in _fixed(due)
            },
            models={each.pair.student: each.model for each in paired},
            new_exchange=new,
            last=not parked,
        )
        if not parked:
            return Processed(outcome=stored)
        wait = Wait(
            lanes=tuple(each.lane for each in parked),
            until=read.record.captured_at + min(each.student.max_age for each in parked),
        )
        return Processed(outcome=stored, wait=wait)

    async def _pair(self, read: ReadExchange, terms: Terms, client: StudentClient) -> _Paired | None:
        """One student's pair; None where it was parked."""
        asking = Asking(client.budget, read.record.unit)
        try:
            paired = await self._asked(read, terms, client, asking)
        except ParkedError:
            if self._flights.may_park():
                return None
            return _Paired(pair=not_asked(terms, client.student, "shed", "the student's queue is full"))
        except Exception as error:  # noqa: BLE001 -- a defect costs this pair, not the worker
            _log.error("pair_failed", exchange=read.record.id, student=client.student.name, error=type(error).__name__)
            paired = _Paired(pair=not_asked(terms, client.student, "unscored", type(error).__name__))
        # Also where it failed: of what its budget left out the same share would have.
        return msgspec.structs.replace(paired, pair=msgspec.structs.replace(paired.pair, thinning=asking.thinning))

    async def _asked(self, read: ReadExchange, terms: Terms, client: StudentClient, asking: Asking) -> _Paired:
        student = client.student
        if self._too_old(read, client):
            return _Paired(pair=not_asked(terms, student, "expired"))
        async with contextlib.AsyncExitStack() as held:
            await client.lane.enter()
            try:
                if self._too_old(read, client):
                    return _Paired(pair=not_asked(terms, student, "expired"))
                # Drawn only now, so that what waited its turn, perhaps more than once, is drawn by the present level.
                held.enter_context(asking)
                if asking.left_out is not None:
                    return _Paired(pair=left_out(terms, student, asking))
                result = await client.ask(read.question, held)
            finally:
                client.lane.leave()
            if isinstance(result, StudentFailure):
                model = student.model or ""
                refused = judge_failure(read, result)
                if refused is None:
                    failed = functools.partial(without_answer, terms, student, result)
                    # Redacting takes many times as long as reading.
                    return _Paired(pair=await offload(failed, 16 * len(result.message)), model=model)
                judged = refused
            else:
                model = result.model
                size = math.inf if result.http.content_encoding else len(result.http.body)
                judged = await offload(functools.partial(judge, terms, student, read, result), size)
            asking.usd = judged.record.cost_usd
            scored = await self._score(read, terms, judged) if judged.comparable else None
            return _Paired(pair=compared(terms, student, judged, scored), model=model)

    async def _score(self, read: ReadExchange, terms: Terms, judged: Judged) -> Scored:
        redacting = functools.partial(DetailRedaction, terms.redact, read.teacher, judged.answer)
        scored = await score_pair(
            terms.comparators,
            read.request,
            read.teacher,
            judged.answer,
            redact=await offload(redacting, 16 * (size_of(read.teacher) + size_of(judged.answer))),
            runner=self._runner,
            choices=judged.choices,
            others=judged.others,
        )
        for label, error in scored.failed.items():
            self._metrics.comparator_failures.labels(terms.route.name, label, error).inc()
            if error == TOOK_TOO_LONG:
                _log.error("comparator_too_slow", route=terms.route.name, comparator=label, exchange=read.record.id)
        return scored

    def _too_old(self, read: ReadExchange, client: StudentClient) -> bool:
        return self._now() - read.record.captured_at > client.student.max_age


def _replay(delivery: Delivery, served: ServedRoute) -> TeacherClient | None:
    """The teacher, where it is to be asked about this exchange a second time."""
    exchange, floor = delivery.exchange, served.terms.route.noise_floor
    if served.replay is None or floor is None or exchange is None or exchange.source != "live":
        return None
    return served.replay if is_replayed(exchange.unit or exchange.id, floor.share) else None


def _fixed(due: Collection[StudentClient]) -> set[str]:
    """Students whose version is configured."""
    return {client.student.name for client in due if client.student.version is not None}


def _nothing_to_store(delivery: Delivery) -> Processed:
    return Processed(outcome=Outcome(exchange_id=delivery.exchange_id))


def _alike(
    delivery: Delivery, record: ExchangeRecord, due: ServedRoute, outcome: str, message: str = "", *, new: bool
) -> Processed:
    """The same outcome for every student; none of them is asked."""
    pairs = tuple(not_asked(due.terms, client.student, outcome, message) for client in due.students)
    return Processed(
        outcome=Outcome(
            exchange_id=delivery.exchange_id,
            settlement=Settlement(exchange=record, pairs=pairs),
            unversioned={pair.student: None for pair in pairs if pair.student not in _fixed(due.students)},
            new_exchange=new,
        )
    )
