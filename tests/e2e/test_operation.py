"""Reloading, stopping, pausing; credentials; what Prometheus reads."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest

from tests.fakes.chat import chat_completion, chat_reply
from tests.fakes.packages import needs
from tests.fakes.running import Running, free_port, understudy, wait_for
from tests.fakes.upstream import Reply, Seen, Upstream


def answering(seen: Seen) -> Reply:
    return chat_reply(seen, "refund the order", model="m")


@pytest.fixture
def student():
    with Upstream(answering) as upstream:
        yield upstream


@pytest.fixture
def teacher():
    with Upstream(answering) as upstream:
        yield upstream


@pytest.fixture
def running(tmp_path, teacher, student):
    route = {
        "name": "intents",
        "match": {"path": "/v1/chat/completions"},
        "teacher": {"url": teacher.url},
        "students": [{"name": "small", "url": student.url, "model": "m", "api_key": "sk-of-the-student"}],
        "segments": ["length", "tags", {"header": "x-tenant", "as": "tenant"}],
    }
    with Running(tmp_path, {"routes": [route], "workers": 2}) as started:
        yield started


def ask(running: Running, text: str = "hello", **headers: str) -> tuple[int, bytes]:
    host, port = running.config["listen"].rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    body = msgspec.json.encode({"model": "m", "user": "user-4711", "messages": [{"role": "user", "content": text}]})
    connection.request("POST", "/v1/chat/completions", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_a_changed_file_is_taken_over_and_a_broken_one_is_not(running, tmp_path):
    def sample() -> float:
        return running.admin("/api/routes")["routes"][0]["sample"]

    running.config["routes"][0]["sample"] = 0.5
    running.write_config()
    wait_for(lambda: sample() == 0.5, what="the change is taken over")

    running.config["routes"][0]["sample"] = 7
    running.write_config()
    wait_for(lambda: "configuration_refused" in running.log.read_text(), what="the broken file is refused")

    assert sample() == 0.5
    assert ask(running)[0] == 200


@pytest.mark.parametrize("broken", ["", "routes: [\n", "routes: [{name: a}]\n"])
def test_children_that_start_while_the_file_is_broken_have_the_configuration_in_force(running, broken):
    running.file.write_text(broken)
    wait_for(lambda: "configuration_refused" in running.log.read_text(), what="the broken file is refused")

    def running_now() -> dict[int, str]:
        return {pid: role for role in ("admin", "relay", "shadow") for pid in running.children(role)}

    def all_back() -> bool:
        now = running_now()
        return not now.keys() & before.keys() and sorted(now.values()) == sorted(before.values())

    before = running_now()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(all_back, what="every child is back")
    wait_for(running.ready, what="they are ready")

    assert ask(running)[0] == 200
    wait_for(lambda: running.total("understudy_pairs_total", outcome="agreed") == 1, what="its pair")


def test_sigterm_finishes_running_answers_flushes_the_journal_and_ends_with_0(running, teacher):
    under_way = threading.Event()

    def slowly(seen: Seen) -> Reply:
        under_way.set()
        return Reply(pieces=(msgspec.json.encode(chat_completion("late", model="m")),), delay=1.5)

    teacher.handler = slowly
    answers: list[tuple[int, bytes]] = []
    client = threading.Thread(target=lambda: answers.append(ask(running)))
    client.start()
    under_way.wait(10)

    status = running.stop()
    client.join()

    assert status == 0, running.log.read_text()
    assert answers[0][0] == 200
    assert b"late" in answers[0][1]
    running.start()
    wait_for(lambda: len(running.pairs()) == 1, what="the last exchange became a pair")


def test_pause_stops_shadowing_and_resume_goes_on(running, student, tmp_path):
    assert understudy("pause", "--config", str(running.file), cwd=tmp_path).returncode == 0

    def paused() -> float:
        ask(running)
        return running.by("understudy_captures_total", "outcome").get("paused", 0)

    wait_for(paused, what="a capture is counted as paused")
    wait_for(lambda: running.total("understudy_journal_depth") == 0, what="an empty journal")
    asked = len(student.seen)
    ask(running)
    assert len(student.seen) == asked

    assert understudy("resume", "--config", str(running.file), cwd=tmp_path).returncode == 0

    def shadowed() -> bool:
        ask(running)
        return len(student.seen) > asked

    wait_for(shadowed, what="the student is asked again")


def test_planted_credentials_show_up_at_their_upstream_alone(running, teacher, student, tmp_path):
    planted = {
        "authorization": "Bearer sk-leaky-authorization",
        "api-key": "leaky-api-key",
        "x-api-key": "leaky-x-api-key",
        "cookie": "session=leaky-cookie",
        "openai-organization": "leaky-organization",
        "openai-project": "leaky-project",
    }
    for number in range(5):
        ask(running, f"question {number}", **planted, **{"x-tenant": "acme"})
    running.settled(5)
    page = urllib.request.urlopen(running.admin_url + "/metrics").read()
    listed = msgspec.json.encode(running.pairs())

    def files_with(secret: bytes) -> list[Path]:
        return [file for file in Path(tmp_path).rglob("*") if file.is_file() and secret in file.read_bytes()]

    assert files_with(b"leaky") == []  # while it runs: the journal never holds a credential
    wait_for(lambda: files_with(b"user-4711") == [], what="the journal forgets the text of what is stored")
    running.stop()

    assert all(value.split()[-1] in str(teacher.seen[-1].headers) for value in planted.values())
    kept = {file: file.read_bytes() for file in Path(tmp_path).rglob("*") if file.is_file()}
    kept |= {"metrics": page, "pairs": listed, "student": repr(student.seen).encode()}
    for secret in (b"leaky", b"user-4711"):
        assert [name for name, content in kept.items() if secret in content] == []
    assert [name for name, content in kept.items() if b"sk-of-the-student" in content] in (
        [running.file, "student"],
        ["student", running.file],
    )
    assert student.seen[-1].header("authorization") == "Bearer sk-of-the-student"


def test_what_is_stored_is_nobody_elses_to_read(running, tmp_path):
    ask(running)
    running.settled(1)

    written = [tmp_path / "understudy.db", *(tmp_path / "understudy.journal").rglob("*")]
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_the_admin_plane_asks_for_its_tokens(tmp_path, teacher):
    config = {
        "routes": [{"name": "a", "teacher": {"url": teacher.url}}],
        "admin": {"listen": f"127.0.0.1:{free_port()}", "tokens": {"read": "may-read"}},
    }
    with Running(tmp_path, config) as running:

        def status(path: str, token: str | None = None) -> int:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            try:
                with urllib.request.urlopen(urllib.request.Request(running.admin_url + path, headers=headers)) as ok:
                    return ok.status
            except urllib.error.HTTPError as error:
                return error.code

        assert status("/healthz") == status("/readyz") == 200
        for path in ("/metrics", "/api/report", "/api/pairs", "/api/routes"):
            assert (status(path), status(path, "wrong"), status(path, "may-read")) == (401, 401, 200)


def test_probes_answer_head_too(running):
    for path in ("/healthz", "/readyz", "/metrics"):
        request = urllib.request.Request(running.admin_url + path, method="HEAD")
        with urllib.request.urlopen(request) as answer:
            assert (answer.status, answer.read()) == (200, b"")


def test_prometheus_reads_the_metrics_and_promtool_finds_nothing_wrong(running, tmp_path):
    prometheus, promtool = needs("prometheus", "prometheus"), needs("promtool", "prometheus")
    for number in range(20):
        ask(running, f"question {number}")
    running.settled(20)
    page = urllib.request.urlopen(running.admin_url + "/metrics").read()
    checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    ours = [line for line in checked.stderr.decode().splitlines() if "understudy_" in line]
    assert ours == []

    port = free_port()
    target = running.config["admin"]["listen"]
    scrape = f"scrape_configs: [{{job_name: u, scrape_interval: 1s, static_configs: [{{targets: ['{target}']}}]}}]\n"
    (tmp_path / "prometheus.yml").write_text(scrape)
    process = subprocess.Popen(
        [
            prometheus,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
    )
    try:

        def queried() -> list:
            query = "sum(understudy_captures_total)%20-%20sum(understudy_pairs_total)"
            url = f"http://127.0.0.1:{port}/api/v1/query?query={query}"
            try:
                with urllib.request.urlopen(url) as answer:
                    return msgspec.json.decode(answer.read())["data"]["result"]
            except OSError:
                return []

        result = wait_for(queried, what="Prometheus has scraped")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert float(result[0]["value"][1]) == 0


def test_each_role_serves_its_own_metrics_and_probes(tmp_path, teacher, student):
    listen = f"127.0.0.1:{free_port()}"
    route = {
        "name": "intents",
        "teacher": {"url": teacher.url},
        "students": [{"name": "small", "url": student.url, "model": "m"}],
    }
    store = f"sqlite:///{tmp_path}/understudy.db"
    folders = {role: tmp_path / role for role in ("relay", "shadow")}
    for folder in folders.values():
        folder.mkdir()

    def config() -> dict:
        return {"listen": listen, "admin": {"listen": f"127.0.0.1:{free_port()}"}, "store": store, "routes": [route]}

    with (
        Running(folders["relay"], config(), command="relay") as relay,
        Running(folders["shadow"], config(), command="shadow") as shadow,
    ):
        for number in range(10):
            ask(relay, f"question {number}")
        wait_for(lambda: shadow.total("understudy_pairs_total") == 10, what="pairs")
        assert relay.total("understudy_captures_total") == 10
        assert relay.children("shadow") == shadow.children("relay") == []
        assert shadow.total("understudy_captures_total") == 0
