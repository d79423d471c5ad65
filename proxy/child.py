"""The children of ``proxy.main.serve``: ``python -m proxy.child relay|shadow|analyst|admin``.

Each role imports only what it needs: a relay never loads the store, statistics or comparators.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket
import threading
import time
from pathlib import Path

import msgspec
import structlog

from proxy.config.reload import keeping_the_one_before
from proxy.errors import UnderstudyError
from proxy.journal.embedded import journal_directory
from proxy.logs import configure_logging
from proxy.runtime import ConfigSource, read_paused
from proxy.supervisor import end_with_lifeline

_log = structlog.get_logger()


class PausedRoutes:
    """What a relay knows of paused routes; a thread of its own reads it, so that asking costs nothing."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self._routes: frozenset[str | None] = frozenset()

    def __call__(self) -> frozenset[str | None]:
        return self._routes

    def start(self) -> None:
        threading.Thread(target=self._follow, name="paused", daemon=True).start()

    def _follow(self) -> None:
        while True:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                self._routes = read_paused(self._runtime)
            time.sleep(0.5)


def run_relay(source: ConfigSource, runtime: Path, listening: socket.socket) -> None:
    """One relay process."""
    import uvloop
    from prometheus_client import CollectorRegistry

    from proxy.journal.embedded import EmbeddedWriter
    from proxy.metrics import RelayMetrics, name_process
    from proxy.relay.server import serve_relay

    name_process()
    config = source.load()
    paused = PausedRoutes(runtime)
    paused.start()

    def journal() -> EmbeddedWriter:
        return EmbeddedWriter(journal_directory(config.store), limit=config.limits.journal, writers=config.workers)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_relay(source.load, config, listening, journal, RelayMetrics(CollectorRegistry()), paused))


def run_shadow(source: ConfigSource, slot: int) -> None:
    """One shadow worker."""
    import uvloop
    from prometheus_client import CollectorRegistry

    from proxy.journal.embedded import EmbeddedReader
    from proxy.metrics import ShadowMetrics
    from proxy.shadow.worker import ShadowWorker
    from proxy.store import open_store

    config = source.load()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        journal = EmbeddedReader(journal_directory(config.store), owner=f"shadow-{slot}")
        store = open_store(config.store, replica=f"shadow-{slot}")
        worker = ShadowWorker(config, journal, store, ShadowMetrics(CollectorRegistry()))

        def reload() -> None:
            with keeping_the_one_before():
                worker.reload(source.load())

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload)
        await worker.run(stop)
        await journal.close()
        store.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


def run_analyst(source: ConfigSource) -> None:
    """The analyst."""
    from proxy.analyst.process import Analyst
    from proxy.journal.embedded import EmbeddedReader
    from proxy.store import open_store

    config = source.load()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        store = open_store(config.store, replica="analyst")
        analyst = Analyst(config, lambda: EmbeddedReader(journal_directory(config.store), owner="analyst"), store)

        def reload() -> None:
            with keeping_the_one_before():
                analyst.config = source.load()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload)
        await analyst.run(stop)
        store.close()

    asyncio.run(work())


def run_admin(source: ConfigSource, runtime: Path, roles: frozenset[str], listening: socket.socket) -> None:
    """The admin plane of this machine's processes."""
    from proxy.admin.server import serve_admin
    from proxy.journal.embedded import EmbeddedReader
    from proxy.store import open_store

    config = source.load()
    serve_admin(
        source.load,
        config,
        listening,
        runtime=runtime,
        roles=roles,
        open_store=lambda: open_store(config.store, replica="admin"),
        open_journal=lambda: EmbeddedReader(journal_directory(config.store), owner="admin"),
    )


def main(arguments: list[str] | None = None) -> None:
    """Entry point of every child process."""
    parser = argparse.ArgumentParser(prog="proxy.child")
    parser.add_argument("role", choices=["relay", "shadow", "analyst", "admin"])
    parser.add_argument("--slot", type=int, required=True)
    parser.add_argument("--runtime", type=Path, required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--roles", required=True)
    parser.add_argument("--fd", type=int)
    parser.add_argument("--lifeline", type=int, required=True)
    given = parser.parse_args(arguments)
    end_with_lifeline(given.lifeline)
    configure_logging(given.role)
    source = msgspec.json.decode(given.source, type=ConfigSource)
    try:
        if given.role == "relay":
            run_relay(source, given.runtime, socket.socket(fileno=given.fd))
        elif given.role == "shadow":
            run_shadow(source, given.slot)
        elif given.role == "analyst":
            run_analyst(source)
        else:
            run_admin(source, given.runtime, frozenset(given.roles.split(",")), socket.socket(fileno=given.fd))
    except UnderstudyError as error:
        _log.error("child_failed", error=str(error))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
