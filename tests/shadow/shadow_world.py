"""A shadow worker with a real journal, a real store and scripted students, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from proxy.config.model import Config
from proxy.journal.base import Exchange
from proxy.journal.embedded import EmbeddedReader, EmbeddedWriter
from proxy.metrics import ShadowMetrics
from proxy.shadow.breaker import BreakerPolicy
from proxy.shadow.settings import WorkerSettings
from proxy.shadow.worker import ShadowWorker
from proxy.store.base import PairFilter
from proxy.store.records import StoredPair
from proxy.store.sqlite import SQLiteStore
from tests.fakes.chat import chat_completion

PATIENCE = 20.0
TEACHER = "teacher-1"
QUICK = WorkerSettings(
    poll_seconds=0.05,
    longest_idle=0.03,
    stop_seconds=0.5,
    scoring_seconds=1.0,
    frozen_seconds=600.0,  # it would end the test run
    breaker=BreakerPolicy(first_wait=60.0),
)


def student(name: str = "small", url: str = "http://127.0.0.1:9/v1", **more: Any) -> dict[str, Any]:
    return {"name": name, "url": url, "model": "student-1", "timeout": "5s", **more}


def configuration(*students: dict[str, Any], **route: Any) -> Config:
    """One route, ``r``, whose first comparator is ``exact``."""
    return Config.model_validate(
        {
            "routes": [
                {
                    "name": "r",
                    "teacher": {"url": "http://127.0.0.1:9/v1"},
                    "students": list(students),
                    "comparators": [{"use": "exact"}],
                    **route,
                }
            ],
        }
    )


def exchange(number: int = 1, *, answer: str = "four", prompt: str = "two and two?", **more: Any) -> Exchange:
    """A chat completion that arrived just now."""
    now = time.time()
    request = {"model": "teacher-1", "messages": [{"role": "user", "content": prompt}], **more.pop("body", {})}
    fields = {
        "id": f"exchange-{number}",
        "route": "r",
        "surface": "chat/completions",
        "path": "/v1/chat/completions",
        "arrived_at": now,
        "captured_at": now,
        "request": msgspec.json.encode(request),
        "status": 200,
        "response": msgspec.json.encode(chat_completion(answer, model=TEACHER)),
        "content_type": "application/json",
        "duration": 0.5,
    }
    return Exchange(**{**fields, **more})


@dataclass
class World:
    """A directory with a journal and a store, and a worker that runs between ``with`` and its end."""

    directory: Path
    config: Config
    settings: WorkerSettings = QUICK
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.store = SQLiteStore(self.directory / "understudy.db")
        self.writer = EmbeddedWriter(self.directory / "journal", limit=64 * 2**20)
        self.metrics = ShadowMetrics(self.registry)

    def journal(self, *exchanges: Exchange) -> None:
        self.writer.append(exchanges, [])

    def reader(self, owner: str = "w") -> EmbeddedReader:
        return EmbeddedReader(self.directory / "journal", owner=owner)

    def worker_store(self) -> Any:
        return SQLiteStore(self.directory / "understudy.db")

    @contextlib.asynccontextmanager
    async def working(self, store: Any = None, journal: Any = None) -> Any:
        """A worker that runs within the block."""
        journal = journal or self.reader()
        store = store or self.worker_store()
        worker = ShadowWorker(self.config, journal, store, self.metrics, settings=self.settings, now=self.now)
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            yield worker
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE):
                await running
            await journal.close()
            store.close()

    async def settled(self, reader: EmbeddedReader | None = None) -> None:
        """Wait until the journal is empty."""
        watching = reader or self.reader("watching")
        deadline = time.monotonic() + PATIENCE
        while (await watching.depth()).entries:
            if time.monotonic() > deadline:
                raise AssertionError("the journal did not become empty")
            await asyncio.sleep(0.01)
        await watching.close()

    def run(self, *exchanges: Exchange, **working: Any) -> list[StoredPair]:
        """Journal these, work until all is settled; returns the pairs, oldest exchange first."""

        async def main() -> None:
            async with self.working(**working):
                await self.settled()

        self.journal(*exchanges)
        asyncio.run(main())
        return self.pairs()

    def pairs(self) -> list[StoredPair]:
        return sorted(self.store.pairs(PairFilter()), key=lambda pair: pair.id)

    def outcomes(self) -> dict[str, str]:
        return {pair.id: pair.pair.outcome for pair in self.pairs()}

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def close(self) -> None:
        self.writer.close()
        self.store.close()

    def text(self) -> str:
        """All that is stored, as text."""
        return msgspec.json.encode(self.pairs()).decode()


@contextlib.contextmanager
def world(
    directory: Path, *students: dict[str, Any], settings: WorkerSettings = QUICK, **route: Any
) -> Iterator[World]:
    there = World(directory, configuration(*students, **route), settings)
    try:
        yield there
    finally:
        there.close()


async def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Poll, without blocking the loop, until the condition gives something true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        await asyncio.sleep(0.01)
    return value


def only(pairs: Sequence[StoredPair]) -> StoredPair:
    assert len(pairs) == 1
    return pairs[0]
