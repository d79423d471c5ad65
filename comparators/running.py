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
from typing import Any, TypeVar

import pebble

from comparators.base import Answer, Comparator, Request, Score

Result = TypeVar("Result")
_PR_SET_PDEATHSIG = 1  # prctl(2)
_SMALL = 2**15  # characters, over which a light comparator takes less time than a change of threads
_ASKING_SECONDS = 900.0  # those that ask have time limits of their own; this is for one that forgot
_CACHED = 256  # comparators that a process keeps, made


class SurfaceNotSupportedError(Exception):
    """The comparator does not compare answers of this surface."""


class ProcessDiedError(Exception):
    """The comparator took its process down: a crash, or more memory than it may have."""


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

    async def run(self, comparator: Comparator, request: Request, teacher: Answer, student: Answer) -> Score:
        """What the comparator says.

        Raises:
            SurfaceNotSupportedError: It does not compare such answers.
            TimeoutError: It took too long.
            ProcessDiedError: It took its process down.
            Exception: Whatever the comparator raised.
        """
        if request.surface not in comparator.surfaces:
            raise SurfaceNotSupportedError
        if comparator.runs == "heavy":
            return await self.apart(_compare, recipe_of(comparator), request, teacher, student)
        if comparator.runs == "asking":
            async with asyncio.timeout(_ASKING_SECONDS):
                return await comparator.ask(request, teacher, student, self.run)
        if _size(teacher) + _size(student) <= _SMALL:
            return comparator.compare(request, teacher, student)
        async with asyncio.timeout(self._seconds):
            return await asyncio.to_thread(comparator.compare, request, teacher, student)

    async def close(self) -> None:
        """End the processes."""
        pool, self._made = self._made, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call] # pebble's only one without types
            await asyncio.to_thread(pool.join)

    async def apart(self, function: Callable[..., Result], *arguments: Any, seconds: float | None = None) -> Result:
        """What a function says in one of the processes. Raises what it raises, TimeoutError and ProcessDiedError."""
        async with self._free:  # so that the time limit is the function's, not the queue's
            task = self._pool().schedule(function, args=arguments, timeout=seconds or self._seconds)
            try:
                result: Result = await asyncio.wrap_future(task)
            except pebble.ProcessExpired as error:
                raise ProcessDiedError from error
            return result

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
            raise SurfaceNotSupportedError
        if comparator.runs == "asking":
            return await comparator.ask(request, teacher, student, self.run)
        return comparator.compare(request, teacher, student)


def _size(answer: Answer) -> int:
    vectors = sum(map(len, answer.embeddings)) if answer.embeddings else 0
    calls = sum(len(call.arguments) for call in answer.tool_calls)
    return len(answer.content or "") + calls + 8 * vectors


@functools.lru_cache(maxsize=_CACHED)
def recipe_of(comparator: Comparator) -> bytes:
    """What another process makes the same comparator of."""
    return pickle.dumps((type(comparator), comparator.options.model_dump()))


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
    return made_of(recipe).compare(request, teacher, student)


@functools.lru_cache(maxsize=_CACHED)
def made_of(recipe: bytes) -> Comparator:
    """The comparator of a recipe; the same one every time."""
    kind, options = pickle.loads(recipe)  # noqa: S301 - our own parent's
    made: Any = kind(kind.Options.model_validate(options))
    comparator: Comparator = made
    return comparator
