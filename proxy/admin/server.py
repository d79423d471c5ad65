"""The admin plane: metrics, health and the API, served by FastAPI in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.admin.api import api_router
from proxy.admin.plane import Plane
from proxy.admin.probes import probes_router
from proxy.admin.refusals import explain_errors
from proxy.config.model import Config
from proxy.config.reload import keeping_the_one_before
from proxy.errors import UnderstudyError
from proxy.journal.base import JournalReader
from proxy.runtime import write_paused
from proxy.store.base import Store

_log = structlog.get_logger()


class HeadAsGet:
    """ASGI middleware: HEAD is answered as GET is, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


def create_app(plane: Plane) -> FastAPI:
    """The application; ``/openapi.json`` describes it."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        telling = asyncio.create_task(tell_paused(plane))
        yield
        telling.cancel()

    app = FastAPI(title="Understudy", summary="The admin plane.", lifespan=lifespan)
    app.add_middleware(HeadAsGet)
    explain_errors(app)
    app.include_router(probes_router(plane))
    app.include_router(api_router(plane))
    return app


async def tell_paused(plane: Plane, *, seconds: float = 0.5) -> None:
    """Pass on to the relays, so often, which routes are paused: they never ask the store themselves."""
    told: frozenset[str | None] | None = None
    known = True
    while True:
        try:
            paused = await asyncio.to_thread(plane.with_store, lambda store: store.paused())
            if paused != told:
                write_paused(plane.runtime, paused)
                told = paused
        except (UnderstudyError, OSError) as error:
            if known:
                _log.warning("paused_routes_unknown", error=str(error))
            known = False
        else:
            if not known:
                _log.info("paused_routes_known_again")
            known = True
        await asyncio.sleep(seconds)


def serve_admin(
    load: Callable[[], Config],
    config: Config,
    listening: socket.socket,
    *,
    runtime: Path,
    roles: frozenset[str],
    open_store: Callable[[], Store],
    open_journal: Callable[[], JournalReader],
) -> None:
    """Serve until SIGTERM; SIGHUP takes over a changed configuration."""
    plane = Plane(
        config, runtime=runtime, roles=roles, open_store=open_store, open_journal=open_journal, clock=time.time
    )

    def reload() -> None:
        with keeping_the_one_before():
            plane.config = load()

    async def run() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
        settings = uvicorn.Config(
            create_app(plane), log_config=None, access_log=False, timeout_graceful_shutdown=5, server_header=False
        )
        await uvicorn.Server(settings).serve(sockets=[listening])

    asyncio.run(run())
