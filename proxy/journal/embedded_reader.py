"""The workers' side of the embedded journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from proxy.journal.base import Delivery, Depth, TallyTotal
from proxy.journal.embedded_worker_side import WorkerSide

_Given = TypeVarTuple("_Given")
_Result = TypeVar("_Result")


class EmbeddedReader:
    """A ``JournalReader``; several share a directory, in one process or many.

    ``owner`` names the worker: one that starts again under the same name takes its old leases back at once, so no
    two at a time may share a name. Every method raises JournalError. A call that is cancelled may have had its
    effect: what was leased so comes back when the lease ends.
    """

    def __init__(self, directory: Path, *, owner: str, clock: Callable[[], float] = time.time) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._side = WorkerSide(directory, owner, clock)

    async def lease(self, limit: int, seconds: float) -> list[Delivery]:
        return await self._call(self._side.lease, limit, seconds)

    async def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        await self._call(self._side.hold, deliveries, seconds)

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        await self._call(self._side.release, deliveries)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        await self._call(self._side.settle, deliveries)

    async def tallies(self) -> list[TallyTotal]:
        return await self._call(self._side.tallies)

    async def depth(self) -> Depth:
        return await self._call(self._side.depth)

    async def close(self) -> None:
        await self._call(self._side.close)
        self._thread.shutdown(wait=False)

    async def _call(self, function: Callable[[*_Given], _Result], *given: *_Given) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *given)
