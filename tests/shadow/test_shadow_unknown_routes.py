"""Exchanges of a route that the worker's configuration does not name: a reload reaches relays and workers apart."""

import asyncio

import msgspec

from proxy.config.model import Config
from proxy.journal.base import Delivery
from proxy.shadow.flights import Flights, Wait
from proxy.shadow.lanes import Lane
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import QUICK, exchange, student, until, world

UNKNOWN = {"route": "new", "student": "", "outcome": "expired"}


def agreeing(seen):
    return json_reply(chat_completion("four", model="student-1"))


def named(name: str, config: Config) -> Config:
    """The configuration with its route once more, under another name."""
    (route,) = config.routes
    return config.model_copy(update={"routes": [route, route.model_copy(update={"name": name})]})


def delivery(number: int) -> Delivery:
    return Delivery(
        token=str(number), exchange_id=f"exchange-{number}", route="r", captured_at=0.0, attempts=1, exchange=None
    )


def test_an_exchange_waits_for_its_route_and_holds_up_no_other(tmp_path):
    async def main(there):
        async with there.working() as worker:
            await until(lambda: there.outcomes() == {"exchange-2:small": "agreed"}, "the known route's is stored")
            assert there.store.known(["exchange-1"]) == {}
            worker.reload(named("new", there.config))
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(exchange(1, route="new"), exchange(2))
        asyncio.run(main(there))

        assert there.outcomes() == {"exchange-1:small": "agreed", "exchange-2:small": "agreed"}
        assert there.counted("understudy_pairs_total", **UNKNOWN) == 0


def test_one_that_waits_is_not_delivered_again_and_again(tmp_path):
    leased = []

    async def main(there):
        reader = there.reader()

        class Noting:
            async def lease(self, limit, seconds):
                deliveries = await reader.lease(limit, seconds)
                leased.extend(delivery.exchange_id for delivery in deliveries)
                return deliveries

            def __getattr__(self, name):
                return getattr(reader, name)

        async with there.working(journal=Noting()):
            for number in range(2, 12):
                there.journal(exchange(number))
                await until(lambda number=number: len(there.pairs()) == number - 1, "it is stored")

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(exchange(1, route="new"))
        asyncio.run(main(there))

        assert leased.count("exchange-1") == 1


def test_one_whose_route_stays_unknown_is_stored_without_students_and_counted_once(tmp_path):
    with world(tmp_path, student(), settings=msgspec.structs.replace(QUICK, route_grace=0.3)) as there:
        there.run(exchange(1, route="new", prompt="call +49 30 123456"))
        there.run(exchange(1, route="new", prompt="call +49 30 123456"))

        assert there.store.known(["exchange-1"]) == {"exchange-1": frozenset()}
        assert there.pairs() == []
        assert there.counted("understudy_pairs_total", **UNKNOWN) == 1
        stored = b"".join(file.read_bytes() for file in tmp_path.glob("understudy.db*"))
        assert b"exchange-1" in stored
        assert b"123456" not in stored  # nobody said how to redact it


def test_those_for_which_there_is_no_room_are_not_waited_with(tmp_path):
    settings = msgspec.structs.replace(QUICK, most_parked=0)
    with world(tmp_path, student(), settings=settings) as there:
        there.run(*(exchange(number, route="new") for number in range(5)))

        assert there.counted("understudy_pairs_total", **UNKNOWN) == 5


def test_one_that_waits_for_its_route_is_given_back_when_the_worker_stops(tmp_path):
    async def main(there):
        async with there.working():
            await until(there.outcomes, "the other is stored")
        there.config = named("new", there.config)
        async with there.working(journal=there.reader("another")):  # the first one's leases would last for 30 s
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(exchange(1, route="new"), exchange(2))
        asyncio.run(main(there))

        assert there.outcomes() == {"exchange-1:small": "agreed", "exchange-2:small": "agreed"}


def test_what_waits_for_routes_leaves_room_for_what_waits_for_students():
    async def main():
        flights = Flights(most=10, most_bytes=100, most_parked=4)
        allowed = []
        for each in map(delivery, range(3)):
            allowed.append((flights.may_await_route(), flights.may_park()))
            flights.take(each)
            flights.park(each.exchange_id, Wait(until=10.0))
            flights.land(each.exchange_id)
        return allowed

    assert asyncio.run(main()) == [(True, True), (True, True), (False, True)]


def test_one_that_waits_for_a_student_comes_back_for_a_place_not_for_its_route():
    async def main():
        flights, lane = Flights(most=10, most_bytes=100, most_parked=4), Lane(1)
        await lane.enter()
        queue = asyncio.create_task(lane.enter())
        await until(lambda: lane.places == 0, "the lane's places are taken")
        flights.take(delivery(1))
        flights.park("exchange-1", Wait(lanes=(lane,), until=10.0))
        flights.land("exchange-1")
        before = flights.unpark(0.0, {"r"})
        lane.leave()
        await queue
        return before, [each.exchange_id for each in flights.unpark(0.0, {"r"})]

    assert asyncio.run(main()) == ([], ["exchange-1"])
