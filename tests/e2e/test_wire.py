"""Every recorded exchange through a whole Understudy: the same bytes in both directions, and a pair that says them."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from proxy.openai.requests import read_request
from tests.e2e import wire_exchanges
from tests.e2e.wire_exchanges import CODINGS, CUTS, Recorded, on_the_wire, read_recordings, said, spelled
from tests.fakes.running import Running
from tests.fakes.upstream import Reply, Seen, Upstream, json_reply
from tests.relay.relay_tools import Client, Response

pytestmark = pytest.mark.skipif(not wire_exchanges.DATA.exists(), reason="../shared/data/wire.jsonl is absent")

STUDENT_MODEL = "student-1"
CREDENTIAL = "sk-planted-by-the-client"
CLIENTS = 8
TEXTS = 77  # recorded exchanges with both bodies as texts
PAUSE = 0.001  # seconds between pieces, so that the relay reads them one by one
ONLY_YIELD = -1.0  # a pause that takes no time: single bytes are too many to wait after each


@dataclass(frozen=True)
class Case:
    """A recorded exchange, and how the teacher sends its answer."""

    recorded: Recorded
    coding: str
    cut: str
    chunked: bool

    def __str__(self) -> str:
        return f"{self.recorded.name}, {self.coding or 'plain'}, cut {self.cut}"

    @functools.cached_property
    def pieces(self) -> list[bytes]:
        return on_the_wire(self.recorded.response, self.coding, self.cut)

    @property
    def answer_headers(self) -> list[tuple[str, str]]:
        return [*self.recorded.headers, *([("content-encoding", self.coding)] if self.coding else [])]

    def request_headers(self, number: int) -> list[tuple[str, str]]:
        return [
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("content-type", "application/json"),
            ("authorization", f"Bearer {CREDENTIAL}"),
            ("user-agent", "OpenAI/Python 2.1.0"),
            ("x-repeated", "one"),
            ("x-case", str(number)),
            ("x-repeated", "two"),
        ]


@dataclass(frozen=True)
class Sent:
    """A case once it went through: what the client got, what the teacher saw, what was stored."""

    case: Case
    got: Response
    seen: Seen
    pairs: list[dict[str, Any]]


@dataclass(frozen=True)
class World:
    """What there is once all were sent and settled."""

    sent: list[Sent]
    asked: list[Seen]  # by the student's side
    captures: dict[str, float]
    pairs_counted: dict[str, float]
    teacher_host: str


def cases() -> list[Case]:
    """Every exchange in every coding and in every cut: the n-th begins with another cut than the one before it."""
    cuts = list(CUTS)
    return [
        Case(recorded, coding, cuts[(number + turn) % len(cuts)], chunked=bool((number // len(cuts) + turn) % 2))
        for number, recorded in enumerate(read_recordings())
        for turn, coding in enumerate(CODINGS)
    ]


def is_shadowable(recorded: Recorded) -> bool:
    if recorded.surface is None or recorded.method != "POST" or recorded.status != 200:
        return False
    return read_request(recorded.surface, recorded.request).not_shadowable is None


def by_question(recordings: list[Recorded]) -> dict[str, Recorded]:
    """What a student answers to each question: the same as the teacher did, the first time where there are several."""
    return {each.question(STUDENT_MODEL): each for each in reversed(recordings) if is_shadowable(each)}


def test_every_recorded_exchange_arrives_unchanged_and_becomes_a_pair_that_says_it(tmp_path):
    """One test of many checks: pytest-xdist would send everything once in each worker that gets a share of them."""
    world = send_and_settle(tmp_path)

    check_every_cut_meets_every_coding(world)
    check_every_answer_arrives_byte_for_byte(world)
    check_an_answers_headers_are_the_teachers_and_the_id(world)
    check_every_request_arrives_byte_for_byte(world)
    check_every_exchange_is_accounted_for(world)
    check_every_shadowable_exchange_has_one_pair_and_no_other_has_any(world)
    check_a_pairs_request_is_the_recorded_one(world)
    check_a_pairs_teacher_says_what_was_recorded(world)
    check_a_student_that_says_the_same_agrees(world)
    check_a_student_is_asked_each_once_and_never_sees_the_clients_credential(world)


def send_and_settle(directory: Path) -> World:
    sending = cases()
    answers = by_question(read_recordings())

    def teach(seen: Seen) -> Reply:
        case = sending[int(seen.header("x-case") or "")]
        return Reply(
            status=case.recorded.status,
            headers=case.answer_headers,
            pieces=case.pieces,
            chunked=case.chunked,
            pause=ONLY_YIELD if case.cut == "1 byte" else PAUSE,
        )

    def study(seen: Seen) -> Reply:
        surface = seen.path.removeprefix("/v1/")
        answer = answers.get(spelled(surface, seen.json))
        if answer is None:
            return json_reply({"error": {"message": "nobody ever asked this"}}, status=400)
        return Reply(headers=answer.headers, pieces=(answer.response,))

    with Upstream(teach) as teacher, Upstream(study) as student:
        route = {
            "name": "wire",
            "match": {"path": "/*"},
            "teacher": {"url": f"http://127.0.0.1:{teacher.port}"},
            "students": [{"name": "echo", "version": "1", "url": student.url, "model": STUDENT_MODEL}],
            "comparators": [{"use": "exact"}],
            "redact": [],
        }
        with Running(directory, {"routes": [route]}) as running:
            got = uvloop.run(send_all(running.config["listen"], sending))
            running.settled(len(sending))
            pairs: dict[str, list[dict[str, Any]]] = {}
            for pair in running.pairs():
                pairs.setdefault(pair["exchange_id"], []).append(pair)
            captures = running.by("understudy_captures_total", "outcome")
            counted = running.by("understudy_pairs_total", "outcome")
        seen = {int(each.header("x-case") or ""): each for each in teacher.seen}
        assert len(teacher.seen) == len(seen) == len(sending)
        sent = [
            Sent(case, got[number], seen[number], pairs.pop(got[number].value(b"x-understudy-id").decode(), []))
            for number, case in enumerate(sending)
        ]
        assert not pairs, "pairs of exchanges that nobody sent"
        return World(sent, list(student.seen), captures, counted, f"127.0.0.1:{teacher.port}")


async def send_all(address: str, sending: list[Case]) -> dict[int, Response]:
    """Several clients at once, each on a connection of its own."""
    host, port = address.split(":")
    waiting = list(enumerate(sending))[::-1]
    got: dict[int, Response] = {}

    async def work() -> None:
        client = Client(*await asyncio.open_connection(host, int(port)))
        while waiting:
            number, case = waiting.pop()
            headers = "".join(f"{name}: {value}\r\n" for name, value in case.request_headers(number)).encode()
            line = f"{case.recorded.method} {case.recorded.path}"
            got[number] = await client.ask(line, case.recorded.request or None, headers)
        client.leave()

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(work())
    return got


def check_every_answer_arrives_byte_for_byte(world: World) -> None:
    for each in world.sent:
        body = b"".join(each.case.pieces)
        assert (each.got.status, each.got.body) == (each.case.recorded.status, body), str(each.case)


def check_an_answers_headers_are_the_teachers_and_the_id(world: World) -> None:
    for each in world.sent:
        length = [] if each.case.chunked else [("content-length", str(len(each.got.body)))]
        got = [(name.decode(), value.decode()) for name, value in each.got.headers]
        assert [name for name, _ in got].count("x-understudy-id") == 1, str(each.case)
        ends = [pair for pair in got if pair[0] not in {"x-understudy-id", "transfer-encoding"}]
        assert ends == each.case.answer_headers + length, str(each.case)
    assert len({each.got.value(b"x-understudy-id") for each in world.sent}) == len(world.sent)


def check_every_request_arrives_byte_for_byte(world: World) -> None:
    for number, each in enumerate(world.sent):
        recorded, seen = each.case.recorded, each.seen
        assert (seen.method, seen.target) == (recorded.method, recorded.path)
        assert seen.body == recorded.request, str(each.case)
        headers = [(name.lower(), value) for name, value in seen.headers]
        length = [("content-length", str(len(recorded.request)))] if recorded.request else []
        assert ("host", world.teacher_host) in headers
        ends = [pair for pair in headers if pair[0] not in {"host", "connection"}]
        assert ends == each.case.request_headers(number) + length, str(each.case)


def check_every_exchange_is_accounted_for(world: World) -> None:
    def outcome(recorded: Recorded) -> str:
        if recorded.surface is None or recorded.method != "POST":
            return "not_shadowable"
        if recorded.status != 200:
            return "teacher_error"
        return "journaled" if is_shadowable(recorded) else "not_shadowable"

    assert world.captures == Counter(outcome(each.case.recorded) for each in world.sent)
    assert sum(world.captures.values()) == len(world.sent)
    assert sum(world.pairs_counted.values()) == world.captures["journaled"]


def check_every_shadowable_exchange_has_one_pair_and_no_other_has_any(world: World) -> None:
    for each in world.sent:
        assert len(each.pairs) == is_shadowable(each.case.recorded), str(each.case)


def check_a_pairs_request_is_the_recorded_one(world: World) -> None:
    for each in world.sent:
        for pair in each.pairs:
            assert strictly(pair["request"]) == strictly(each.case.recorded.asked), str(each.case)
            assert pair["surface"] == each.case.recorded.surface


def check_a_pairs_teacher_says_what_was_recorded(world: World) -> None:
    for each in world.sent:
        for pair in each.pairs:
            assert_says(pair["teacher"], each.case.recorded, str(each.case))
            assert pair["teacher_version"] == pair["teacher"]["model"]


def check_a_student_that_says_the_same_agrees(world: World) -> None:
    answers = by_question(read_recordings())
    agreeing = Counter[str]()
    for each in world.sent:
        for pair in each.pairs:
            recorded = each.case.recorded
            answer = answers[recorded.question(STUDENT_MODEL)]
            assert_says(pair["student_answer"], answer, str(each.case))
            if recorded.surface == "embeddings":
                assert pair["missing"] == "unscored"  # `exact` compares texts
            elif answer is recorded or answer.response == recorded.response:
                assert pair["agree"] is True, str(each.case)
                agreeing[str(recorded.surface)] += 1
    assert {"chat/completions", "completions", "responses"} == set(agreeing)


def check_a_student_is_asked_each_once_and_never_sees_the_clients_credential(world: World) -> None:
    asked = Counter(spelled(seen.path.removeprefix("/v1/"), seen.json) for seen in world.asked)

    assert asked == Counter(each.case.recorded.question(STUDENT_MODEL) for each in world.sent if each.pairs)
    assert not any(CREDENTIAL in str(seen) for seen in world.asked)


def check_every_cut_meets_every_coding(world: World) -> None:
    met = {(each.case.recorded.streamed, each.case.cut, each.case.coding) for each in world.sent if each.pairs}
    within_characters = {
        (each.case.coding, each.case.chunked)
        for each in world.sent
        if each.case.cut == "mid-UTF-8" and not each.case.recorded.response.isascii()
    }

    assert met == set(itertools.product((False, True), CUTS, CODINGS))
    assert within_characters == set(itertools.product(CODINGS, (False, True)))
    assert sum(each.case.recorded.as_text for each in world.sent) == TEXTS * len(CODINGS)


def assert_says(side: dict[str, Any], recorded: Recorded, which: str) -> None:
    """One side of a pair says what was recorded."""
    expected = said(recorded)
    assert expected is not None, which
    assert side["status"] == recorded.status
    assert side["content"] == expected.content, which
    assert strictly(side["tool_calls"]) == strictly(expected.tool_calls), which
    assert side["finish_reason"] == expected.finish_reason, which
    response = side["response"]
    if recorded.is_made_of_deltas:  # what the test joins is enough; the product keeps what else the deltas say
        response = narrowed(response, expected.response)
    assert strictly(response) == strictly(expected.response), which
    assert side["model"] == expected.response["model"], which
    if expected.usage is None:
        assert side["usage"]["estimated"] is True, which
    else:
        assert side["usage"] == expected.usage, which


def narrowed(value: Any, to: Any) -> Any:
    """The value without the keys that ``to`` has not."""
    if isinstance(value, dict) and isinstance(to, dict):
        return {key: narrowed(inner, to[key]) for key, inner in value.items() if key in to}
    if isinstance(value, list) and isinstance(to, list) and len(value) == len(to):
        return [narrowed(inner, of) for inner, of in zip(value, to, strict=True)]
    return value


def strictly(value: Any) -> str:
    """In a spelling that tells 1 from 1.0 and from true."""
    return json.dumps(value, sort_keys=True)
