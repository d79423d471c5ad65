"""Keeps child processes running: starts them again with back-off, passes signals on, stops them in order.

It knows nothing of what they do.  A child whose supervisor dies sees its lifeline close and ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

_log = structlog.get_logger()

FIRST_BACK_OFF = 0.2
LAST_BACK_OFF = 15.0
STEADY_AFTER = 20.0  # seconds of life after which a death counts as the first one again
KILL_AFTER = 45.0  # seconds between SIGTERM and SIGKILL; longer than any child drains


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A process to keep running.  ``stage``: children of lower stages are stopped first."""

    role: str
    slot: int
    stage: int
    arguments: tuple[str, ...]
    pass_fds: tuple[int, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()  # beside the supervisor's own


class ChildState(msgspec.Struct, frozen=True, kw_only=True):
    """A child as others may see it, in ``children.json`` of the runtime directory."""

    role: str
    slot: int
    pid: int | None
    restarts: int


def children_file(runtime: Path) -> Path:
    """Where a supervisor writes down its children."""
    return runtime / "children.json"


def read_children(runtime: Path) -> list[ChildState]:
    """The children as last written down; none while the supervisor has not got that far."""
    try:
        return msgspec.json.decode(children_file(runtime).read_bytes(), type=list[ChildState])
    except FileNotFoundError:
        return []


class Supervisor:
    """Runs children until told to stop."""

    def __init__(self, specs: Sequence[ChildSpec], *, runtime: Path) -> None:
        self._specs = specs
        self._runtime = runtime
        self._processes: dict[ChildSpec, asyncio.subprocess.Process] = {}
        self._restarts = dict.fromkeys(specs, 0)
        self._stopping = asyncio.Event()
        self._lifeline_read, self._lifeline_write = os.pipe()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep every child running until ``stop`` is set; then end them stage by stage."""
        keepers = {spec: asyncio.create_task(self._keep(spec)) for spec in self._specs}
        await stop.wait()
        self._stopping.set()
        for stage in sorted({spec.stage for spec in self._specs}):
            staged = [keepers[spec] for spec in self._specs if spec.stage == stage]
            self.signal(signal.SIGTERM, stage=stage)
            _, late = await asyncio.wait(staged, timeout=KILL_AFTER)
            if late:
                _log.warning("children_killed", stage=stage, count=len(late))
                self.signal(signal.SIGKILL, stage=stage)
                await asyncio.wait(staged)
        os.close(self._lifeline_write)
        os.close(self._lifeline_read)

    def signal(self, number: signal.Signals, *, stage: int | None = None) -> None:
        """Send a signal to the children (of one stage) that are alive."""
        for spec, process in self._processes.items():
            if (stage is None or spec.stage == stage) and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)

    async def _keep(self, spec: ChildSpec) -> None:
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                status: int | str = await self._live_through(spec)
            except OSError as error:  # no memory, process or descriptor to be had for it just now
                status = f"not started: {(error.strerror or str(error)).lower()}"
            if self._stopping.is_set():
                break
            deaths = 1 if time.monotonic() - started > STEADY_AFTER else deaths + 1
            self._restarts[spec] += 1
            back_off = min(LAST_BACK_OFF, FIRST_BACK_OFF * 2 ** (deaths - 1))
            _log.error("child_died", child=spec.role, slot=spec.slot, status=status, again_in_seconds=back_off)
            self._write_down()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), back_off)

    async def _live_through(self, spec: ChildSpec) -> int:
        """One life of a child; returns its exit status. Raises OSError: the system would not start it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *spec.arguments,
            "--lifeline",
            str(self._lifeline_read),
            env={**os.environ, **dict(spec.environment)},
            pass_fds=(*spec.pass_fds, self._lifeline_read),
            stdin=asyncio.subprocess.DEVNULL,
        )
        self._processes[spec] = process
        if self._stopping.is_set():  # the signal was sent before this child could get it
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        self._write_down()
        return await process.wait()

    def _write_down(self) -> None:
        states = [
            ChildState(role=spec.role, slot=spec.slot, pid=self._pid(spec), restarts=self._restarts[spec])
            for spec in self._specs
        ]
        scratch = children_file(self._runtime).with_suffix(".new")
        try:
            scratch.write_bytes(msgspec.json.encode(states))
            scratch.replace(children_file(self._runtime))
        except OSError as error:  # a full or cleared folder must not keep a child from being started again
            _log.warning("children_not_written_down", error=error.strerror)

    def _pid(self, spec: ChildSpec) -> int | None:
        process = self._processes.get(spec)
        return process.pid if process is not None and process.returncode is None else None


def end_with_lifeline(lifeline: int) -> None:
    """Send this process SIGTERM when the supervisor at the other end is gone."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
