"""What of a score's detail is stored, where redaction goes by the names of fields."""

import json

import pytest

from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import exchange, only, student, world


def said(password):
    return json.dumps({"name": "jane", "password": password})


@pytest.mark.parametrize("comparator", [{"use": "label", "field": "password"}, {"use": "json"}])
def test_a_detail_does_not_keep_the_secrets_that_are_taken_out_of_the_answers(tmp_path, comparator):
    teacher, given = (json_reply(chat_completion(said(word), model="m")) for word in ("hunter2", "swordfish"))
    with Upstream(lambda _: given) as upstream:
        with world(tmp_path, student(url=upstream.url), comparators=[comparator]) as there:
            pair = only(there.run(exchange(response=teacher.pieces[0])))

    [score] = pair.pair.scores.values()
    shown = json.dumps(score.detail)
    assert not score.agree
    assert "[secret]" in shown
    assert "hunter2" not in shown
    assert "swordfish" not in shown


def test_a_detail_shows_what_is_no_secret(tmp_path):
    teacher, given = (
        json_reply(chat_completion(json.dumps({"intent": word}), model="m")) for word in ("refund", "exchange")
    )
    with Upstream(lambda _: given) as upstream:
        with world(tmp_path, student(url=upstream.url), comparators=[{"use": "label", "field": "intent"}]) as there:
            pair = only(there.run(exchange(response=teacher.pieces[0])))

    assert pair.pair.scores["label"].detail == {"teacher": "refund", "student": "exchange"}
