"""Where the parts are put together: ``serve`` runs in the supervising process, ``proxy.child`` in each of its children.

These two modules are the only ones that know all parts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path

import msgspec
import structlog

from proxy.config.checks import parse_listen
from proxy.config.model import Config
from proxy.config.reload import keeping_the_one_before
from proxy.config.watching import changes
from proxy.errors import JournalError, StoreError, UsageError
from proxy.journal.embedded import journal_directory
from proxy.journal.embedded_files import prepare
from proxy.logs import configure_logging
from proxy.runtime import ConfigSource, metrics_directory, put_in_force
from proxy.supervisor import ChildSpec, Supervisor

ROLES = frozenset({"relay", "shadow", "analyst"})
RELAY_STAGE, SHADOW_STAGE, ADMIN_STAGE = range(3)
BACKLOG = 2048
_FIXED = ("listen", "admin.listen", "store", "journal", "workers", "limits.journal")  # while processes run

_log = structlog.get_logger()


def serve(source: ConfigSource, roles: frozenset[str] = ROLES) -> None:
    """Run these roles and the admin plane until SIGTERM or SIGINT.

    Raises:
        UsageError: the configuration, a port or the store cannot work; nothing was started.
    """
    os.umask(0o077)  # store and journal hold prompts and answers: nobody else's to read
    with contextlib.ExitStack() as resources:
        runtime = Path(tempfile.mkdtemp(prefix="understudy-"))
        resources.callback(shutil.rmtree, runtime, ignore_errors=True)
        config = put_in_force(source, runtime)
        _open_store_once(config)
        configure_logging("supervisor")
        sockets = {"admin": resources.enter_context(_bind("admin.listen", config.admin.listen))}
        if "relay" in roles:
            sockets["relay"] = resources.enter_context(_bind("listen", config.listen))
        metrics_directory(runtime).mkdir()
        children = _children(source.in_force(runtime), config, roles, runtime, sockets)
        supervisor = Supervisor(children, runtime=runtime)
        take_over = partial(put_in_force, source, runtime)
        planes = {"listen": config.listen, "admin": config.admin.listen}
        _log.info("starting", roles=sorted(roles), **planes, store=_public(config))
        asyncio.run(_supervise(supervisor, take_over, config, source.file, sockets))


def _open_store_once(config: Config) -> None:
    """Create or migrate the store before any process needs it, so that what cannot work is said at once."""
    from proxy.store import open_store

    try:
        open_store(config.store).close()
        prepare(journal_directory(config.store))
    except (StoreError, JournalError) as error:
        raise UsageError(f"store: {error}") from error


def _bind(key: str, listen: str) -> socket.socket:
    host, port = parse_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise UsageError(f"{key}: cannot listen on {listen}: {reason.lower()}; change `{key}`") from error
    bound.setblocking(False)
    return bound


def _children(
    source: ConfigSource, config: Config, roles: frozenset[str], runtime: Path, sockets: dict[str, socket.socket]
) -> list[ChildSpec]:
    def child(role: str, slot: int, stage: int, *, listening: str | None = None) -> ChildSpec:
        arguments = ["-m", "proxy.child", role, "--slot", str(slot), "--runtime", str(runtime)]
        arguments += ["--source", msgspec.json.encode(source).decode(), "--roles", ",".join(sorted(roles))]
        descriptors: tuple[int, ...] = ()
        if listening is not None:
            descriptors = (sockets[listening].fileno(),)
            arguments += ["--fd", str(descriptors[0])]
        # Set before prometheus_client is imported, or values would stay within the process.
        environment = {} if role == "admin" else {"PROMETHEUS_MULTIPROC_DIR": str(metrics_directory(runtime))}
        return ChildSpec(
            role=role,
            slot=slot,
            stage=stage,
            arguments=tuple(arguments),
            pass_fds=descriptors,
            environment=tuple(environment.items()),
        )

    children = [child("admin", 0, ADMIN_STAGE, listening="admin")]
    if "shadow" in roles:
        children.append(child("shadow", 0, SHADOW_STAGE))
    if "analyst" in roles:
        children.append(child("analyst", 0, SHADOW_STAGE))
    if "relay" in roles:
        children += [child("relay", slot, RELAY_STAGE, listening="relay") for slot in range(config.workers)]
    return children


async def _supervise(
    supervisor: Supervisor,
    take_over: Callable[[], Config],
    config: Config,
    file: str | None,
    sockets: dict[str, socket.socket],
) -> None:
    loop = asyncio.get_running_loop()
    stop, hangup = asyncio.Event(), asyncio.Event()

    def end() -> None:
        stop.set()
        if "relay" in sockets:  # else clients would queue here while the relays finish
            sockets["relay"].close()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    async with asyncio.TaskGroup() as tasks:
        aside = [_tell_when_ready(sockets["admin"]), _reload_when_changed(supervisor, take_over, config, hangup)]
        if file is not None:
            aside.append(_watch(Path(file), hangup))
        running = [tasks.create_task(each) for each in aside]
        await supervisor.run(stop)
        for task in running:
            task.cancel()
    _log.info("stopped")


async def _tell_when_ready(admin: socket.socket) -> None:
    """Log it once, when ``/readyz`` first says so of all that this process started."""
    host, port = admin.getsockname()[:2]
    while not await _is_ready(host, port):  # noqa: ASYNC110 -- the children are other processes
        await asyncio.sleep(0.2)
    _log.info("serving")


async def _is_ready(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


def needing_restart(running: Config, new: Config) -> list[str]:
    """The keys that differ from those that the processes were started with, and that none takes over by itself."""
    return [key for key in _FIXED if attrgetter(key)(running) != attrgetter(key)(new)]


def _public(config: Config) -> str:
    return config.store.rpartition("@")[2]  # without the credentials of a database URL


async def _watch(file: Path, hangup: asyncio.Event) -> None:
    """A changed file counts as SIGHUP."""
    try:
        async for _ in changes(file):
            hangup.set()
    except (OSError, RuntimeError) as error:  # no more watches to be had, or the folder is gone
        _log.warning("configuration_not_watched", error=str(error), instead="SIGHUP reads it again")


async def _reload_when_changed(
    supervisor: Supervisor, take_over: Callable[[], Config], config: Config, hangup: asyncio.Event
) -> None:
    while True:
        await hangup.wait()
        hangup.clear()
        with keeping_the_one_before():
            restart = needing_restart(config, take_over())
            if restart:
                _log.warning("restart_needed", keys=restart)
            supervisor.signal(signal.SIGHUP)
            _log.info("configuration_reloaded")
