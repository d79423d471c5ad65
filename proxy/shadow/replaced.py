"""Comparators that are to be closed, once nobody uses them any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from comparators.base import Comparator

_log = structlog.get_logger()


class Replaced:
    """Comparators that no route has any more, with the exchanges that may still use them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds  # for one to close
        self._waiting: list[tuple[frozenset[str], list[Comparator]]] = []

    def add(self, comparators: Iterable[Comparator], flying: frozenset[str]) -> None:
        """These may be used by the exchanges that are in flight now (their ids)."""
        self._waiting.append((flying, list(comparators)))

    async def close_unused(self, flying: frozenset[str]) -> None:
        """Close those that none of the exchanges in flight may use."""
        done = [comparators for users, comparators in self._waiting if not users & flying]
        self._waiting = [(users, comparators) for users, comparators in self._waiting if users & flying]
        for comparators in done:
            for comparator in comparators:
                await self._close(comparator)

    async def _close(self, comparator: Comparator) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await comparator.close()
        except Exception as error:  # noqa: BLE001 -- a plugin may raise anything
            _log.warning("comparator_not_closed", comparator=comparator.name, error=type(error).__name__)
