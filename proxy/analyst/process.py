"""The analyst as a process: round after round, and one at a time over all that share a store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from proxy.analyst.rounds import Rounds
from proxy.analyst.unsettled import depth_of
from proxy.config.model import Config
from proxy.errors import UnderstudyError
from proxy.journal.base import JournalReader
from proxy.store.base import Store

LEASE = "analyst"

_log = structlog.get_logger()


class AnalystSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds."""

    round_seconds: float = 10.0  # from one round's end to the next one's beginning
    lease_seconds: float = 60.0  # after which another analyst takes over from one that is silent


class Analyst:
    """One analyst.  Any number of them may share a store: one works, the others wait."""

    def __init__(
        self,
        config: Config,
        open_journal: Callable[[], JournalReader],
        store: Store,
        *,
        settings: AnalystSettings | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self._open_journal = open_journal
        self._store = store
        self._settings = settings or AnalystSettings()
        self._now = now
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._rounds = Rounds(store)
        self._well = True

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; a round that is under way comes to its end."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="analyst") as thread:
            loop = asyncio.get_running_loop()
            while not stop.is_set():
                await loop.run_in_executor(thread, self._round)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._settings.round_seconds)
            await loop.run_in_executor(thread, self._end)

    def _round(self) -> None:
        try:
            if self._store.hold(LEASE, self._holder, now=self._now(), seconds=self._settings.lease_seconds):
                waiting = depth_of(self._open_journal)
                self._rounds.work(self.config, now=self._now(), unsettled=waiting)
        except UnderstudyError as error:
            if self._well:
                _log.error("analyst_round_failed", error=str(error))
            self._well = False
        except Exception as error:  # noqa: BLE001 -- one route's trouble must not end what watches the others
            _log.error("analyst_round_failed", error=type(error).__name__)
            self._well = False
        else:
            if not self._well:
                _log.info("analyst_round_worked_again")
            self._well = True

    def _end(self) -> None:
        with contextlib.suppress(UnderstudyError):
            self._store.let_go(LEASE, self._holder)
