"""The shadow worker: takes exchanges from the journal, asks the students, stores what became of them.

Its invariants: memory is bounded whatever students, store or journal do; an exchange is settled only once it is stored;
a slow student holds up no other.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable

from comparators.base import Comparator
from proxy.config.model import Config, Route
from proxy.journal.base import JournalReader
from proxy.metrics import ShadowMetrics
from proxy.shadow.asking import open_session
from proxy.shadow.metering import count_asked
from proxy.shadow.recorder import StoreThread
from proxy.shadow.routes import serve_routes
from proxy.shadow.running import Running, unless
from proxy.shadow.settings import WorkerSettings
from proxy.store.base import Store


class ShadowWorker:
    """One worker.  Any number of them may share a journal and a store."""

    def __init__(
        self,
        config: Config,
        journal: JournalReader,
        store: Store,
        metrics: ShadowMetrics,
        *,
        settings: WorkerSettings | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._journal = journal
        self._store = store
        self._metrics = metrics
        self._settings = settings or WorkerSettings()
        self._now = now
        self._apply: Callable[[Config], None] = lambda _: None

    def reload(self, config: Config) -> None:
        """Use another configuration from now on. Raises ConfigurationError: the old one stays."""
        self._apply(config)
        self._config = config

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; then finish what is in flight, or give it back, within some seconds."""
        store = StoreThread(self._store)
        try:
            async with open_session() as session:
                salt = await unless(stop, store.until_done(self._store.salt))
                if salt is None:
                    return
                running = Running(
                    self._config,
                    self._journal,
                    store,
                    self._metrics,
                    settings=self._settings,
                    now=self._now,
                )

                def introduce(route: Route, comparator: Comparator) -> None:
                    comparator.keep_accounts(running.ledger)
                    comparator.report_to(functools.partial(count_asked, self._metrics, route.name))

                def apply(config: Config) -> None:
                    routes = serve_routes(
                        config,
                        session,
                        salt=salt,
                        before=running.processor.routes,
                        policy=self._settings.breaker,
                        ledger=running.ledger,
                        now=self._now,
                        introduce=introduce,
                    )
                    running.serve(config, routes)

                apply(self._config)
                self._apply = apply
                await running.run(stop)
        finally:
            self._apply = lambda _: None
            await store.close(self._settings.stop_seconds)
