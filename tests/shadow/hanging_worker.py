"""A shadow worker in a process of its own: ``hanging_worker.py DIRECTORY CONFIGURATION SETTINGS --lifeline N``."""

import asyncio
import sys
from pathlib import Path

import msgspec
import uvloop
from prometheus_client import CollectorRegistry

from proxy.config.model import Config
from proxy.errors import UnderstudyError
from proxy.journal.embedded import EmbeddedReader
from proxy.metrics import ShadowMetrics
from proxy.shadow.settings import WorkerSettings
from proxy.shadow.worker import ShadowWorker
from proxy.store.sqlite import SQLiteStore
from proxy.supervisor import end_with_lifeline


async def work(directory: Path, config: Config, settings: WorkerSettings) -> None:
    reader = EmbeddedReader(directory / "journal", owner="w")
    store = SQLiteStore(directory / "understudy.db")
    worker = ShadowWorker(config, reader, store, ShadowMetrics(CollectorRegistry()), settings=settings)
    await worker.run(asyncio.Event())


if __name__ == "__main__":
    directory, config, settings, _, lifeline = sys.argv[1:]
    end_with_lifeline(int(lifeline))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(
                work(
                    Path(directory),
                    Config.model_validate_json(config),
                    msgspec.json.decode(settings, type=WorkerSettings),
                )
            )
    except UnderstudyError as error:
        sys.exit(str(error))
