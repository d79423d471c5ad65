"""Endpoints that do not answer, are busy, or refuse what they are sent."""

import pytest

from comparators.asking.client import (
    EndpointAnswerError,
    EndpointFailedError,
    EndpointOverloadedError,
    EndpointRefusedError,
    EndpointTimeoutError,
    EndpointUnreachableError,
)
from tests.comparators.judge_asking import BAD, GOOD, ask, ask_one, judge
from tests.fakes.judges import fair, judging
from tests.fakes.upstream import Reply, Upstream, json_reply


def closing(seen):
    raise ConnectionResetError


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (lambda _: Reply(hang=True), EndpointTimeoutError),
        (lambda _: Reply(status=500), EndpointFailedError),
        (lambda _: Reply(status=429, headers=[("retry-after", "86400")]), EndpointOverloadedError),
        (lambda _: Reply(status=400), EndpointRefusedError),
        (closing, EndpointUnreachableError),
        (lambda _: json_reply({"choices": []}), EndpointAnswerError),
        (lambda _: json_reply([1]), EndpointAnswerError),
    ],
    ids=["slow", "failing", "overloaded", "refusing", "closing", "no choice", "no object"],
)
def test_a_judge_that_does_not_answer_is_told_by_the_name_of_the_error(handler, error):
    with Upstream(handler) as upstream:
        timeout = "500ms" if error is EndpointTimeoutError else "20s"
        with pytest.raises(error) as wrong:
            ask_one(judge(upstream.url, timeout=timeout, api_key="sk-secret"), GOOD, BAD)

    assert type(wrong.value) is error
    assert not [text for text in (GOOD, BAD, "sk-secret") if text in repr(wrong.value)]


def test_a_judge_that_is_busy_is_asked_again_when_it_says():
    def busy_once(seen):
        return Reply(status=429, headers=[("retry-after", "0")]) if len(upstream.seen) == 1 else judging(fair)(seen)

    with Upstream(busy_once) as upstream:
        assert ask_one(judge(upstream.url), BAD, GOOD).agree
    assert len(upstream.seen) == 2


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        ({"response_format"}, "'response_format' of type 'json_schema' is not supported"),
        ({"response_format"}, "unknown field"),
        ({"temperature"}, "Unsupported value: 'temperature' does not support 0 with this model."),
        ({"response_format", "temperature"}, ""),
    ],
)
def test_fields_that_an_endpoint_refuses_are_left_out_from_then_on(refused, message):
    def particular(seen):
        sent = refused & seen.json.keys()
        told = message or " ".join(sorted(sent)[:1])
        return json_reply({"error": {"message": told}}, status=400) if sent else judging(fair)(seen)

    with Upstream(particular) as upstream:
        comparator = judge(upstream.url)
        assert ask_one(comparator, BAD, GOOD).agree
        before = len(upstream.seen)
        assert ask_one(comparator, GOOD, BAD).kinds == ("judged_worse",)

    assert before == 1 + len(refused)
    assert len(upstream.seen) == before + 1
    assert {"model", "messages"} <= upstream.seen[-1].json.keys()
    assert {"response_format", "temperature"} - refused <= upstream.seen[-1].json.keys()


def test_what_is_refused_for_another_reason_is_not_held_against_a_field():
    """A prompt that is too long says nothing of the fields beside it."""

    def short_of_memory(seen):
        if b"enormous" in seen.body:
            return json_reply({"error": {"message": "context length exceeded"}}, status=400)
        return judging(fair)(seen)

    with Upstream(short_of_memory) as upstream:
        comparator = judge(upstream.url)
        [said] = ask(comparator, ("enormous", BAD))
        assert isinstance(said, EndpointRefusedError)
        ask_one(comparator, GOOD, BAD)

    assert "response_format" in upstream.seen[-1].json
