"""What every journal engine promises, whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.journal.base import Delivery, JournalReader, JournalWriter, Tally
from proxy.journal.embedded import EmbeddedReader, EmbeddedWriter
from tests.fakes.journal import MemoryJournal
from tests.journal.making import NOON, Clock, exchange, exchanges

SMALL = 2**20


@dataclass
class Engine:
    writer: Callable[[], JournalWriter]
    reader: Callable[[str], JournalReader]
    pass_time: Callable[[float], None]


def embedded(directory: Path, limit: int) -> Engine:
    clock = Clock()
    return Engine(
        lambda: EmbeddedWriter(directory / "journal", limit=limit, clock=clock),
        lambda owner: EmbeddedReader(directory / "journal", owner=owner, clock=clock),
        lambda seconds: setattr(clock, "now", clock.now + seconds),
    )


def memory(_: Path, limit: int) -> Engine:
    clock = Clock()
    journal = MemoryJournal(limit=limit, clock=clock)
    return Engine(journal.writer, journal.reader, lambda seconds: setattr(clock, "now", clock.now + seconds))


@pytest.fixture(params=[embedded, memory])
def make_engine(request, tmp_path):
    return lambda limit=2**30: request.param(tmp_path, limit)


@pytest.fixture
def engine(make_engine):
    return make_engine()


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.exchange_id for delivery in deliveries]


def test_what_is_appended_is_delivered_whole_and_oldest_first(engine):
    given = exchanges(1, 5)

    async def main():
        engine.writer().append(given, [])
        reader = engine.reader("a")
        deliveries = await reader.lease(10, 60)
        await reader.close()
        return deliveries

    deliveries = asyncio.run(main())
    assert [delivery.exchange for delivery in deliveries] == given
    assert [(d.exchange_id, d.route, d.captured_at, d.probability, d.attempts) for d in deliveries] == [
        (each.id, each.route, each.captured_at, 0.5, 1) for each in given
    ]


def test_nobody_gets_what_somebody_else_holds(engine):
    async def main():
        engine.writer().append(exchanges(1, 5), [])
        a, b = engine.reader("a"), engine.reader("b")
        first, second, third = await a.lease(2, 60), await b.lease(10, 60), await a.lease(10, 60)
        await a.close()
        await b.close()
        return ids(first), ids(second), ids(third)

    assert asyncio.run(main()) == (
        ["exchange-1", "exchange-2"],
        ["exchange-3", "exchange-4", "exchange-5"],
        [],
    )


def test_a_lease_that_ends_makes_the_exchange_free_for_others(engine):
    async def main():
        engine.writer().append(exchanges(1, 2), [])
        a, b = engine.reader("a"), engine.reader("b")
        await a.lease(1, 60)
        engine.pass_time(61)
        again = await b.lease(10, 60)
        await a.close()
        await b.close()
        return [(d.exchange_id, d.attempts) for d in again]

    assert asyncio.run(main()) == [("exchange-1", 2), ("exchange-2", 1)]


def test_a_lease_that_is_extended_does_not_end(engine):
    async def main():
        engine.writer().append(exchanges(1, 1), [])
        a, b = engine.reader("a"), engine.reader("b")
        held = await a.lease(1, 60)
        engine.pass_time(50)
        await a.extend(held, 60)
        engine.pass_time(50)
        others = await b.lease(10, 60)
        await a.close()
        await b.close()
        return others

    assert asyncio.run(main()) == []


def test_extending_what_somebody_else_took_over_does_nothing(engine):
    async def main():
        engine.writer().append(exchanges(1, 1), [])
        a, b = engine.reader("a"), engine.reader("b")
        late = await a.lease(1, 10)
        engine.pass_time(11)
        await b.lease(1, 10)
        await a.release(late)
        free = await a.lease(1, 10)
        await a.close()
        await b.close()
        return free

    assert asyncio.run(main()) == []


def test_what_is_released_is_free_at_once(engine):
    async def main():
        engine.writer().append(exchanges(1, 1), [])
        a, b = engine.reader("a"), engine.reader("b")
        await a.release(await a.lease(1, 60))
        again = await b.lease(1, 60)
        await a.close()
        await b.close()
        return ids(again)

    assert asyncio.run(main()) == ["exchange-1"]


def test_what_is_given_back_was_no_attempt_and_what_its_holder_died_of_was(engine):
    async def main():
        engine.writer().append(exchanges(1, 1), [])
        attempts = []
        a = engine.reader("a")
        for _ in range(3):
            held = await a.lease(1, 60)
            attempts.append(held[0].attempts)
            await a.release(held)
        attempts += [each.attempts for each in await a.lease(1, 60)]
        restarted = engine.reader("a")
        attempts += [each.attempts for each in await restarted.lease(1, 60)]
        engine.pass_time(61)
        attempts += [each.attempts for each in await restarted.lease(1, 60)]
        await a.close()
        await restarted.close()
        return attempts

    assert asyncio.run(main()) == [1, 1, 1, 1, 2, 3]


def test_what_is_settled_never_comes_again(engine):
    async def main():
        writer = engine.writer()
        writer.append(exchanges(1, 4), [])
        a, b = engine.reader("a"), engine.reader("b")
        deliveries = await a.lease(4, 60)
        await a.settle([deliveries[2], deliveries[0]])
        writer.maintain()
        engine.pass_time(61)
        again = await b.lease(10, 60)
        await b.settle(again)
        writer.maintain()
        engine.pass_time(61)
        nothing = await b.lease(10, 60)
        depth = await b.depth()
        await a.close()
        await b.close()
        return ids(again), nothing, depth.entries, depth.bytes, depth.oldest

    assert asyncio.run(main()) == (["exchange-2", "exchange-4"], [], 0, 0, None)


def test_settling_late_is_as_good(engine):
    async def main():
        engine.writer().append(exchanges(1, 1), [])
        a, b = engine.reader("a"), engine.reader("b")
        late = await a.lease(1, 10)
        engine.pass_time(11)
        await b.lease(1, 10)
        await a.settle(late)
        await a.settle(late)
        engine.pass_time(11)
        again = await b.lease(1, 10)
        await a.close()
        await b.close()
        return again

    assert asyncio.run(main()) == []


def test_a_worker_that_starts_again_takes_its_own_leases_back_at_once(engine):
    async def main():
        engine.writer().append(exchanges(1, 3), [])
        a = engine.reader("a")
        b = engine.reader("b")
        await a.lease(1, 60)
        await b.lease(1, 60)
        restarted = engine.reader("a")
        again = await restarted.lease(10, 60)
        for reader in (a, b, restarted):
            await reader.close()
        return [(d.exchange_id, d.attempts) for d in again]

    assert asyncio.run(main()) == [("exchange-1", 2), ("exchange-3", 1)]


def test_depth_tells_what_is_not_settled_whoever_holds_it(engine):
    async def main():
        writer = engine.writer()
        reader = engine.reader("a")
        empty = await reader.depth()
        writer.append(exchanges(1, 10), [])
        full = await reader.depth()
        held = await reader.lease(4, 60)
        leased = await reader.depth()
        await reader.settle(held[:3])
        rest = await reader.depth()
        writer.maintain()
        collected = await reader.depth()
        await reader.close()
        return empty, full, leased, rest, collected

    empty, full, leased, rest, collected = asyncio.run(main())
    assert (empty.entries, empty.bytes, empty.oldest) == (0, 0, None)
    assert (full.entries, full.oldest) == (10, NOON + 1)
    assert full.bytes > 1000
    assert leased == full
    assert (rest.entries, rest.oldest) == (7, NOON + 4)
    assert 0 < rest.bytes < full.bytes
    assert collected == rest


def test_tallies_come_as_totals_of_what_changed(engine):
    async def main():
        writer = engine.writer()
        journaled = Tally(route="intents", outcome="journaled", bucket=300, n=2)
        sampled = Tally(route="intents", outcome="not_shadowable", reason="hosted_tool", bucket=300)
        writer.append(exchanges(1, 2), [journaled, sampled])
        a = engine.reader("a")
        first, nothing = await a.tallies(), await a.tallies()
        writer.append([], [journaled])
        second = await a.tallies()
        b = engine.reader("b")
        everything = await b.tallies()
        await a.close()
        await b.close()
        return first, nothing, second, everything

    first, nothing, second, everything = asyncio.run(main())
    assert {(t.outcome, t.reason, t.bucket, t.total) for t in first} == {
        ("journaled", "", 300, 2),
        ("not_shadowable", "hosted_tool", 300, 1),
    }
    assert nothing == []
    assert [(t.outcome, t.total) for t in second] == [("journaled", 4)]
    assert {(t.outcome, t.total) for t in everything} == {("journaled", 4), ("not_shadowable", 1)}
    assert len({t.origin for t in [*first, *second, *everything]}) == 1


def test_what_does_not_fit_is_handed_over_without_its_text_oldest_first(make_engine):
    engine = make_engine(limit=SMALL)
    given = exchanges(1, 400, size=8000)  # three times what fits

    async def main():
        writer = engine.writer()
        for start in range(0, 400, 50):
            writer.append(given[start : start + 50], [])
        reader = engine.reader("a")
        depth = await reader.depth()
        deliveries = await reader.lease(1000, 60)
        await reader.settle(deliveries)
        writer.maintain()
        after = await reader.depth()
        writer.append([exchange(401)], [])
        new = await reader.lease(1000, 60)
        await reader.close()
        return depth, deliveries, after, new

    depth, deliveries, after, new = asyncio.run(main())
    assert ids(deliveries) == [each.id for each in given]
    shed = [delivery.exchange is None for delivery in deliveries]
    assert shed == sorted(shed, reverse=True)
    assert 0 < sum(shed) < 400
    assert depth.entries == 400
    assert depth.bytes <= SMALL
    assert (after.entries, after.bytes) == (0, 0)
    assert [delivery.exchange for delivery in new] == [exchange(401)]
