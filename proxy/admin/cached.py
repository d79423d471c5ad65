"""A value that is dear to compute and changes slowly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    """Computed at most once in ``seconds``, however many threads ask; a failure is raised and not kept."""

    def __init__(
        self, compute: Callable[[], T], *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._compute = compute
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, T] | None = None

    def get(self) -> T:
        """The value, no older than ``seconds``."""
        with self._lock:
            if self._kept is None or self._clock() >= self._kept[0] + self._seconds:
                self._kept = (self._clock(), self._compute())
            return self._kept[1]
