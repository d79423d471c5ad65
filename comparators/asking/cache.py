"""Asking once: what was answered is remembered, and who asks the same at the same time waits for one answer."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Abandoned(Exception):  # noqa: N818 -- no error: somebody else asks in its place
    """Who asked went away before there was an answer."""


class Cache(Generic[T]):
    """The latest ``size`` answers by key; failures are shared by those who wait, and not remembered."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[T]] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer that is kept or on its way, else what ``ask`` gives. Raises what it raises."""
        while True:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            under_way = self._under_way.get(key)
            if under_way is None:
                return await self._ask(key, ask)
            try:
                return await asyncio.shield(under_way)  # one that goes away takes the answer from nobody
            except _Abandoned:
                continue

    async def _ask(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        under_way: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._under_way[key] = under_way
        try:
            answer = await ask()
        except Exception as error:
            under_way.set_exception(error)
            under_way.exception()  # there need be nobody who waits
            raise
        except BaseException:
            under_way.set_exception(_Abandoned())
            under_way.exception()
            raise
        else:
            under_way.set_result(answer)
            self._keep(key, answer)
            return answer
        finally:
            del self._under_way[key]

    def _keep(self, key: str, answer: T) -> None:
        if self._size:
            self._kept[key] = answer
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
