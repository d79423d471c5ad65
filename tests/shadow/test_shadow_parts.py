"""Retries, lanes, the definition of agreement, what errors mean."""

import asyncio
from email.utils import formatdate

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.asking.retry_after import retry_after_seconds
from comparators.registry import build
from proxy.definition import definition_hash
from proxy.shadow.failures import error_facts, failure_of, needs_streaming
from proxy.shadow.flights import Flights, make_room
from proxy.shadow.lanes import Lane, ParkedError
from proxy.shadow.retries import RetryBudget
from tests.shadow.shadow_world import configuration, until

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 0.5 ", 0.5),
        ("0", 0.0),
        (formatdate(NOW + 7, usegmt=True), 7.0),
        (formatdate(NOW - 7, usegmt=True), 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("1e9", None),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_is_never_negative_and_never_fails(value):
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.lists(st.booleans(), max_size=200))
def test_retries_are_never_more_than_their_share_and_the_first_few(requests):
    budget = RetryBudget(share=0.1, burst=10)
    earned = spent = 0
    for retried in requests:
        budget.earn()
        earned += 1
        spent += retried and budget.spend()
    assert spent <= 10 + 0.1 * earned


def test_a_lane_serves_first_come_first_served_and_parks_the_newest():
    async def main():
        lane, order = Lane(1), []
        await lane.enter()

        async def come(name):
            try:
                await lane.enter()
            except ParkedError:
                order.append(f"{name} parked")
            else:
                order.append(name)

        waiting = [asyncio.create_task(come(name)) for name in "abcd"]
        await until(lambda: lane.waiting == 4, "all wait")
        assert lane.park(1) == 1
        waiting[1].cancel()
        await asyncio.sleep(0)
        for _ in range(3):
            lane.leave()
            await asyncio.sleep(0)
        await asyncio.wait(waiting)
        return order, lane.idle

    assert asyncio.run(main()) == (["d parked", "a", "c"], True)


class Crowd:
    """People who come to a lane, and go."""

    def __init__(self, lane):
        self.lane, self.inside, self.tasks = lane, 0, []

    async def come(self):
        await self.lane.enter()
        self.inside += 1

    def leave(self):
        if self.inside:
            self.inside -= 1
            self.lane.leave()

    def cancel(self):
        if self.tasks:
            self.tasks[-1].cancel()

    async def do(self, step):
        match step:
            case "enter":
                self.tasks.append(asyncio.create_task(self.come()))
            case "cancel":
                self.cancel()
            case "park":
                self.lane.park(1)
            case "leave":
                self.leave()
            case "turn":
                await asyncio.sleep(0)

    async def all_go(self):
        for _ in range(100):
            await asyncio.sleep(0)
            self.leave()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@given(st.lists(st.sampled_from(["enter", "leave", "cancel", "park", "turn"]), max_size=60))
def test_a_lane_never_gives_more_slots_than_it_has_and_loses_none(steps):
    async def main():
        crowd = Crowd(Lane(2))
        for step in steps:
            await crowd.do(step)
            assert crowd.inside <= 2
        await crowd.all_go()
        assert crowd.lane.idle
        assert crowd.lane._used == 0

    asyncio.run(main())


def test_room_is_made_only_where_somebody_is_held_up():
    async def main():
        slow, quick = Lane(1), Lane(1)
        await slow.enter()
        waiting = [asyncio.create_task(slow.enter()) for _ in range(5)]
        await until(lambda: slow.waiting == 5, "all wait")
        alone = make_room([slow])
        together = make_room([slow, quick])
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        return alone, together

    assert asyncio.run(main()) == (0, 4)


def test_room_is_by_number_and_by_bytes_and_never_none_unless_full():
    flights = Flights(most=10, most_bytes=100, most_parked=1)

    assert flights.room(largest=30) == 3
    assert flights.room(largest=1000) == 1
    assert flights.room(largest=1) == 10


def definition(**route):
    (there,) = configuration(**route).routes
    return definition_hash(there, [(use.label, build(use.use, use.options)) for use in there.comparators])


TEXT = {"use": "text", "agree_at": 0.8}


@pytest.mark.parametrize(
    "other",
    [
        {"comparators": [{**TEXT, "agree_at": 0.9}]},
        {"comparators": [{**TEXT, "name": "wording"}]},
        {"comparators": [TEXT, {"use": "exact"}]},
        {"comparators": [{"use": "exact"}, TEXT]},
        {"segments": ["language"]},
        {"segments": ["language", "length", "turn", {"header": "x-tenant", "as": "tenant"}]},
        {"gate": {"require": ["language=de"]}},
    ],
)
def test_evidence_begins_anew_when_the_definition_of_agreement_changes(other):
    assert definition(**{"comparators": [TEXT], **other}) != definition(comparators=[TEXT])


@pytest.mark.parametrize(
    "same",
    [
        {"segments": ["turn", "length", "language"]},
        {"gate": {"agreement": 0.9, "min_pairs": 10, "alpha": 0.01}},
        {"retention": "1d"},
        {"students": [{"name": "s", "url": "http://x"}]},
    ],
)
def test_nothing_else_begins_it_anew(same):
    assert definition(comparators=[TEXT], **same) == definition(comparators=[TEXT])


def test_a_new_version_of_a_comparator_begins_evidence_anew(monkeypatch):
    before = definition(comparators=[TEXT])
    monkeypatch.setattr(type(build("text", {})), "version", "another")

    assert definition(comparators=[TEXT]) != before


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error": {"message": "m", "type": "t", "code": "c"}}', "c: m"),
        (b'{"error": {"message": "m", "type": "t", "code": 400}}', "t: m"),
        (b'{"error": "m"}', "m"),
        (b'{"object": "error", "message": "m", "type": "t", "code": 400}', "t: m"),
        (b'{"detail": "m"}', "m"),
        (b'{"detail": [{"msg": "m"}]}', ""),
        (b"<html>", ""),
        (b"[1]", ""),
        (b'"m"', "m"),
    ],
)
def test_errors_are_read_in_the_shapes_that_servers_use(body, text):
    assert error_facts(body).text == text


@given(st.integers(300, 599), st.binary(max_size=50))
def test_every_status_means_something(status, body):
    failure = failure_of(status, body)
    assert failure.means in {"unavailable", "misconfigured", "unusable"}
    assert failure.kind


@pytest.mark.parametrize(
    ("status", "message", "wanted"),
    [
        (400, "This model only support stream mode, please enable the stream parameter to access the model.", True),
        (400, "stream must be true", True),
        (400, "Non-streaming requests are not supported", True),
        (400, "temperature must be below 2", False),
        (422, "stream must be true", False),
        (400, "", False),
    ],
)
def test_streaming_alone_is_told_by_the_message(status, message, wanted):
    assert needs_streaming(status, msgspec.json.encode({"error": {"message": message}})) is wanted
