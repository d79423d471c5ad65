"""CONTRACT.md's table, row by row: what happened to an exchange that was due for a student, and what it counts as."""

import asyncio
import gzip
import socket
import time

import msgspec
import pytest

from comparators.kinds import KINDS
from proxy.analyst.report import build_report
from proxy.shadow.failures import LONGEST_MESSAGE
from proxy.store.base import PairFilter
from tests.fakes.chat import chat_completion, chat_events, chat_reply
from tests.fakes.upstream import Reply, Upstream, json_reply, sse_reply
from tests.shadow.shadow_world import exchange, only, student, world

COMPARATORS = "tests.shadow.shadow_comparators"


def answering(content="four", **more):
    return lambda _: json_reply(chat_completion(content, model="student-1", **more))


def error(status, code="", message="no", headers=(), **fields):
    body = {"error": {"message": message, "type": "invalid_request_error", "code": code, **fields}}
    return lambda _: Reply(
        status=status, headers=[("content-type", "application/json"), *headers], pieces=(msgspec.json.encode(body),)
    )


def pair_of(tmp_path, handler, *, of=None, **more):
    with Upstream(handler) as upstream, world(tmp_path, student(url=upstream.url, **more)) as there:
        return only(there.run(of or exchange())).pair


@pytest.mark.parametrize(("said", "outcome"), [("four", "agreed"), ("five", "disagreed")])
def test_an_answer_is_scored(tmp_path, said, outcome):
    with Upstream(answering(said)) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        stored = only(there.run(exchange()))

        assert stored.pair.outcome == outcome
        assert stored.pair.scores["exact"].agree is (outcome == "agreed")
        assert stored.pair.answer.content == said
        assert stored.pair.answer.usage["output_tokens"] == 10
        assert stored.pair.answer.latency_ms > 0
        assert stored.exchange.teacher.content == "four"
        assert stored.exchange.teacher_version == "teacher-1"
        assert stored.exchange.teacher.latency_ms == 500
        assert there.counted("understudy_pairs_total", route="r", student="small", outcome=outcome) == 1
        assert upstream.seen[0].path == "/v1/chat/completions"
        assert upstream.seen[0].json["model"] == "student-1"


CANNOT_BE_USED = {
    "not JSON": (lambda _: Reply(pieces=(b"\x00\x01 garbage",)), "not_json"),
    "another shape": (lambda _: json_reply({"hello": 1}), "unusable_shape"),
    "no body": (lambda _: Reply(), "empty"),
    "an empty text": (answering(""), "empty"),
    "cut off by a limit": (answering("fo", finish_reason="length"), "truncated"),
    "cut off by a filter": (answering("fo", finish_reason="content_filter"), "filtered"),
    "context length exceeded": (error(400, "context_length_exceeded"), "context_length_exceeded"),
    "the same in vLLM's words": (
        error(400, 400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."),
        "context_length_exceeded",
    ),
    "refused by a filter before it began": (error(400, "content_filter"), "filtered"),
    "an error inside a 200": (lambda _: json_reply({"error": {"message": "x", "code": "boom"}}), "error_in_answer"),
}


@pytest.mark.parametrize("what", CANNOT_BE_USED)
def test_an_answer_that_cannot_be_used_is_a_disagreement_by_kind(tmp_path, what):
    handler, why = CANNOT_BE_USED[what]
    kind = why if why in KINDS else "student_error"

    with Upstream(handler) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        pair = only(there.run(exchange())).pair

        assert pair.outcome == "disagreed"
        assert pair.scores["exact"].score == 0
        assert pair.scores["exact"].kinds == (kind,)
        assert there.counted("understudy_disagreements_total", route="r", student="small", kind=kind) == 1
        for wanted in (kind, why):
            assert [found.pair for found in there.store.pairs(PairFilter(kind=wanted))] == [pair]
        [entry] = build_report(there.config, there.store, now=time.time() + 600, unsettled=None)["routes"]
        assert entry["kinds"] == {kind: 1}
        assert entry["student_errors"] == ({why: 1} if pair.answer.error else {})


@pytest.mark.parametrize("ending", ["length", "content_filter"])
def test_where_both_ended_alike_they_are_compared(tmp_path, ending):
    teacher = chat_completion("fo", model="teacher-1", finish_reason=ending)

    pair = pair_of(
        tmp_path,
        answering("fo", finish_reason=ending),
        of=exchange(response=msgspec.json.encode(teacher)),
    )

    assert pair.outcome == "agreed"


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "status_429"), (500, "status_5xx"), (503, "status_5xx"), (408, "status_408")]
)
def test_an_unavailable_student_is_missing(tmp_path, status, kind):
    with Upstream(error(status)) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        pair = only(there.run(exchange())).pair

        assert (pair.outcome, pair.missing, pair.agree) == ("unavailable", "unavailable", None)
        assert pair.answer.error["kind"] == kind
        assert not pair.scores
        assert there.counted("understudy_student_errors_total", route="r", student="small", kind=kind) == 1


def test_a_student_that_hangs_is_missing_by_timeout(tmp_path):
    pair = pair_of(tmp_path, lambda _: Reply(hang=True), timeout="200ms")

    assert (pair.outcome, pair.answer.error["kind"]) == ("unavailable", "timeout")


def test_a_student_that_drips_ends_at_the_timeout(tmp_path):
    pair = pair_of(tmp_path, lambda _: Reply(pieces=[b" "] * 1000, pause=0.05), timeout="300ms")

    assert (pair.outcome, pair.answer.error["kind"]) == ("unavailable", "timeout")


@pytest.mark.parametrize("reply", [Reply(pieces=[b'{"a":', b"1}"], abort_after=1), Reply(pieces=[b"x"], abort_after=0)])
def test_a_student_that_closes_early_is_missing(tmp_path, reply):
    pair = pair_of(tmp_path, lambda _: reply)

    assert (pair.outcome, pair.answer.error["kind"]) == ("unavailable", "connection")


def test_a_student_that_is_unreachable_is_missing(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with world(tmp_path, student(url=url)) as there:
            pair = only(there.run(exchange())).pair

    assert (pair.outcome, pair.answer.error["kind"]) == ("unavailable", "connection")


def test_a_stream_that_breaks_off_is_missing(tmp_path):
    pair = pair_of(tmp_path, lambda _: sse_reply(chat_events("four", model="s")[:2]), ttft=True)

    assert (pair.outcome, pair.answer.error["kind"]) == ("unavailable", "connection")


def test_a_flooding_student_is_cut_off(tmp_path):
    with Upstream(lambda _: Reply(pieces=[b" " * 2**16] * 512)) as upstream:
        with world(tmp_path, student(url=upstream.url)) as there:
            pair = only(there.run(exchange())).pair

    assert pair.outcome == "disagreed"
    assert (pair.scores["exact"].kinds, pair.answer.error["kind"]) == (("student_error",), "too_large")


def test_a_bomb_is_not_unpacked(tmp_path):
    bomb = gzip.compress(b" " * 2**26)
    headers = [("content-type", "application/json"), ("content-encoding", "gzip")]

    pair = pair_of(tmp_path, lambda _: Reply(headers=headers, pieces=[bomb]))

    assert (pair.scores["exact"].kinds, pair.answer.error["kind"]) == (("student_error",), "too_large")


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 422])
def test_a_student_set_up_wrongly_is_missing_as_that(tmp_path, status):
    pair = pair_of(tmp_path, error(status, "bad_thing", "use another field", headers=[("location", "/elsewhere")]))

    assert (pair.outcome, pair.answer.error["kind"]) == ("misconfigured", f"status_{status}")
    assert "bad_thing: use another field" in pair.answer.error["message"]


OWN_KEY = "my-own-student-key-0123456789abcdef"


@pytest.mark.parametrize(
    "secret",
    [
        OWN_KEY,
        "4111 1111 1111 1111",
        "sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
        "-----BEGIN PRIVATE KEY-----\n" + "MIIE" * 300 + "\n-----END PRIVATE KEY-----",
    ],
)
def test_nothing_of_a_secret_is_left_where_an_error_message_is_cut(tmp_path, secret):
    """Each message is to be cut after another character of the secret."""
    fillers = iter(range(LONGEST_MESSAGE))

    def handler(seen):
        return error(400, message="." * next(fillers) + " " + secret + " was sent", type="")(seen)

    with Upstream(handler) as upstream:
        with world(tmp_path, student(url=upstream.url, api_key=OWN_KEY), redact=["secret", "card"]) as there:
            pairs = there.run(*(exchange(number) for number in range(LONGEST_MESSAGE)))

    messages = [stored.pair.answer.error["message"] for stored in pairs]
    assert max(len(message) for message in messages) == LONGEST_MESSAGE
    assert not [message for message in messages if secret[:4] in message]


def test_a_shed_exchange_is_missing_for_every_student(tmp_path):
    async def main(there):
        reader = there.reader("first")

        class Shed:
            """The journal as it is when an exchange had to go."""

            def __init__(self):
                self.shed = False

            async def lease(self, limit, seconds):
                return [msgspec.structs.replace(each, exchange=None) for each in await reader.lease(limit, seconds)]

            def __getattr__(self, name):
                return getattr(reader, name)

        async with there.working(journal=Shed()):
            await there.settled()

    with world(tmp_path, student("a"), student("b")) as there:
        there.journal(exchange())
        asyncio.run(main(there))

        assert there.outcomes() == {"exchange-1:a": "shed", "exchange-1:b": "shed"}
        assert there.pairs()[0].exchange.request is None


def test_an_exchange_that_is_too_old_is_not_asked(tmp_path):
    with Upstream(answering()) as upstream, world(tmp_path, student(url=upstream.url, max_age="1m")) as there:
        there.run(exchange(captured_at=time.time() - 61))

        assert there.outcomes() == {"exchange-1:small": "expired"}
        assert not upstream.seen


def test_a_failing_deciding_comparator_leaves_the_pair_unscored(tmp_path):
    comparators = [{"use": "tests.shadow.shadow_comparators:Broken"}, {"use": "exact"}]
    with Upstream(answering()) as upstream:
        with world(tmp_path, student(url=upstream.url), comparators=comparators) as there:
            pair = only(there.run(exchange())).pair

            assert pair.outcome == "unscored"
            assert pair.scores["exact"].agree
            assert pair.answer.content == "four"
            failures = {
                "route": "r",
                "comparator": "tests.shadow.shadow_comparators:Broken",
                "error": "ZeroDivisionError",
            }
            assert there.counted("understudy_comparator_failures_total", **failures) == 1


@pytest.mark.parametrize("comparator", ["Broken", "Odd", "NoChat", "Exits"])
def test_another_failing_comparator_is_left_out(tmp_path, comparator):
    comparators = [{"use": "exact"}, {"use": f"tests.shadow.shadow_comparators:{comparator}", "name": "other"}]
    with Upstream(answering()) as upstream:
        with world(tmp_path, student(url=upstream.url), comparators=comparators) as there:
            pair = only(there.run(exchange())).pair

    assert pair.outcome == "agreed"
    assert set(pair.scores) == {"exact"}


def test_a_paused_route_asks_nobody(tmp_path):
    with Upstream(answering()) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.store.set_paused("r", True)
        there.run(exchange())

        assert there.outcomes() == {"exchange-1:small": "paused"}
        assert not upstream.seen


def broken_stream():
    return b"".join(chat_events("four", model="teacher-1")[:2])


TEACHER_ERRORS = {
    "an error inside a 200": {"response": b'{"error": {"message": "overloaded", "type": "server_error"}}'},
    "a broken stream": {"response": broken_stream(), "content_type": "text/event-stream", "streamed": True},
    "a corrupt coding": {"response": b"not gzip at all", "content_encoding": "gzip"},
    "no JSON": {"response": b"<html>"},
    "a failed status": {"status": 500},
}


@pytest.mark.parametrize("what", TEACHER_ERRORS)
def test_where_the_teacher_failed_after_all_nobody_is_asked(tmp_path, what):
    with Upstream(answering()) as upstream:
        with world(tmp_path, student("a", upstream.url), student("b", upstream.url)) as there:
            there.run(exchange(**TEACHER_ERRORS[what]))

            assert there.outcomes() == {"exchange-1:a": "teacher_error", "exchange-1:b": "teacher_error"}
            assert not upstream.seen


def test_an_answer_of_the_teacher_too_large_to_unpack_is_missing(tmp_path):
    with world(tmp_path, student()) as there:
        there.run(exchange(response=gzip.compress(b" " * 2**25), content_encoding="gzip"))

        assert there.outcomes() == {"exchange-1:small": "unscored"}


def test_a_teacher_that_said_nothing_is_compared(tmp_path):
    empty = msgspec.json.encode(chat_completion("", model="teacher-1"))
    pair = pair_of(tmp_path, answering(""), of=exchange(response=empty))

    assert pair.outcome == "agreed"


def test_an_exchange_of_a_route_without_students_is_kept(tmp_path):
    with world(tmp_path) as there:
        assert there.run(exchange()) == []
        assert there.store.known(["exchange-1"]) == {"exchange-1": frozenset()}


def test_an_exchange_that_was_delivered_too_often_is_not_looked_at_again(tmp_path):
    async def main(there):
        for _ in range(there.settings.most_attempts):
            dying = there.reader()
            assert await dying.lease(1, 30)
            await dying.close()
        async with there.working():
            await there.settled()

    with Upstream(answering()) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(exchange())
        asyncio.run(main(there))

        assert there.outcomes() == {"exchange-1:small": "unscored"}
        assert not upstream.seen


def test_time_to_the_first_token_is_measured_where_the_answer_is_streamed(tmp_path):
    with Upstream(lambda seen: chat_reply(seen, "four", model="student-1")) as upstream:
        with world(tmp_path, student("plain", upstream.url), student("timed", upstream.url, ttft=True)) as there:
            plain, timed = (stored.pair for stored in there.run(exchange()))

    assert plain.outcome == timed.outcome == "agreed"
    assert plain.answer.ttft_ms is None
    assert 0 < timed.answer.ttft_ms <= timed.answer.latency_ms


@pytest.mark.parametrize(
    ("comparator", "said", "kinds"),
    [
        ({"use": "label"}, "five", {"label_changed"}),
        ({"use": "auto"}, "five", {"label_changed"}),
        ({"use": f"{COMPARATORS}:Babbles"}, "five", {"of_my_own", "other"}),
    ],
)
def test_a_disagreement_has_the_same_kinds_wherever_it_is_told(tmp_path, comparator, said, kinds):
    with Upstream(answering(said)) as upstream:
        with world(tmp_path, student(url=upstream.url), comparators=[comparator]) as there:
            pair = only(there.run(exchange())).pair

            assert set(pair.scores[pair.decides].kinds) == kinds
            [entry] = build_report(there.config, there.store, now=time.time() + 600, unsettled=None)["routes"]
            assert entry["kinds"] == dict.fromkeys(kinds, 1)
            for kind in kinds:
                assert there.counted("understudy_disagreements_total", route="r", student="small", kind=kind) == 1
                assert len(list(there.store.pairs(PairFilter(kind=kind)))) == 1
            assert not list(there.store.pairs(PairFilter(kind="wording")))
