"""A round of the analyst: what the counts say of every route and student now, and which alerts that opens or ends."""

from __future__ import annotations

from proxy.config.model import Config, Route, Student
from proxy.journal.base import Depth
from proxy.store.base import Store
from proxy.store.settled import ended_until


class Rounds:
    """Keeps what the store need not be asked twice; all of it can be read again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def work(self, config: Config, *, now: float, unsettled: Depth) -> None:
        """One round.  Raises StoreError."""
        while self._store.close_units(ended_until(unsettled, now)):
            pass
        for route in config.routes:
            for student in route.students:
                self._assess(route, student)

    def _assess(self, route: Route, student: Student) -> None:
        pass
