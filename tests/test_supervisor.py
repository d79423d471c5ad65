"""Children are kept running, whatever becomes of them."""

from __future__ import annotations

import asyncio
import errno
import os
import time

import pytest

from proxy import supervisor
from proxy.supervisor import ChildSpec, Supervisor, read_children

PATIENCE = 20.0
LASTING = ("-c", "import time; time.sleep(60)")


async def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.01)


def refusing(monkeypatch, *numbers):
    """Let the system refuse to make these processes, counted from 1."""
    real, made = asyncio.create_subprocess_exec, 0

    async def create(*command, **more):
        nonlocal made
        made += 1
        if made in numbers:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return await real(*command, **more)

    monkeypatch.setattr(supervisor.asyncio, "create_subprocess_exec", create)


@pytest.mark.parametrize("refused", [1, 2])
def test_a_child_that_cannot_be_made_just_now_is_tried_again(tmp_path, monkeypatch, refused):
    refusing(monkeypatch, refused)
    dying_at_first = """
import pathlib, sys, time
born = pathlib.Path(sys.argv[1])
if born.exists():
    time.sleep(60)
born.touch()
"""
    spec = ChildSpec(role="relay", slot=0, stage=0, arguments=("-c", dying_at_first, str(tmp_path / "born")))

    async def main():
        stop = asyncio.Event()
        running = asyncio.create_task(Supervisor([spec], runtime=tmp_path).run(stop))
        states = []

        def back():
            states[:] = read_children(tmp_path)
            return states and states[0].restarts == 2 and states[0].pid is not None

        await until(back, "the child runs after two failures")
        stop.set()
        await asyncio.wait_for(running, PATIENCE)

    asyncio.run(main())


def test_one_that_could_never_be_made_is_told_as_not_running(tmp_path, monkeypatch):
    refusing(monkeypatch, *range(1, 100))
    specs = [ChildSpec(role="shadow", slot=slot, stage=0, arguments=LASTING) for slot in range(2)]

    async def main():
        stop = asyncio.Event()
        running = asyncio.create_task(Supervisor(specs, runtime=tmp_path).run(stop))
        await until(lambda: read_children(tmp_path), "children are written down")
        assert [(state.slot, state.pid) for state in read_children(tmp_path)] == [(0, None), (1, None)]
        stop.set()
        await asyncio.wait_for(running, PATIENCE)

    asyncio.run(main())
