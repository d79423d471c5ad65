"""The admin plane tells relays which routes are paused, and says once what keeps it from knowing."""

from __future__ import annotations

import asyncio
import contextlib
import time

from structlog.testing import capture_logs

from proxy.admin.server import tell_paused
from proxy.errors import StoreError
from proxy.runtime import read_paused
from proxy.store.sqlite import SQLiteStore
from tests.admin.planes import make_plane

PATIENCE = 20.0


async def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.01)


def test_a_store_that_is_down_is_said_once_and_so_is_its_return(tmp_path):
    down, asked = True, 0

    def open_store():
        nonlocal asked
        asked += 1
        if down:
            raise StoreError("disk I/O error")
        return SQLiteStore(tmp_path / "understudy.db")

    async def main():
        nonlocal down, asked
        plane = make_plane(tmp_path, open_store=open_store)
        telling = asyncio.create_task(tell_paused(plane, seconds=0.01))
        await until(lambda: asked >= 5, "the store was asked again and again")
        with contextlib.closing(SQLiteStore(tmp_path / "understudy.db")) as store:
            store.set_paused("intents", paused=True)
        down = False
        await until(lambda: read_paused(plane.runtime) == {"intents"}, "the pause is told")
        await until(lambda: len(logged) == 2, "both are said")
        telling.cancel()

    with capture_logs() as logged:
        asyncio.run(main())

    assert [(each["event"], each.get("error")) for each in logged] == [
        ("paused_routes_unknown", "disk I/O error"),
        ("paused_routes_known_again", None),
    ]
