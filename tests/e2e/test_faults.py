"""Whatever breaks behind the relay, clients get the teacher's bytes, and every exchange is accounted for."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.fakes.chat import chat_completion, chat_events, chat_reply
from tests.fakes.running import Running, wait_for
from tests.fakes.upstream import Reply, Seen, Upstream, json_reply

COUNT = 120


def answering(seen: Seen) -> Reply:
    return chat_reply(seen, "refund the order", model="m")


STUDENTS = {
    "hangs": lambda _: Reply(hang=True),
    "drips a byte a second": lambda _: Reply(pieces=[b"x"] * 1000, pause=1.0),
    "sends garbage": lambda _: Reply(pieces=[b"\xff\x00 not json"]),
    "fails with 500": lambda _: json_reply({"error": {"message": "no"}}, status=500),
    "closes early": lambda _: Reply(pieces=[b'{"id":', b'"x"}'], abort_after=1),
    "floods": lambda _: Reply(pieces=[b"x" * 65536] * 1024, chunked=True),
}


def configuration(teacher: Upstream, student_url: str, **student: object) -> dict:
    settings = {"name": "small", "url": student_url, "model": "m", "timeout": "1s", **student}
    route = {
        "name": "intents",
        "match": {"path": "/v1/chat/completions"},
        "teacher": {"url": teacher.url},
        "students": [settings],
        "comparators": [{"use": "exact"}],
        "gate": {"min_days": 0},
    }
    return {"routes": [route], "limits": {"decoded": "1MiB"}}


def ask(running: Running, number: int, *, stream: bool = False) -> bytes:
    """One request on a connection of its own; the answer's bytes."""
    host, port = running.config["listen"].rsplit(":", 1)
    body = {"model": "m", "messages": [{"role": "user", "content": f"question {number}"}]}
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request(
            "POST",
            "/v1/chat/completions",
            msgspec.json.encode({**body, "stream": True} if stream else body),
            {"content-type": "application/json", "authorization": "Bearer sk-client"},
        )
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()
    finally:
        connection.close()


WHOLE = msgspec.json.encode(chat_completion("refund the order", model="m"))
STREAMED = b"".join(chat_events("refund the order", model="m"))


def ask_many(running: Running, count: int = COUNT) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number, body in enumerate(pool.map(lambda n: ask(running, n, stream=bool(n % 2)), range(count))):
            assert body == (STREAMED if number % 2 else WHOLE)


@pytest.mark.parametrize("fault", STUDENTS)
def test_a_student_that_fails_is_not_felt_and_every_exchange_counts(tmp_path, fault):
    with Upstream(answering) as teacher, Upstream(STUDENTS[fault]) as student:
        config = configuration(teacher, student.url, concurrency=64)
        with Running(tmp_path, config) as running:
            ask_many(running)
            running.settled(COUNT)
            entry = running.report()["routes"][0]

    assert entry["pairs"] == COUNT
    assert sum(entry["missing"]["kinds"].values()) + sum(entry["kinds"].values()) == COUNT
    assert entry["verdict"] != "promote"
    assert entry["agreement"]["lower"] == pytest.approx(0.0, abs=1e-6)


def test_an_unreachable_student_is_missing_as_unavailable(tmp_path):
    with Upstream(answering) as teacher:
        with Running(tmp_path, configuration(teacher, "http://127.0.0.1:9/v1")) as running:
            ask_many(running)
            running.settled(COUNT)
            entry = running.report()["routes"][0]

    assert entry["missing"]["kinds"] == {"unavailable": COUNT}


def test_a_shadow_worker_killed_again_and_again_during_load_loses_nothing(tmp_path):
    with Upstream(answering) as teacher, Upstream(answering) as student:
        with Running(tmp_path, configuration(teacher, student.url)) as running:
            over = threading.Event()

            def kill() -> int:
                kills = 0
                while not (kills and over.wait(0.4)):
                    for pid in running.children("shadow"):
                        os.kill(pid, signal.SIGKILL)
                        kills += 1
                return kills

            with ThreadPoolExecutor(1) as killer:
                kills = killer.submit(kill)
                for _ in range(3):
                    ask_many(running)
                over.set()
                kills.result()

            wait_for(lambda: running.total("understudy_captures_total") == 3 * COUNT, what="captures")
            wait_for(lambda: running.total("understudy_journal_depth") == 0, what="an empty journal", seconds=90)
            entry = running.report()["routes"][0]
            ids = [pair["id"] for pair in running.pairs()]

    assert len(ids) == len(set(ids)) == 3 * COUNT
    assert entry["pairs"] == 3 * COUNT
    assert entry["agreement"]["estimate"] == 1.0


def test_a_relay_killed_under_load_keeps_what_it_committed_and_goes_on(tmp_path):
    with Upstream(answering) as teacher, Upstream(answering) as student:
        with Running(tmp_path, configuration(teacher, student.url)) as running:
            ask_many(running)
            running.settled(COUNT)
            (first,) = running.children("relay")
            over = threading.Event()
            broken, right = [], []

            def keep_asking(worker: int) -> None:
                while not over.is_set():
                    try:
                        right.append(ask(running, worker))
                    except (OSError, http.client.HTTPException) as error:
                        broken.append(error)

            with ThreadPoolExecutor(4) as pool:
                tasks = [pool.submit(keep_asking, worker) for worker in range(4)]
                wait_for(lambda: len(right) > 50, what="load")
                os.kill(first, signal.SIGKILL)
                wait_for(lambda: running.children("relay") not in ([], [first]), what="a new relay")
                served = len(right)
                wait_for(lambda: len(right) > served + 50, what="answers from the new relay")
                over.set()
                for task in tasks:
                    task.result()

            wait_for(lambda: running.total("understudy_journal_depth") == 0, what="an empty journal")
            pairs = running.pairs()

    assert set(right) == {WHOLE}
    assert len({pair["id"] for pair in pairs}) == len(pairs)
    assert COUNT < len(pairs) <= COUNT + len(right) + len(broken)
    assert all(pair["agree"] for pair in pairs)


@contextmanager
def tiny_disk(where: Path, size: str) -> Iterator[Path]:
    """A file system with next to no room, where mounting is allowed."""
    where.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where)], check=False)
    if done.returncode != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_full_disk_is_not_felt_and_what_was_journaled_is_stored_once_there_is_room(tmp_path):
    with tiny_disk(tmp_path / "disk", "8m") as disk, Upstream(answering) as teacher, Upstream(answering) as student:
        config = configuration(teacher, student.url) | {"store": f"sqlite:///{disk}/understudy.db"}
        with Running(tmp_path, config) as running:
            ask_many(running)
            running.settled(COUNT)
            room = shutil.disk_usage(disk).free
            filler = disk / "filler"
            filler.write_bytes(b"\0" * room)

            ask_many(running, 2 * COUNT)
            assert running.admin("/readyz")["relay"] == "ok"
            wait_for(lambda: running.total("understudy_captures_total") == 3 * COUNT, what="captures counted")
            filler.unlink()

            wait_for(lambda: running.total("understudy_journal_depth") == 0, what="an empty journal", seconds=90)
            ask_many(running)
            running.settled(4 * COUNT)
            outcomes = running.by("understudy_captures_total", "outcome")

            def accounted() -> bool:
                entry = running.report()["routes"][0]
                missing = sum(entry["missing"]["kinds"].values())
                lost = outcomes.get("failed", 0) + outcomes.get("shed", 0)
                return entry["pairs"] + lost == 4 * COUNT and missing == lost

            wait_for(accounted, what="lost captures to show as missing")
            entry = running.report()["routes"][0]

    assert set(outcomes) <= {"journaled", "failed", "shed"}
    assert outcomes["journaled"] >= 2 * COUNT
    assert entry["agreement"]["estimate"] == 1.0


def test_clients_that_leave_right_after_the_terminal_event_are_captured(tmp_path):
    """As the openai package's streams do: they close the connection once they have seen [DONE]."""

    def lingering(seen: Seen) -> Reply:
        events = chat_events("refund the order", model="m")
        return Reply(
            headers=(("content-type", "text/event-stream"),),
            pieces=[b"".join(events), b": the server keeps the connection open\n\n"] * 1,
            chunked=True,
            pause=5.0,
        )

    with Upstream(lingering) as teacher, Upstream(answering) as student:
        with Running(tmp_path, configuration(teacher, student.url)) as running:
            host, port = running.config["listen"].rsplit(":", 1)
            for number in range(5):
                connection = http.client.HTTPConnection(host, int(port), timeout=20)
                body = {"model": "m", "messages": [{"role": "user", "content": f"question {number}"}], "stream": True}
                connection.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
                answer = connection.getresponse()
                seen = b""
                while b"data: [DONE]\n\n" not in seen:
                    seen += answer.read1(65536)
                connection.sock and connection.sock.close()
                answer.close()
                connection.close()
            running.settled(5)
            outcomes = running.by("understudy_captures_total", "outcome")

    assert outcomes == {"journaled": 5}
