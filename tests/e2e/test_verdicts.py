"""What the report says, and why, of students that agree, fail, are set up wrongly, or are renamed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.fakes.chat import chat_reply
from tests.fakes.running import Running
from tests.fakes.upstream import Reply, Seen, Upstream, json_reply

LABELS = ("refund", "delivery", "password", "invoice")


def label_of(seen: Seen) -> str:
    return LABELS[len(seen.json["messages"][-1]["content"]) % len(LABELS)]


def answering(seen: Seen) -> Reply:
    return chat_reply(seen, label_of(seen), model="m")


def unavailable_half_of_the_time(seen: Seen) -> Reply:
    if sum(seen.body) % 2:
        return json_reply({"error": {"message": "down", "type": "server_error"}}, status=500)
    return answering(seen)


def refusing_the_set_up(_: Seen) -> Reply:
    return json_reply({"error": {"message": "unknown field", "type": "invalid_request_error"}}, status=400)


@pytest.fixture
def student():
    with Upstream(answering) as upstream:
        yield upstream


@pytest.fixture
def running(tmp_path, student):
    with Upstream(answering) as teacher:
        route = {
            "name": "intents",
            "match": {"path": "/v1/chat/completions"},
            "teacher": {"url": teacher.url},
            "students": [{"name": "small", "url": student.url, "model": "m", "version": "one"}],
            "comparators": [{"use": "label"}],
            "segments": ["length"],
            "gate": {"min_days": 0, "min_pairs": 200},
        }
        with Running(tmp_path, {"routes": [route]}) as started:
            yield started


def send(running: Running, count: int) -> None:
    client = openai.OpenAI(base_url=running.url, api_key="sk-test", max_retries=0)

    def ask(number: int) -> None:
        asked = f"Question {number} of a customer" + "." * (number % 7)
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": asked}])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(count)))


def test_a_student_that_agrees_promotes(running):
    send(running, 300)
    running.settled(300)

    entry = running.report()["routes"][0]

    assert entry["verdict"] == "promote", entry["reasons"]
    assert entry["agreement"]["estimate"] == 1.0
    assert entry["missing"] == {"share": 0.0, "kinds": {}}


def test_a_student_that_is_down_half_of_the_time_never_promotes_and_the_reasons_say_why(running, student):
    student.handler = unavailable_half_of_the_time
    send(running, 300)
    running.settled(300)

    entry = running.report()["routes"][0]

    assert entry["verdict"] != "promote"
    assert entry["missing"]["kinds"]["unavailable"] > 30
    assert any("missing" in reason for reason in entry["reasons"]), entry["reasons"]
    assert entry["agreement"]["estimate"] in {1.0, None}
    assert entry["agreement"]["lower"] < 0.95 < entry["agreement"]["upper"]
    assert "student_errors" in entry
    assert sum(entry["student_errors"].values()) == entry["missing"]["kinds"]["unavailable"]


def test_a_student_that_is_set_up_wrongly_is_called_misconfigured_and_not_wrong(running, student):
    student.handler = refusing_the_set_up
    send(running, 250)
    running.settled(250)

    entry = running.report()["routes"][0]

    assert entry["missing"]["kinds"] == {"misconfigured": 250}
    assert entry["kinds"] == {}
    assert entry["verdict"] == "undecided"
    assert "misconfigured" in entry["reasons"][0]


def test_a_renamed_version_begins_new_evidence_and_the_old_one_stays_readable(running):
    send(running, 220)
    running.settled(220)
    first = running.report()["routes"][0]

    running.config["routes"][0]["students"][0]["version"] = "two"
    running.write_config()
    from tests.fakes.running import wait_for

    def reloaded() -> bool:
        return running.admin("/api/routes")["routes"][0]["students"][0]["version"] == "two"

    wait_for(reloaded, what="the changed file is taken over")
    wait_for(lambda: _version_of_a_new_pair(running) == "two", what="the worker works with the new version")
    second = running.report()["routes"][0]
    again = running.report("--evidence", str(first["evidence_id"]))["routes"][0]

    assert second["version"] == "two"
    assert second["evidence_number"] == first["evidence_number"] + 1
    assert second["pairs"] < 100
    assert second["verdict"] == "undecided"
    assert (again["version"], again["pairs"]) == ("one", first["pairs"])


def _version_of_a_new_pair(running: Running) -> str:
    send(running, 1)
    running.settled(0)
    return running.pairs("--limit", "1")[0]["version"]
