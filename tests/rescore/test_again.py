"""What is stored, scored again, says what it said when it was live: unless something was taken out of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import Answer
from comparators.running import InPlace
from proxy.config.model import Config
from proxy.definition import build_comparators
from proxy.rescore.again import Comparison, Definition, look_at, scored_again, stored_answer
from proxy.shadow.asking import HttpAnswer
from proxy.shadow.exchanges import Terms, read_exchange
from proxy.shadow.failures import failure_of
from proxy.shadow.pairs import compared, judge, judge_failure, not_asked, without_answer
from proxy.shadow.redaction import redactor
from proxy.shadow.scoring import score_pair
from proxy.shadow.students import StudentAnswer
from proxy.store.base import PairFilter
from proxy.store.records import AnswerRecord, RescoredPair, Settlement, StoredPair
from proxy.store.sqlite import SQLiteStore
from tests.fakes.chat import chat_completion, chat_events
from tests.shadow.shadow_world import exchange, student

COMPARATORS = [{"use": "auto"}, {"use": "text", "agree_at": 0.7}, {"use": "exact"}, {"use": "number"}]
STUDENT = Config.model_validate(
    {
        "routes": [
            {
                "name": "r",
                "teacher": {"url": "http://127.0.0.1:9/v1"},
                "students": [student()],
                "comparators": COMPARATORS,
            }
        ]
    }
).routes[0]


def terms(*redact: str) -> Terms:
    return Terms(
        route=STUDENT,
        definition="live",
        comparators=build_comparators(STUDENT),
        redact=redactor(redact),
        salt=b"salt",
        limit=2**24,
    )


UNREDACTED = terms()
AGAIN = Definition(hash="again", comparators=UNREDACTED.comparators)


def lived(of: Terms, teacher: bytes, answer: bytes, *, status: int = 200, **fields: Any) -> StoredPair:
    """The pair as a worker makes it, once stored and read back."""
    read = read_exchange(exchange(response=teacher, **fields), of)
    configured = STUDENT.students[0]
    if read.trouble is not None:
        made = not_asked(of, configured, read.trouble.outcome)
    elif status != 200:
        failure = failure_of(status, answer)
        judged = judge_failure(read, failure)
        made = without_answer(of, configured, failure) if judged is None else score(of, read, judged)
    else:
        http = HttpAnswer(
            status=200,
            body=answer,
            content_type="",
            content_encoding="",
            retry_after=None,
            latency=0.1,
            first_byte=None,
        )
        made = score(of, read, judge(of, configured, read, StudentAnswer(http=http, model="m", streamed=False)))
    with tempfile.TemporaryDirectory() as directory, closing(SQLiteStore(Path(directory) / "understudy.db")) as store:
        store.record([Settlement(exchange=read.record, pairs=(made,))])
        [stored] = store.pairs(PairFilter())
    return stored


def score(of: Terms, read, judged):
    if not judged.comparable:
        return compared(of, STUDENT.students[0], judged, None)
    asked = score_pair(of.comparators, read.request, read.teacher, judged.answer, redact=of.redact, runner=InPlace())
    return compared(of, STUDENT.students[0], judged, asyncio.run(asked))


def rescored(stored: StoredPair, *, text_since: float = 0.0) -> RescoredPair:
    seen = look_at(stored, AGAIN, text_since=text_since)
    if isinstance(seen, RescoredPair):
        return seen
    asked = score_pair(
        AGAIN.comparators, seen.request, seen.teacher, seen.student, redact=lambda _: None, runner=InPlace()
    )
    return scored_again(stored, AGAIN, asyncio.run(asked))


def said(pair) -> dict[str, Any]:
    return {label: (score.score, score.agree, score.kinds) for label, score in pair.scores.items()}


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="["), max_size=30),
    st.sampled_from(
        ["", "the answer is 42", "the answer is 41.0", '{"a": 1, "b": [2]}', '{"b": [2], "a": 1.0}', "yes"]
    ),
)
ARGUMENTS = st.sampled_from(['{"city": "Oslo"}', '{"city": "Bergen"}', "not json", {"city": "Oslo"}])


@st.composite
def chats(draw) -> bytes:
    body = chat_completion(
        draw(TEXTS), model="m", finish_reason=draw(st.sampled_from(["stop", "length", "content_filter", "stop"]))
    )
    message: Any = body["choices"][0]["message"]  # type: ignore[index]
    if draw(st.booleans()):
        call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": draw(ARGUMENTS)}}
        message |= {"content": None, "tool_calls": [call]}
    elif draw(st.integers(0, 5)) == 0:
        message |= {"content": None, "refusal": "I cannot."}
    return msgspec.json.encode(body)


STREAMS = TEXTS.map(lambda text: b"".join(chat_events(text, model="m")))
ODD = st.sampled_from([b"", b"{}", b'{"error": {"message": "no"}}', b'{"choices": [{"message": {"content": 1}}]}'])
ANSWERS = st.one_of(chats(), STREAMS, ODD)


@given(ANSWERS, ANSWERS)
def test_the_same_definition_reproduces_the_live_scores_exactly(teacher, answer):
    stored = lived(UNREDACTED, teacher, answer)

    again = rescored(stored).pair

    assert again.outcome == stored.pair.outcome
    assert said(again) == said(stored.pair)
    assert (again.definition, again.decides) == ("again", "auto")


@pytest.mark.parametrize(
    ("surface", "teacher", "answer"),
    [
        (
            "embeddings",
            {"object": "list", "model": "e", "data": [{"index": 0, "embedding": [0.1, 1 / 3, 1e-9]}]},
            {"object": "list", "model": "e", "data": [{"index": 0, "embedding": [0.1, 0.3, 1e-9]}]},
        ),
        (
            "completions",
            {"object": "text_completion", "model": "m", "choices": [{"text": "a b c", "finish_reason": "stop"}]},
            {"object": "text_completion", "model": "m", "choices": [{"text": "a b d", "finish_reason": "stop"}]},
        ),
        (
            "responses",
            {
                "object": "response",
                "model": "m",
                "status": "completed",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "nineteen"}]}],
            },
            {
                "object": "response",
                "model": "m",
                "status": "completed",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "ninety"}]}],
            },
        ),
    ],
)
def test_so_it_does_on_every_surface(surface, teacher, answer):
    stored = lived(
        UNREDACTED,
        msgspec.json.encode(teacher),
        msgspec.json.encode(answer),
        surface=surface,
        path=f"/v1/{surface}",
        request=b'{"model": "m", "input": ["a"], "prompt": "a"}',
    )
    assert stored.pair.outcome in {"agreed", "disagreed"}
    assert said(rescored(stored).pair) == said(stored.pair) != {}


CHAT = msgspec.json.encode(chat_completion("four", model="m"))
FILTERED = msgspec.json.encode(chat_completion("", model="m", finish_reason="content_filter"))


@pytest.mark.parametrize(
    ("teacher", "answer", "status", "outcome"),
    [
        (CHAT, b'{"error": {"code": "context_length_exceeded"}}', 400, "disagreed"),
        (CHAT, b'{"error": {"code": "content_filter"}}', 400, "disagreed"),
        (FILTERED, b'{"error": {"code": "content_filter"}}', 400, "agreed"),
        (CHAT, b"not json", 200, "disagreed"),
        (CHAT, FILTERED, 200, "disagreed"),
        (CHAT, b"", 500, "unavailable"),
        (CHAT, b"", 429, "unavailable"),
        (CHAT, b"{}", 401, "misconfigured"),
        (b'{"error": {}}', CHAT, 200, "teacher_error"),
    ],
)
def test_what_could_not_be_used_stays_a_disagreement_and_what_is_missing_missing(teacher, answer, status, outcome):
    stored = lived(UNREDACTED, teacher, answer, status=status)
    assert stored.pair.outcome == outcome

    again = rescored(stored)

    assert again.pair.outcome == outcome
    assert said(again.pair) == said(stored.pair)
    assert again.pair.answer == stored.pair.answer


@pytest.mark.parametrize(
    ("teacher", "answer"),
    [
        ("Call 0171 2345678.", "Call 0171 2345678."),
        ("Call 0171 2345678.", "Call 0171 9999999."),
        ("Write to jo@example.org", "Write to us"),
        ("No.", "Write to jo@example.org"),
        ('{"mail": "jo@example.org"}', '{"mail": "al@example.org"}'),
    ],
)
def test_what_was_taken_out_of_an_answer_is_neither_the_same_nor_changed(teacher, answer):
    of = terms("email", "phone")
    encoded = [msgspec.json.encode(chat_completion(text, model="m")) for text in (teacher, answer)]

    again = rescored(lived(of, *encoded))

    assert (again.pair.outcome, again.pair.scores) == ("redacted", {})


def test_so_it_is_with_arguments_of_tools():
    def calling(mail: str) -> bytes:
        body = chat_completion("", model="m", finish_reason="tool_calls")
        call = {"id": "c", "type": "function", "function": {"name": "send", "arguments": f'{{"to": "{mail}"}}'}}
        body["choices"][0]["message"] |= {"content": None, "tool_calls": [call]}  # type: ignore[index]
        return msgspec.json.encode(body)

    stored = lived(terms("email"), calling("jo@example.org"), calling("al@example.org"))
    assert rescored(stored).pair.outcome == "redacted"


def test_what_was_taken_out_of_the_request_alone_is_noted():
    body = {"messages": [{"role": "user", "content": "I am jo@example.org"}]}
    stored = lived(terms("email"), CHAT, CHAT, body=body)

    again = rescored(stored)

    assert (again.pair.outcome, again.redacted_request) == ("agreed", True)
    assert not rescored(lived(UNREDACTED, CHAT, CHAT, body=body)).redacted_request


def test_an_answer_that_cannot_be_used_is_a_disagreement_whatever_was_taken_out_of_it():
    cut = msgspec.json.encode(chat_completion("jo@example.org", model="m", finish_reason="length"))
    assert rescored(lived(terms("email"), CHAT, cut)).pair.outcome == "disagreed"


def test_text_past_its_retention_is_not_looked_at_even_where_it_still_is():
    stored = lived(UNREDACTED, CHAT, CHAT)
    assert rescored(stored, text_since=time.time() + 60).pair.outcome == "forgotten"


def test_a_pair_whose_text_somebody_deleted_is_left_out_but_what_is_missing_stays():
    gone = lived(UNREDACTED, CHAT, CHAT)
    gone = msgspec.structs.replace(gone, exchange=msgspec.structs.replace(gone.exchange, request=None))
    assert rescored(gone).pair.outcome == "forgotten"

    down = lived(UNREDACTED, CHAT, b"", status=503)
    bare = msgspec.structs.replace(down, exchange=msgspec.structs.replace(down.exchange, request=None, teacher=None))
    assert rescored(bare).pair.outcome == "unavailable"


def test_scores_by_the_very_definition_are_taken_over_as_they_are():
    secret = terms("email")
    stored = lived(secret, *[msgspec.json.encode(chat_completion("jo@example.org", model="m"))] * 2)

    taken = look_at(stored, Definition(hash="live", comparators=secret.comparators), text_since=0.0)

    assert isinstance(taken, RescoredPair)
    assert taken.pair == stored.pair


def test_where_the_deciding_comparator_fails_the_pair_is_missing():
    stored = lived(UNREDACTED, CHAT, CHAT)
    numbers = Definition(hash="n", comparators=[("bad", Broken()), *AGAIN.comparators])
    seen = look_at(stored, numbers, text_since=0.0)
    assert isinstance(seen, Comparison)
    asked = score_pair(
        numbers.comparators, seen.request, seen.teacher, seen.student, redact=lambda _: None, runner=InPlace()
    )
    assert scored_again(stored, numbers, asyncio.run(asked)).pair.missing == "unscored"


@pytest.mark.parametrize("again", [AGAIN, msgspec.structs.replace(AGAIN, hash="live")], ids=["another", "the same"])
def test_a_pair_that_a_comparator_failed_on_is_compared_once_it_is_mended(again):
    broken = msgspec.structs.replace(UNREDACTED, comparators=(("bad", Broken()), *UNREDACTED.comparators))
    stored = lived(broken, CHAT, CHAT)
    assert stored.pair.outcome == "unscored"

    seen = look_at(stored, again, text_since=0.0)

    assert isinstance(seen, Comparison)
    asked = score_pair(
        again.comparators, seen.request, seen.teacher, seen.student, redact=lambda _: None, runner=InPlace()
    )
    mended = scored_again(stored, again, asyncio.run(asked)).pair
    assert (mended.outcome, mended.decides, mended.definition) == ("agreed", "auto", again.hash)


def test_a_pair_that_was_unscored_as_nothing_could_be_read_stays_so():
    stored = lived(UNREDACTED, CHAT, CHAT)
    lost = not_asked(UNREDACTED, STUDENT.students[0], "unscored", "given up")

    assert rescored(msgspec.structs.replace(stored, pair=lost)).pair.outcome == "unscored"


class Broken(type(AGAIN.comparators[2][1])):  # type: ignore[misc]
    def compare(self, request, teacher, student):
        raise ZeroDivisionError


def test_an_answer_without_a_body_is_how_it_ended():
    assert stored_answer("chat/completions", AnswerRecord(finish_reason="content_filter")) == Answer(
        finish_reason="content_filter"
    )
