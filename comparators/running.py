"""Running comparators: the light ones here, the heavy ones in processes that may be killed, the asking ones awaited."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import multiprocessing
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from time import monotonic
from typing import Any, TypeVar

import msgspec
import pebble

from comparators.base import Answer, Comparator, ComparatorError, Request, Score
from comparators.language.words import SMALL, size_of

Result = TypeVar("Result")
_PR_SET_PDEATHSIG = 1  # prctl(2)
_ASKING_SECONDS = 900.0  # those that ask have time limits of their own; this is for one that forgot
_MOST_FAILURES, _PAUSE_SECONDS = 4, 60.0
_CACHED = 256  # comparators that a process keeps, made


class SurfaceNotSupportedError(ComparatorError):
    """The comparator does not compare answers of this surface."""


class ProcessDiedError(Exception):
    """The comparator took its process down: a crash, or more memory than it may have."""


class SuspendedError(Exception):
    """The comparator hung or crashed so often that it is left out for a while."""


class ComparatorFailedError(ComparatorError):
    """The comparator raised what cannot be handed from one process to another; this has its type's name."""


class Runner:
    """Scores pairs by any comparator; use it within one event loop, and ``close`` it there.

    Args:
        processes: How many heavy comparators run at the same time.
        seconds: What one score may take; a heavy comparator is then killed, with its process.
        memory: Bytes of address space that each process may take; more is a MemoryError there.
    """

    def __init__(self, *, processes: int, seconds: float, memory: int = 4 * 2**30) -> None:
        self._processes = processes
        self._seconds = seconds
        self._memory = memory
        self._made: pebble.ProcessPool | None = None
        self._free = asyncio.Semaphore(processes)
        self._ending: set[asyncio.Future[None]] = set()
        self._failures: dict[bytes, tuple[int, float]] = {}  # by recipe: how many in a row, and until when it pauses

    async def run(self, comparator: Comparator, request: Request, teacher: Answer, student: Answer) -> Score:
        """What the comparator says.

        Raises:
            SurfaceNotSupportedError: It does not compare such answers.
            TimeoutError: It took too long.
            ProcessDiedError: It took its process down.
            Exception: Whatever the comparator raised.
        """
        if request.surface not in comparator.surfaces:
            raise SurfaceNotSupportedError(f"{comparator.name} does not compare answers of {request.surface}")
        if comparator.runs == "heavy":
            return await self._heavy(comparator, request, teacher, student)
        if comparator.runs == "awaited":
            async with asyncio.timeout(_ASKING_SECONDS):
                return await comparator.ask(request, teacher, student, self.run)
        if size_of(teacher) + size_of(student) <= SMALL:
            return comparator.compare(request, teacher, student)
        async with asyncio.timeout(self._seconds):
            return await asyncio.to_thread(comparator.compare, request, teacher, student)

    async def close(self) -> None:
        """End the processes."""
        self._let_go()
        await asyncio.gather(*self._ending)

    async def _heavy(self, comparator: Comparator, request: Request, teacher: Answer, student: Answer) -> Score:
        """One that took too long or its process down again and again is not tried for a while: others wait for it."""
        recipe = recipe_of(comparator)
        failures, until = self._failures.get(recipe, (0, 0.0))
        if monotonic() < until:
            raise SuspendedError
        try:
            score = await self.apart(_compare, recipe, request, teacher, student)
        except (TimeoutError, ProcessDiedError):
            pause = _PAUSE_SECONDS if failures + 1 >= _MOST_FAILURES else 0.0
            self._failures[recipe] = (failures + 1, monotonic() + pause)
            raise
        except Exception:
            self._failures.pop(recipe, None)
            raise
        self._failures.pop(recipe, None)
        return score

    async def apart(self, function: Callable[..., Result], *arguments: Any, seconds: float | None = None) -> Result:
        """What a function says in one of the processes. Raises what it raises, TimeoutError and ProcessDiedError."""
        async with self._free:  # so that the time limit is the function's, not the queue's
            pool = self._pool()
            try:
                task = pool.schedule(function, args=arguments, timeout=seconds or self._seconds)
                result: Result = await asyncio.wrap_future(task)
            except pebble.ProcessExpired as error:
                raise ProcessDiedError from error
            except (BrokenProcessPool, RuntimeError) as error:
                if pool.active:  # the function's own error
                    raise
                if pool is self._made:
                    self._let_go()
                raise ProcessDiedError from error
            return result

    def _let_go(self) -> None:
        pool, self._made = self._made, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call] # pebble's only one without types
            ending = asyncio.ensure_future(asyncio.to_thread(pool.join))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    def _pool(self) -> pebble.ProcessPool:
        if self._made is None:
            self._made = pebble.ProcessPool(
                max_workers=self._processes,
                initializer=_begin,
                initargs=(os.getpid(), self._memory),
                context=multiprocessing.get_context("spawn"),  # the worker has threads and an event loop
            )
        return self._made


class InPlace(Runner):
    """What scores within a process that may itself be killed: there all but the asking ones run at once."""

    def __init__(self) -> None:
        super().__init__(processes=1, seconds=_ASKING_SECONDS)

    async def run(self, comparator: Comparator, request: Request, teacher: Answer, student: Answer) -> Score:
        if request.surface not in comparator.surfaces:
            raise SurfaceNotSupportedError(f"{comparator.name} does not compare answers of {request.surface}")
        if comparator.runs == "awaited":
            return await comparator.ask(request, teacher, student, self.run)
        return comparator.compare(request, teacher, student)


@functools.lru_cache(maxsize=_CACHED)
def recipe_of(comparator: Comparator) -> bytes:
    """What another process makes the same comparator of."""
    # The version too: what it reads from disk, a model, may be another one after a reload.
    return pickle.dumps((type(comparator), comparator.options.model_dump(), comparator.version))


def _begin(parent: int, memory: int) -> None:
    """In a new process: quiet, bounded, and gone when its parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"})
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    silent = os.open(os.devnull, os.O_WRONLY)  # what a comparator prints may be a pair's text
    for stream in (1, 2):
        os.dup2(silent, stream)


def _compare(recipe: bytes, request: Request, teacher: Answer, student: Answer) -> Score:
    """The score, or the error, as something that surely travels: the pool does not survive what cannot."""
    try:
        score = made_of(recipe).compare(request, teacher, student)
        return msgspec.structs.replace(score, detail=msgspec.to_builtins(score.detail, str_keys=True))
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
        except Exception:  # noqa: BLE001 - a plugin's exception may do anything
            raise ComparatorFailedError(type(error).__name__) from None
        raise


@functools.lru_cache(maxsize=_CACHED)
def made_of(recipe: bytes) -> Comparator:
    """The comparator of a recipe; the same one every time."""
    kind, options, _ = pickle.loads(recipe)  # noqa: S301 - our own parent's
    made: Any = kind(kind.Options.model_validate(options))
    comparator: Comparator = made
    return comparator
