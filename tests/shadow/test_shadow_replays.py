"""The teacher asked a second time: what it is asked, with which key, and what is made of its answer."""

from __future__ import annotations

import time

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from proxy.analyst.report import build_report
from proxy.shadow.replays import is_replayed
from proxy.store.base import PairFilter
from proxy.store.records import TEACHER_REPLAY
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import TEACHER, exchange, student, world

OURS = "sk-ours"


def saying(content, model=TEACHER):
    return json_reply(chat_completion(content, model=model))


def always(content, model=TEACHER):
    return lambda _: saying(content, model)


def route(upstream, **more):
    keyed = {"url": upstream.url, "replay_api_key": OURS} | more.pop("teacher", {})
    return {"teacher": keyed, "noise_floor": {"share": 1.0}} | more


def replays(there):
    return list(there.store.pairs(PairFilter(student=TEACHER_REPLAY)))


def entry(there):
    [only] = build_report(there.config, there.store, now=time.time() + 600, unsettled=None)["routes"]
    return only


def test_it_is_asked_the_same_with_our_key_and_without_what_would_act_twice(tmp_path):
    asked = {
        "temperature": 0.7, "seed": 4, "logit_bias": {"1": -100}, "service_tier": "flex", "stream": True,
        "stream_options": {"include_usage": True}, "store": True, "metadata": {"a": "b"}, "user": "u",
        "safety_identifier": "s", "prompt_cache_key": "k",
    }  # fmt: skip
    with Upstream(always("four")) as teacher, world(tmp_path, **route(teacher)) as there:
        there.run(exchange(body=asked))
        [seen] = teacher.seen

    assert seen.header("authorization") == f"Bearer {OURS}"
    assert seen.header("cache-control") == "no-cache"
    assert seen.path == "/v1/chat/completions"
    assert seen.json == {
        "model": "teacher-1", "messages": [{"role": "user", "content": "two and two?"}], "temperature": 0.7, "seed": 4,
        "logit_bias": {"1": -100}, "service_tier": "flex",
    }  # fmt: skip


def test_an_azure_deployment_is_asked_where_the_client_asked_it(tmp_path):
    path = "/openai/deployments/big/chat/completions"
    with Upstream(always("four")) as teacher:
        bare = {"url": teacher.url.removesuffix("/v1")}
        with world(tmp_path, **route(teacher, teacher=bare)) as there:
            there.run(exchange(path=path, api_version="2024-10-21", request=b'{"messages": [{"role": "user"}]}'))
        [seen] = teacher.seen

    assert seen.target == f"{path}?api-version=2024-10-21"
    assert seen.header("api-key") == OURS
    assert seen.header("authorization") is None


def test_the_difference_is_paired_and_the_floor_reported(tmp_path):
    answers = iter(["four", "five", "four", "four"])
    with Upstream(lambda _: saying(next(answers))) as teacher, Upstream(always("four", "student-1")) as small:
        with world(tmp_path, student(url=small.url), **route(teacher)) as there:
            there.run(*(exchange(number) for number in range(4)))
            told = entry(there)

    assert told["agreement"]["estimate"] == 1.0
    assert told["noise_floor"]["estimate"] == 0.75
    assert told["noise_floor"]["pairs"] == 4
    assert told["noise_floor"]["lower"] < 0.75 < told["noise_floor"]["upper"]
    assert told["difference"]["estimate"] == pytest.approx(0.25)
    assert told["relative_agreement"]["estimate"] == pytest.approx(1 / 0.75)
    assert told["relative_agreement"]["lower"] < 1 < told["relative_agreement"]["upper"]


def test_it_is_no_student(tmp_path):
    with Upstream(always("five")) as teacher, Upstream(always("four", "student-1")) as small:
        with world(tmp_path, student(url=small.url), **route(teacher)) as there:
            pairs = there.run(exchange())
            page = generate_latest(there.registry).decode()

    assert [pair.pair.student for pair in pairs] == ["small"]
    samples = [each for family in text_string_to_metric_families(page) for each in family.samples]
    assert {each.labels["student"] for each in samples if each.name.startswith("understudy_pairs")} == {"small"}
    roles = {each.labels["role"] for each in samples if each.name == "understudy_upstream_duration_seconds_count"}
    assert roles == {"student", "teacher_replay"}
    assert not any(each.labels.get("student") == TEACHER_REPLAY for each in samples)


def test_a_route_without_students_has_its_floor(tmp_path):
    with Upstream(always("four")) as teacher, world(tmp_path, **route(teacher)) as there:
        there.run(exchange())
        told = entry(there)
        [replay] = replays(there)

    assert replay.pair.outcome == "agreed"
    assert told["student"] is None
    assert told["noise_floor"]["estimate"] == 1.0


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (json_reply({"error": {"message": "busy"}}, status=500), "unavailable"),
        (json_reply({"error": {"message": "no such key"}}, status=401), "misconfigured"),
        (json_reply(chat_completion("", model=TEACHER)), "disagreed"),
    ],
)
def test_what_goes_wrong_is_missing_as_with_a_student(tmp_path, reply, outcome):
    with Upstream(lambda _: reply) as teacher, Upstream(always("four", "student-1")) as small:
        with world(tmp_path, student(url=small.url), **route(teacher)) as there:
            [pair] = there.run(exchange())
            [replay] = replays(there)

    assert pair.pair.outcome == "agreed"
    assert replay.pair.outcome == outcome
    assert OURS not in str(replay)


def test_the_share_is_drawn_by_unit_apart_from_the_sample():
    units = [f"{number:032x}" for number in range(4000)]

    drawn = [unit for unit in units if is_replayed(unit, 0.1)]

    assert 320 < len(drawn) < 480
    assert set(drawn) <= {unit for unit in units if is_replayed(unit, 0.2)}


def test_what_was_not_live_is_not_asked_again(tmp_path):
    with Upstream(always("four")) as teacher, world(tmp_path, **route(teacher)) as there:
        there.run(exchange(source="import"))
        assert teacher.seen == []
