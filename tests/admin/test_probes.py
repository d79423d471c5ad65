"""Readiness: a relay is asked first, and nothing else takes it out of rotation."""

from __future__ import annotations

import threading

import pytest
from starlette.testclient import TestClient

from proxy.admin import probes
from proxy.admin.server import create_app
from proxy.config.model import Config
from proxy.errors import StoreError
from proxy.journal.base import Depth
from tests.admin.planes import client, make_plane
from tests.fakes.journal import MemoryJournal
from tests.fakes.running import free_port
from tests.fakes.upstream import Reply, Upstream


@pytest.fixture
def relay():
    """Answers the probe as a relay does."""
    with Upstream(lambda _: Reply(status=501)) as upstream:
        yield f"127.0.0.1:{upstream.port}"


@pytest.fixture
def let_go():
    """Set at the end, so that what hangs ends with its test."""
    event = threading.Event()
    yield event
    event.set()


def config(listen: str) -> Config:
    return Config.model_validate({"listen": listen, "teacher": {"url": "http://teacher.example/v1"}})


class Hanging:
    """A journal's reader on a disk that does not answer."""

    def __init__(self, let_go: threading.Event) -> None:
        self._let_go = let_go
        self.asked = 0

    async def depth(self) -> Depth:
        self.asked += 1
        self._let_go.wait()
        return Depth(entries=0, bytes=0, oldest=None)

    async def close(self) -> None:
        pass


def broken_store():
    raise StoreError("the disk is full")


def test_a_relay_is_ready_whatever_becomes_of_journal_and_store(tmp_path, relay):
    journal = MemoryJournal()
    journal.broken = "the disk is gone"

    answer = client(tmp_path, config=config(relay), open_journal=journal.reader, open_store=broken_store).get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert {part: answer.json()[part] for part in ("relay", "journal", "store")} == {
        "relay": "ok",
        "journal": "the disk is gone",
        "store": "the disk is full",
    }


def test_a_journal_that_does_not_answer_keeps_no_probe_waiting_and_is_asked_once(tmp_path, relay, let_go, monkeypatch):
    monkeypatch.setattr(probes, "PATIENCE", 0.05)
    journal = Hanging(let_go)
    asking = client(tmp_path, config=config(relay), open_journal=lambda: journal)

    answers = [asking.get("/readyz") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[-1].json()["journal"] == "does not answer within 0.05 s"
    assert journal.asked == 1


def test_a_relay_that_does_not_answer_is_not_ready(tmp_path):
    answer = client(tmp_path, config=config(f"127.0.0.1:{free_port()}")).get("/readyz")

    assert (answer.status_code, answer.json()["relay"]) == (503, "does not answer")


def test_the_relay_is_asked_where_it_listens_though_a_reload_names_another_address(tmp_path, relay):
    plane = make_plane(tmp_path, config=config(relay))
    plane.config = config(f"127.0.0.1:{free_port()}")  # `restart_needed`

    assert TestClient(create_app(plane)).get("/readyz").status_code == 200


def test_an_answer_that_is_not_a_relays_is_not_ready(tmp_path):
    with Upstream(lambda _: Reply(status=200)) as other:
        answer = client(tmp_path, config=config(f"127.0.0.1:{other.port}")).get("/readyz")

    assert answer.status_code == 503


def test_a_shadow_worker_needs_its_journal(tmp_path):
    journal = MemoryJournal()
    journal.broken = "the disk is gone"
    config_ = config("127.0.0.1:1")

    answer = client(tmp_path, config=config_, roles=frozenset({"shadow"}), open_journal=journal.reader).get("/readyz")

    assert (answer.status_code, answer.json()["journal"]) == (503, "the disk is gone")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/routes", "/api/report"])
def test_head_is_answered_like_get(tmp_path, relay, path):
    asking = client(tmp_path, config=config(relay))

    assert asking.head(path).status_code == asking.get(path).status_code == 200
    assert asking.head(path).headers["content-type"] == asking.get(path).headers["content-type"]
