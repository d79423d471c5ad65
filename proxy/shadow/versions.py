"""Which version of a student a pair belongs to.  Asks the store, and remembers for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from proxy.store.base import Store
from proxy.store.records import Settlement

REMEMBERED = 1.0  # seconds; other workers see models change, too


class Versions:
    """Used in the store's thread only."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[tuple[str, str, str], tuple[str | None, str, float]] = {}

    def assign(self, settlement: Settlement, unversioned: dict[str, str | None]) -> Settlement:
        """The settlement with each pair's version.

        Args:
            settlement: Its pairs have the students' base versions.
            unversioned: By student whose version is not configured, the model that its answer names.

        Raises:
            StoreError
        """
        route = settlement.exchange.route
        pairs = tuple(
            msgspec.structs.replace(
                pair, version=self._version(route, pair.student, pair.version, unversioned[pair.student])
            )
            if pair.student in unversioned
            else pair
            for pair in settlement.pairs
        )
        return msgspec.structs.replace(settlement, pairs=pairs)

    def _version(self, route: str, student: str, base: str, model: str | None) -> str:
        key = (route, student, base)
        now = self._clock()
        seen, version, until = self._seen.get(key, (None, base, 0.0))
        if now < until and model in (None, seen):
            return version
        if model is None:
            version = self._store.version_in_force(route, student, base)
        else:
            version = self._store.observe_model(route, student, base, model)
        self._seen[key] = (model or seen, version, now + REMEMBERED)
        return version
