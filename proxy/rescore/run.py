"""Going through what is stored of a student: each pair is scored again once, however often this begins anew."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from comparators.asking.budget import BudgetSpentError
from comparators.asking.client import (
    EndpointFailedError,
    EndpointOverloadedError,
    EndpointTimeoutError,
    EndpointUnreachableError,
)
from comparators.running import Runner
from proxy.config.model import Route, Student
from proxy.definition import build_comparators, definition_hash
from proxy.errors import StoreError
from proxy.rescore.again import Comparison, Definition, look_at, scored_again
from proxy.rescore.scorer import Scorer
from proxy.store.base import PairFilter, Store
from proxy.store.ledger import StoreLedger
from proxy.store.records import RescoredPair, StoredPair

_CHUNK = 32  # pairs that are scored, and stored, together
_SCORE_SECONDS = 10.0  # for one score, until the comparator is given up: as live
# What says nothing of the pair, and may be otherwise the next time.
_PASSING = frozenset(
    error.__name__
    for error in (
        BudgetSpentError,
        EndpointFailedError,
        EndpointOverloadedError,
        EndpointTimeoutError,
        EndpointUnreachableError,
    )
)

Counting = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


class Rescored(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did for one student."""

    version: str
    decides: str
    outcomes: Counter[str]  # of the pairs that are new
    failures: Counter[tuple[str, str]]  # by comparator and what went wrong
    left: Counter[tuple[str, str]]  # likewise, of pairs left for the next run: whom they ask could not be asked


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """Which pairs are meant, and what time it is.  Unix seconds."""

    now: float
    since: float | None = None  # arrived_at
    until: float | None = None  # captured_at, exclusive: pairs of before may still be to come


def rescore(store: Store, route: Route, student: Student, between: Between, counting: Counting) -> Rescored:
    """Score the stored live pairs of a student's present version again, by the comparators as configured.

    Stops wherever it is killed, and goes on from there when it is called again.

    Args:
        store: Where the pairs are, and where they are counted.
        route: What is to be scored by, and how long text is kept.
        student: Whose pairs.
        between: Which of them.
        counting: Shows how far it is; given what it counts and how many there are.

    Raises:
        ConfigurationError: A comparator cannot be built.
        StoreError: The store cannot be read or written just now.
    """
    return asyncio.run(_rescore(store, route, student, between, counting))


async def _rescore(store: Store, route: Route, student: Student, between: Between, counting: Counting) -> Rescored:
    comparators = build_comparators(route)
    definition = Definition(hash=definition_hash(route, comparators), comparators=comparators)
    version = store.version_in_force(route.name, student.name, student.base_version)
    rescoring = store.begin_rescoring(
        route.name, student.name, version, definition=definition.hash, decides=definition.decides
    )
    which = PairFilter(
        route=route.name,
        student=student.name,
        source="live",
        version=version,
        since=between.since,
        until=between.until,
        not_rescored=rescoring.id,
    )
    done = Rescored(version=version, decides=definition.decides, outcomes=Counter(), failures=Counter(), left=Counter())
    processes = len(os.sched_getaffinity(0))
    runner = Runner(processes=processes, seconds=_SCORE_SECONDS)
    work = _Work(definition, Scorer(definition, runner), text_since=between.now - route.retention, done=done)
    ledger = StoreLedger()
    ledger.settle(store)
    for _, comparator in comparators:
        comparator.keep_accounts(ledger)
    try:
        with counting(f"{route.name}: {student.name}", store.count_pairs(which)) as advance:
            chunks = (work.chunk(pairs) for pairs in _by_chunks(store.pairs(which)))
            async for rescored in _side_by_side(chunks, most=processes + 1):
                store.record_rescored(rescoring, rescored)
                ledger.settle(store)
                done.outcomes.update(each.pair.outcome for each in rescored)
                advance(len(rescored))
    finally:
        with contextlib.suppress(StoreError):  # that is told already, where it matters
            ledger.settle(store)
        await runner.close()
        for _, comparator in comparators:
            await comparator.close()
    return done


class _Work:
    """What is done with each chunk of pairs."""

    def __init__(self, definition: Definition, scorer: Scorer, *, text_since: float, done: Rescored) -> None:
        self._definition = definition
        self._scorer = scorer
        self._text_since = text_since
        self._done = done

    async def chunk(self, pairs: Iterable[StoredPair]) -> list[RescoredPair]:
        looked = [(stored, look_at(stored, self._definition, text_since=self._text_since)) for stored in pairs]
        rescored = [what for _, what in looked if isinstance(what, RescoredPair)]
        to_compare = [(stored, what) for stored, what in looked if isinstance(what, Comparison)]
        if to_compare:
            said = await self._scorer.score([what for _, what in to_compare])
            for (stored, _), scored in zip(to_compare, said, strict=True):
                passing = [(label, what) for label, what in scored.failed.items() if what in _PASSING]
                self._done.left.update(passing[:1])
                if not passing:
                    self._done.failures.update(scored.failed.items())
                    rescored.append(scored_again(stored, self._definition, scored))
        return rescored


def _by_chunks(pairs: Iterator[StoredPair]) -> Iterator[list[StoredPair]]:
    while chunk := list(itertools.islice(pairs, _CHUNK)):
        yield chunk


async def _side_by_side(
    chunks: Iterable[Coroutine[Any, Any, list[RescoredPair]]], *, most: int
) -> AsyncIterator[list[RescoredPair]]:
    """What each gives, as it comes; at most so many are begun at a time."""
    begun: set[asyncio.Task[list[RescoredPair]]] = set()
    try:
        for chunk in chunks:
            begun.add(asyncio.create_task(chunk))
            if len(begun) == most:
                ended, begun = await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    yield task.result()
        for ended_task in asyncio.as_completed(begun):
            yield await ended_task
    finally:
        for left in begun:
            left.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
