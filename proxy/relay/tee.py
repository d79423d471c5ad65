"""The tee: a bounded copy of what goes through, which never holds a byte back."""

from __future__ import annotations

import threading
from typing import Literal

Lost = Literal["too_large", "shed"]

_RECORD = 2048  # bytes that a capture takes beside its bodies and headers


class CaptureBudget:
    """Bytes held for captures in a process, in flight and queued; safe to use from several threads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        return self._held

    def take(self, size: int) -> bool:
        """Reserve room, if there is any."""
        with self._lock:
            if self._held + size > self.limit:
                return False
            self._held += size
            return True

    def give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size


class Tee:
    """The copy of one exchange.  Once lost, it holds nothing any more.

    Args:
        budget: What all captures of the process may hold.
        limit: Bytes of the two bodies together.
        beside: Bytes that are kept beside them.
    """

    __slots__ = ("_beside", "_budget", "_limit", "_size", "lost", "request", "response")

    def __init__(self, budget: CaptureBudget, limit: int, *, beside: int = 0) -> None:
        self.request: list[bytes] = []
        self.response: list[bytes] = []
        self.lost: Lost | None = None
        self._budget = budget
        self._limit = limit
        self._size = 0
        self._beside = _RECORD + beside
        if budget.take(self._beside):
            self._size = self._beside
        else:
            self.lost = "shed"

    def add_request(self, data: bytes) -> None:
        if self._take(len(data)):
            self.request.append(data)

    def add_response(self, data: bytes) -> None:
        if self._take(len(data)):
            self.response.append(data)

    def discard(self, lost: Lost | None = None) -> None:
        """Let go of everything and of the room that it took. Harmless when done twice."""
        if self.lost is None:
            self.lost = lost
        self.request = []
        self.response = []
        size, self._size = self._size, 0
        if size:
            self._budget.give_back(size)

    def _take(self, size: int) -> bool:
        if self.lost is not None:
            return False
        if self._size - self._beside + size > self._limit:
            self.discard("too_large")
        elif not self._budget.take(size):
            self.discard("shed")
        else:
            self._size += size
            return True
        return False
