"""A pair as `understudy pairs` gives it."""

from __future__ import annotations

import json

import pytest

from proxy.store.pair_json import pair_json
from proxy.store.records import AnswerRecord, Settlement, StoredPair
from tests.store.store_builders import exchange, pair, stub

ANSWER = {
    "model",
    "status",
    "content",
    "tool_calls",
    "finish_reason",
    "usage",
    "latency_ms",
    "ttft_ms",
    "cost_usd",
    "response",
}  # fmt: skip


def as_json(exchange_record, pair_record):
    stored = StoredPair(id=f"{exchange_record.id}:{pair_record.student}", exchange=exchange_record, pair=pair_record)
    return json.loads(json.dumps(pair_json(stored)))


def test_a_pair_has_the_fields_of_the_contract():
    given = as_json(exchange("e1", at=1_790_000_000.1234 + 1, probability=0.25), pair("disagreed"))

    assert set(given) == {
        "id", "exchange_id", "time", "route", "surface", "student", "version", "teacher_version", "source", "request",
        "teacher", "student_answer", "scores", "agree", "missing", "segments", "weight", "labels",
    }  # fmt: skip
    assert given["id"] == "e1:small"
    assert given["time"] == "2026-09-21T14:13:20.123Z"
    assert given["weight"] == 4.0
    assert (given["agree"], given["missing"], given["labels"]) == (False, None, [])
    assert set(given["teacher"]) == ANSWER
    assert set(given["student_answer"]) == ANSWER | {"error"}
    assert given["student_answer"]["error"] is None
    assert given["student_answer"]["tool_calls"] == []
    assert given["scores"]["label"] == {"score": 0.0, "agree": False, "kinds": ["wrong_label"], "detail": None}
    assert given["segments"] == {"language": "en", "length": "short"}


def test_a_student_that_did_not_answer_has_an_error_alone():
    given = as_json(exchange(), pair("unavailable"))

    assert given["student_answer"] == {"error": {"kind": "timeout", "message": "why"}}
    assert (given["agree"], given["missing"]) == (None, "unavailable")


@pytest.mark.parametrize("outcome", ["teacher_error", "paused", "sampled_out"])
def test_what_is_outside_of_the_evidence_is_neither_agreement_nor_missing(outcome):
    given = as_json(stub(), pair(outcome, answer=AnswerRecord()))

    assert given["student_answer"] == {"error": {"kind": outcome, "message": ""}}
    assert (given["agree"], given["missing"], given["teacher"]) == (None, None, None)


def test_what_a_pair_weighs_survives_the_store(store):
    record = pair(probability_floor=0.05, thinning=0.5)
    store.record([Settlement(exchange=exchange("e1", probability=0.25), pairs=(record,))])

    assert pair_json(store.pair("e1:small"))["weight"] == 8.0
