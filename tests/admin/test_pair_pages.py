"""``/api/pairs`` in pages: however large pairs are, one is held at a time and no probe waits for them."""

from __future__ import annotations

import asyncio
import json
import threading

import httpx
import msgspec
import pytest

from proxy.admin import pair_pages
from proxy.admin.server import create_app
from proxy.errors import StoreError
from proxy.store.base import PairFilter
from proxy.store.sqlite import SQLiteStore
from tests.admin.planes import client, make_plane
from tests.analyst.report_builders import T0, record, settled

PATIENCE = 20.0


class Watched:
    """A store that counts the pairs it gave, and may fail or wait before one."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store
        self.given = 0
        self.fails_at: int | None = None
        self.waits_for: threading.Event | None = None

    def __getattr__(self, name):
        return getattr(self._store, name)

    def pairs(self, which):
        if self.waits_for is not None:
            self.waits_for.wait(PATIENCE)
        for stored in self._store.pairs(which):
            if self.given == self.fails_at:
                raise StoreError("the disk is gone")
            self.given += 1
            yield stored


@pytest.fixture
def watched(store):
    return Watched(store)


def long_pairs(store, n, *, characters):
    for index in range(n):
        long = settled(index, "agreed", at=T0 + index)
        request = {"messages": [{"role": "user", "content": "x" * characters}]}
        exchange = msgspec.structs.replace(long.exchange, request=request)
        store.record([msgspec.structs.replace(long, exchange=exchange)])


def test_pages_follow_one_another_to_the_last_pair(tmp_path, store):
    record(store, ["agreed"] * 7, begins=T0)
    asking = client(tmp_path)

    pages, before = [], ""
    while True:
        page = asking.get(f"/api/pairs?limit=3{before}").json()
        pages.append([pair["id"] for pair in page["pairs"]])
        if page["next"] is None:
            break
        before = f"&before={page['next']}"

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [id_ for page in pages for id_ in page] == [stored.id for stored in store.pairs(PairFilter())]


def test_a_page_ends_at_its_bytes_and_says_that_more_follow(tmp_path, store, monkeypatch):
    monkeypatch.setattr(pair_pages, "PAGE_BYTES", 25_000)
    long_pairs(store, 5, characters=10_000)

    answer = client(tmp_path).get("/api/pairs?limit=1000")

    assert len(answer.json()["pairs"]) == 3
    assert answer.json()["next"] == answer.json()["pairs"][-1]["id"]
    rest = client(tmp_path).get(f"/api/pairs?before={answer.json()['next']}").json()
    assert (len(rest["pairs"]), rest["next"]) == (2, None)


def test_a_pair_longer_than_a_page_is_a_page(tmp_path, store, monkeypatch):
    monkeypatch.setattr(pair_pages, "PAGE_BYTES", 100)
    long_pairs(store, 2, characters=1000)

    assert len(client(tmp_path).get("/api/pairs").json()["pairs"]) == 1


def test_a_cursor_that_is_no_pair_is_refused(tmp_path, store):
    answer = client(tmp_path).get("/api/pairs?before=nope")

    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "before: there is no pair 'nope'; give the `next` of the page before"},
    )


def test_no_pairs_are_an_empty_page(tmp_path, store):
    assert client(tmp_path).get("/api/pairs").json() == {"pairs": [], "next": None}


def test_a_store_that_fails_on_the_way_ends_the_page_and_the_next_one_says_so(tmp_path, store, watched):
    record(store, ["agreed"] * 5, begins=T0)
    watched.fails_at = 2
    asking = client(tmp_path, open_store=lambda: watched)

    cut = asking.get("/api/pairs").json()
    after = asking.get(f"/api/pairs?before={cut['next']}")

    assert len(cut["pairs"]) == 2
    assert (after.status_code, after.json()) == (503, {"detail": "the disk is gone"})


def test_what_the_client_has_not_taken_is_not_read_yet(tmp_path, store, watched):
    long_pairs(store, 20, characters=1000)
    app = create_app(make_plane(tmp_path, open_store=lambda: watched))
    scope = {"type": "http", "method": "GET", "path": "/api/pairs", "query_string": b"", "headers": []}
    sent = []

    async def main():
        may_go_on = asyncio.Event()

        async def send(message):
            if message["type"] == "http.response.body":
                sent.append(message["body"])
                if len(sent) == 3:
                    given.append(watched.given)
                    may_go_on.set()
                    await asyncio.Event().wait()  # a client that reads no further

        async def receive():
            await asyncio.Event().wait()

        answering = asyncio.create_task(app(scope, receive, send))
        await asyncio.wait_for(may_go_on.wait(), PATIENCE)
        answering.cancel()

    given: list[int] = []
    asyncio.run(main())

    assert given[0] <= 4


def test_probes_are_answered_while_pairs_are_read(tmp_path, store, watched):
    record(store, ["agreed"] * 3, begins=T0)
    watched.waits_for = threading.Event()

    async def main():
        transport = httpx.ASGITransport(create_app(make_plane(tmp_path, open_store=lambda: watched)))
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as asking:
            reading = [asyncio.create_task(asking.get("/api/pairs")) for _ in range(60)]
            probed = await asyncio.wait_for(asking.get("/healthz"), PATIENCE)
            waiting = not any(each.done() for each in reading)
            watched.waits_for.set()
            answers = await asyncio.gather(*reading)
        return probed, waiting, answers

    probed, waiting, answers = asyncio.run(main())

    assert (probed.status_code, waiting) == (200, True)
    assert [len(json.loads(each.content)["pairs"]) for each in answers] == [3] * 60
