"""What is sampled with which probability, what a budget leaves out, and how both are weighed in the end."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.fakes.chat import chat_reply
from tests.fakes.running import Running
from tests.fakes.upstream import Reply, Seen, Upstream


def teacher_answering(seen: Seen) -> Reply:
    return chat_reply(seen, "refund", model="m")


def student_answering(seen: Seen) -> Reply:
    wrong = "wrong" in seen.json["messages"][-1]["content"]
    return chat_reply(seen, "invoice" if wrong else "refund", model="m")


@pytest.fixture
def serve(tmp_path):
    with Upstream(teacher_answering) as teacher, Upstream(student_answering) as student:

        def started(*, student_more: dict | None = None, **route: object) -> Running:
            small = {"name": "small", "url": student.url, "model": "m", "concurrency": 1, **(student_more or {})}
            whole = {
                "name": "intents",
                "match": {"path": "/v1/chat/completions"},
                "teacher": {"url": teacher.url},
                "students": [small],
                "comparators": [{"use": "label"}],
                "segments": [{"header": "x-tenant", "as": "tenant"}],
                "gate": {"min_days": 0, "min_pairs": 100},
                **route,
            }
            return Running(tmp_path, {"routes": [whole]})

        yield started


def send(running: Running, count: int, text: str, model: str = "m", **headers: str) -> None:
    client = openai.OpenAI(base_url=running.url, api_key="sk-test", max_retries=0)

    def ask(number: int) -> None:
        messages = [{"role": "user", "content": f"Question {number} of {text} kind"}]
        client.chat.completions.create(model=model, messages=messages, extra_headers=headers)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(count)))


def test_shares_by_header_tag_and_model_are_recorded_and_weighed(serve):
    sample = {"tenant=acme": 1.0, "tier=free": 0, "model=big*": 0.25, "X-App=support": 1, "default": 0.5}
    with serve(sample=sample) as running:
        send(running, 60, "a right", **{"x-tenant": "acme"})
        send(running, 20, "a free", **{"x-understudy-tags": "tier=free"})
        send(running, 240, "a wrong", model="big-1")
        send(running, 20, "a supported", **{"x-app": "support"})
        send(running, 60, "any other")
        running.settled(400)

        captures = running.by("understudy_captures_total", "outcome")
        pairs = running.pairs("--limit", "1000")
        entry = running.report()["routes"][0]

    weights = Counter((pair["request"]["model"], pair["segments"]["tenant"], pair["weight"]) for pair in pairs)
    assert weights["m", "acme", 1.0] == 60
    assert weights["m", "none", 1.0] == 20
    assert {key[2] for key in weights if key[0] == "big-1"} == {4.0}
    assert {key[2] for key in weights} == {1.0, 2.0, 4.0}
    assert 30 < weights["big-1", "none", 4.0] < 90
    assert 15 < weights["m", "none", 2.0] < 45
    assert captures == {"journaled": len(pairs), "sampled_out": 400 - len(pairs)}
    agreed = sum(pair["weight"] for pair in pairs if pair["agree"])
    assert entry["agreement"]["estimate"] == pytest.approx(agreed / sum(pair["weight"] for pair in pairs))
    assert entry["agreement"]["lower"] < entry["agreement"]["estimate"] < entry["agreement"]["upper"]
    acme = next(segment for segment in entry["segments"] if segment["value"] == "acme")
    assert (acme["units"], acme["agreement"]["estimate"]) == (60, 1.0)


def test_a_spent_budget_pauses_its_student_also_after_a_restart(serve):
    """An answer costs 0.02 USD: 20 tokens at 1000 USD a million."""
    budget = {"price": {"input": 1000, "output": 0}, "budget": {"usd_per_day": 0.1}}
    with serve(student_more=budget) as running:
        send(running, 20, "one")
        running.settled(20)
        before = running.by("understudy_pairs_total", "outcome")
        running.stop()
        running.start()
        send(running, 20, "another")
        running.settled(20)

        pairs = running.pairs("--limit", "1000")
        entry = running.report()["routes"][0]

    assert before == {"agreed": 5, "paused": 15}
    assert Counter(pair["agree"] for pair in pairs) == {True: 5, None: 35}
    kinds = entry["excluded"]["kinds"]
    assert kinds["paused"] + kinds.get("sampled_out", 0) == 35
    assert entry["excluded"]["share"] == entry["excluded"]["over_budget_share"] > 0.2
    assert entry["verdict"] == "undecided"
    assert any("beyond its budget" in reason for reason in entry["reasons"])
