"""Running a route's comparators over a pair."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from comparators.base import Answer, Comparator, Request, Score
from proxy.store.records import ScoreRecord

Result = TypeVar("Result")


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparators said.  ``agree`` is the first one's word, None where it failed."""

    scores: dict[str, ScoreRecord]
    agree: bool | None
    failed: dict[str, str]  # comparator label: the exception's type


def score_pair(
    comparators: Sequence[tuple[str, Comparator]],
    request: Request,
    teacher: Answer,
    student: Answer,
    redact: Callable[[Any], Any],
) -> Scored:
    """Every comparator's score by label; those that fail, or do not know the surface, are left out."""
    scores: dict[str, ScoreRecord] = {}
    failed: dict[str, str] = {}
    for label, comparator in comparators:
        if request.surface not in comparator.surfaces:
            failed[label] = "SurfaceNotSupported"
            continue
        try:
            scores[label] = _record(comparator.compare(request, teacher, student), redact)
        except Exception as error:  # noqa: BLE001 -- a plugin may raise anything; the pair is then unscored
            failed[label] = type(error).__name__
    deciding = scores.get(comparators[0][0])
    return Scored(scores=scores, agree=None if deciding is None else deciding.agree, failed=failed)


def zero_scores(labels: Sequence[str], kind: str) -> dict[str, ScoreRecord]:
    """What an answer that cannot be used scores: nothing, by every comparator."""
    return {label: ScoreRecord(score=0.0, agree=False, kinds=(kind,)) for label in labels}


def _record(score: Score, redact: Callable[[Any], Any]) -> ScoreRecord:
    value = float(score.score)
    if not 0.0 <= value <= 1.0 or math.isnan(value):
        raise ValueError("a score must lie in [0, 1]")
    detail = redact(msgspec.to_builtins(score.detail, str_keys=True)) if score.detail is not None else None
    kinds = tuple(str(kind) for kind in score.kinds)
    return ScoreRecord(score=value, agree=bool(score.agree), kinds=kinds, detail=detail)


class ScoringThreads:
    """Threads for what may hang: ``limit`` at most, those that hang among them, and nobody waits for them at exit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free = asyncio.Semaphore(limit)
        self._started = 0
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    async def run(self, function: Callable[[], Result], timeout: float) -> Result:  # noqa: ASYNC109 -- not cancelled
        """The function's result. Raises TimeoutError; the thread keeps its place until the function ends."""
        async with asyncio.timeout(timeout):
            await self._free.acquire()
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Result] = loop.create_future()

            def conclude(set_answer: Callable[[], None]) -> None:
                self._free.release()
                if not answer.done():
                    set_answer()

            def work() -> None:
                try:
                    set_answer = functools.partial(answer.set_result, function())
                except Exception as error:  # noqa: BLE001 -- carried over to who awaits
                    set_answer = functools.partial(answer.set_exception, error)
                with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                    loop.call_soon_threadsafe(conclude, set_answer)

            self._work.put(work)
            self._start_thread()
            return await answer

    def _start_thread(self) -> None:
        if self._started < self._limit:
            self._started += 1
            threading.Thread(target=self._serve, name="scoring", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._work.get()()
