"""One lane for each student: so many requests at once, first come, first served.

Who waits can be sent away (parked), newest first, so that a slow student's queue takes no room from the others.
"""

from __future__ import annotations

import asyncio
from collections import deque


class ParkedError(Exception):
    """Sent away while waiting: the exchange comes back later."""


class Lane:
    """Slots for requests under way at once."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._used = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._waiters)

    @property
    def idle(self) -> bool:
        """Whether somebody who came now would not wait."""
        return not self._waiters and self._used < self._slots

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def places(self) -> int:
        """How many more may come to wait: as many wait as are under way, so that no slot is ever empty for long."""
        return self._slots - len(self._waiters)

    async def enter(self) -> None:
        """Wait for a slot. Raises ParkedError when sent away instead."""
        if self.idle:
            self._used += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave()  # the slot was given at the same moment
            elif turn in self._waiters:
                self._waiters.remove(turn)
            raise

    def leave(self) -> None:
        """Give the slot to whoever waited longest."""
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():  # one that is done was cancelled and has not gone yet
                turn.set_result(None)
                return
        self._used -= 1

    def park(self, most: int) -> int:
        """Send up to ``most`` waiters away, newest first; returns how many went."""
        parked = 0
        while self._waiters and parked < most:
            turn = self._waiters.pop()
            if not turn.done():
                turn.set_exception(ParkedError())
                parked += 1
        return parked
