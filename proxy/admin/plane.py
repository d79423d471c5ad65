"""What every page of the admin plane is made from: the configuration, the store, the journal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from proxy.admin.cached import Cached
from proxy.analyst.report import build_report
from proxy.analyst.unsettled import depth_of
from proxy.config.model import Config
from proxy.journal.base import Depth, JournalReader
from proxy.store.base import Store

T = TypeVar("T")

REPORT_SECONDS = 5.0  # how old the report behind the gauges may be


class Plane:
    """Shared by the routers.  The store is opened when first needed, one object for each thread that asks.

    ``config`` is replaced as a whole when the configuration is reloaded.
    """

    def __init__(
        self,
        config: Config,
        *,
        runtime: Path,
        roles: frozenset[str],
        open_store: Callable[[], Store],
        open_journal: Callable[[], JournalReader],
        clock: Callable[[], float],
    ) -> None:
        self.config = config
        self.listen = config.listen  # where the relay is: another address needs a restart
        self.runtime = runtime
        self.roles = roles
        self.clock = clock
        self._open_store = open_store
        self._open_journal = open_journal
        self._stores = threading.local()
        self.cached_report = Cached(self.report, seconds=REPORT_SECONDS)

    def with_store(self, use: Callable[[Store], T]) -> T:
        """Call ``use`` with this thread's store. Raises StoreError."""
        store: Store | None = getattr(self._stores, "store", None)
        if store is None:
            store = self._stores.store = self._open_store()
        return use(store)

    def depth(self) -> Depth:
        """What waits in the journal. Raises JournalError.  Not to be called from an event loop."""
        return depth_of(self._open_journal)

    def report(self, **which: Any) -> dict[str, Any]:
        """The report as ``understudy report --format json`` gives it. Raises UsageError, StoreError, JournalError."""
        waiting = self.depth()
        return self.with_store(
            lambda store: build_report(self.config, store, now=self.clock(), unsettled=waiting, **which)
        )
