"""Running a route's comparators over a pair."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from comparators.base import Answer, Comparator, Request, Score
from proxy.store.records import ScoreRecord

TOOK_TOO_LONG = "TookTooLong"  # beside the names of exceptions, in understudy_comparator_failures_total


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparators said.  ``agree`` is the first one's word, None where it failed."""

    scores: dict[str, ScoreRecord]
    agree: bool | None
    failed: dict[str, str]  # comparator label: the exception's type, or what else was wrong


async def score_pair(
    comparators: Sequence[tuple[str, Comparator]],
    request: Request,
    teacher: Answer,
    student: Answer,
    *,
    redact: Callable[[Any], Any],
    threads: ScoringThreads,
    seconds: float,
) -> Scored:
    """Every comparator's score by label; those that fail, take too long or do not know the surface are left out.

    ``seconds`` are for all of them, from when a thread is there.  The one at work when they are over is left where it
    is, and those after it begin anew in another thread: it costs no score but its own.
    """

    def say(comparator: Comparator) -> ScoreRecord | str:
        if request.surface not in comparator.surfaces:
            return "SurfaceNotSupported"
        try:
            return _record(comparator.compare(request, teacher, student), redact)
        except BaseException as error:  # noqa: BLE001 -- a plugin may raise anything, SystemExit too
            return type(error).__name__

    scores: dict[str, ScoreRecord] = {}
    failed: dict[str, str] = {}
    left = list(comparators)
    while left:
        said: list[ScoreRecord | str] = []
        given_up = threading.Event()
        try:
            await threads.run(functools.partial(_hear, left, say, said, given_up), seconds)
        except TimeoutError:
            given_up.set()
        in_time = list(said)  # a thread that was given up may add one more later
        for (label, _), word in zip(left, in_time, strict=False):
            if isinstance(word, str):
                failed[label] = word
            else:
                scores[label] = word
        for label, _ in left[len(in_time) : len(in_time) + 1]:
            failed[label] = TOOK_TOO_LONG
        left = left[len(in_time) + 1 :]
    deciding = scores.get(comparators[0][0])
    return Scored(scores=scores, agree=None if deciding is None else deciding.agree, failed=failed)


def zero_scores(comparators: Sequence[tuple[str, Comparator]], kind: str) -> dict[str, ScoreRecord]:
    """What an answer that cannot be used scores: nothing, by every comparator."""
    return {label: ScoreRecord(score=0.0, agree=False, kinds=(kind,)) for label, _ in comparators}


def _hear(
    comparators: Sequence[tuple[str, Comparator]],
    say: Callable[[Comparator], ScoreRecord | str],
    said: list[ScoreRecord | str],
    given_up: threading.Event,
) -> None:
    """Let each say its word, a score or the kind of its failure, until all have or nobody waits any more."""
    for _, comparator in comparators:
        if given_up.is_set():
            return
        said.append(say(comparator))


def _record(score: Score, redact: Callable[[Any], Any]) -> ScoreRecord:
    value = float(score.score)
    if not 0.0 <= value <= 1.0 or math.isnan(value):
        raise ValueError("a score must lie in [0, 1]")
    detail = redact(msgspec.to_builtins(score.detail, str_keys=True)) if score.detail is not None else None
    kinds = tuple(str(kind) for kind in score.kinds)
    return ScoreRecord(score=value, agree=bool(score.agree), kinds=kinds, detail=detail)


class ScoringThreads:
    """Threads for what may hang: ``limit`` at most, those that hang among them, and nobody waits for them at exit."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._free = asyncio.Semaphore(limit)
        self._started = 0
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._held: dict[object, float] = {}  # work that threads are at: since when

    def stuck(self, seconds: float) -> bool:
        """Whether every thread has been at the same work for longer than this."""
        return len(self._held) == self._limit and self._clock() - max(self._held.values()) > seconds

    async def run(self, function: Callable[[], None], seconds: float) -> None:
        """Wait for a thread, then for the function to end in it.

        Raises TimeoutError when the function takes longer than ``seconds``; the thread is then its until it ends.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def conclude() -> None:
            del self._held[ended]
            self._free.release()
            ended.set()

        def work() -> None:
            try:
                function()
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                    loop.call_soon_threadsafe(conclude)

        self._held[ended] = self._clock()
        self._work.put(work)
        self._start_thread()
        async with asyncio.timeout(seconds):
            await ended.wait()

    def _start_thread(self) -> None:
        if self._started < self._limit:
            self._started += 1
            threading.Thread(target=self._serve, name="scoring", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._work.get()()
