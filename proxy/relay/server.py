"""Running the relay: a server on a socket that was bound before, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator

import structlog
import uvicorn
from uvicorn.protocols.http import httptools_impl

from proxy.config.model import Config
from proxy.config.reload import keeping_the_one_before
from proxy.journal.base import JournalWriter
from proxy.metrics import RelayMetrics
from proxy.relay.app import Relay
from proxy.relay.protocol import RelayProtocol
from proxy.relay.routing import compile_table
from proxy.relay.upstream.pool import PooledUpstream

_KEEP_ALIVE_SECONDS = 75
_FLUSH_SECONDS = 10.0
_SWITCH_SECONDS = 0.0005  # the writer thread gives way to the event loop ten times sooner than by default
_GC_THRESHOLDS = (20_000, 20, 50)  # captures that wait for the writer are no garbage, and not worth looking at
_HIGHEST_STATUS = 999


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # serve_relay listens for them; uvicorn would raise them again once it has ended


async def serve_relay(  # noqa: PLR0917 - as the parts that call it know it
    config_source: Callable[[], Config],
    config: Config,
    socket: socket.socket,
    journal: Callable[[], JournalWriter],
    metrics: RelayMetrics,
    paused: Callable[[], frozenset[str | None]],
    *,
    drain_seconds: float = 30.0,
    stop: asyncio.Event | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (or ``stop``), then finish running answers and write what was captured.

    Args:
        config_source: Reads the configuration anew on SIGHUP; a broken one is logged, and the old one stays.
        config: What to begin with.
        socket: Bound; it is closed at the end.
        journal: Opens the journal, in the writer's thread; may fail, and is then tried again.
        metrics: What is counted.
        paused: The paused routes by name, None among them for all; asked with every request.
        drain_seconds: How long running answers may take to end.
        stop: Ends serving like SIGTERM does, for where there are no signals.
        tls: How upstreams are verified; by default with the system's certificates.
    """
    _quiet_uvicorn()
    upstream = PooledUpstream(tls)
    relay = Relay(compile_table(config), upstream, journal, metrics, paused)
    relay.start()
    server = _Server(
        uvicorn.Config(
            relay,
            http=RelayProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
        )
    )
    ended = stop or asyncio.Event()
    with _tuned_process(), _signals(ended, relay, config_source):
        serving = asyncio.create_task(server.serve(sockets=[socket]))
        ending = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        finally:
            ending.cancel()
            upstream.close()
            if not await asyncio.to_thread(relay.close, _FLUSH_SECONDS):
                structlog.get_logger().error("journal_not_flushed", seconds=_FLUSH_SECONDS)


@contextlib.contextmanager
def _signals(ended: asyncio.Event, relay: Relay, source: Callable[[], Config]) -> Generator[None, None, None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    reloading = loop.create_task(_reload(relay, source, asked))
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield
    finally:
        for number in (*numbers, signal.SIGHUP):
            loop.remove_signal_handler(number)
        reloading.cancel()


async def _reload(relay: Relay, source: Callable[[], Config], asked: asyncio.Event) -> None:
    """One reading after the other: a slow one must not come after a newer."""
    while True:
        await asked.wait()
        asked.clear()
        with keeping_the_one_before():
            relay.table = compile_table(await asyncio.to_thread(source))
            structlog.get_logger().info("configuration_reloaded")


@contextlib.contextmanager
def _tuned_process() -> Generator[None, None, None]:
    """Short waits for the interpreter's lock, rare looks for garbage: a relay's process does nothing else."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _quiet_uvicorn() -> None:
    """What goes wrong with a request is ours to say; what uvicorn cannot do, we have it do."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
    for status in range(100, _HIGHEST_STATUS + 1):  # it knows those up to 599, a teacher may send others
        httptools_impl.STATUS_LINE.setdefault(status, b"HTTP/1.1 %d \r\n" % status)
