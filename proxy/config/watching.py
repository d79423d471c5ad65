"""When a configuration file has changed and may be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

STILL = 0.5
"""Seconds: most editors and ``sed … > FILE`` have written the rest of a file by then."""

T = TypeVar("T")


async def changes(file: Path, *, still: float = STILL) -> AsyncIterator[None]:
    """Tells each time that the file holds something else than before, and has been ``still`` for so many seconds.

    Its folder is watched: editors and Kubernetes replace files.

    Raises:
        OSError, RuntimeError: no more watches are to be had, or the folder is gone.
    """
    from watchfiles import awatch

    seen = _contents(file)
    async for _ in awatch(file.parent, recursive=False):
        now = await settled(lambda: _contents(file), lambda: asyncio.sleep(still))
        if now is not None and now != seen:
            seen = now
            yield


async def settled(look: Callable[[], T], pause: Callable[[], Awaitable[None]]) -> T:
    """What two looks in a row, a pause between them, saw alike."""
    seen = look()
    while True:
        await pause()
        now = look()
        if now == seen:
            return now
        seen = now


def _contents(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
