"""The exchanges that a worker has taken on.

They are in flight (in memory, being worked on) or parked (leased, not in memory).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Container

import msgspec

from proxy.journal.base import Delivery
from proxy.shadow.lanes import Lane


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange waits for outside of memory: a place in one of these lanes; where there are none, its route."""

    lanes: tuple[Lane, ...] = ()
    until: float  # unix seconds: then it comes back in any case, to be told what became of it


class Flight:
    """An exchange being worked on.  It may have been delivered more than once meanwhile."""

    def __init__(self, delivery: Delivery) -> None:
        exchange = delivery.exchange
        self.deliveries = [delivery]
        self.size = 0 if exchange is None else len(exchange.request) + len(exchange.response)
        self.read = False
        self.wait: Wait | None = None


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that waits outside of memory."""

    deliveries: tuple[Delivery, ...]  # without their exchanges
    wait: Wait

    @property
    def route(self) -> str:
        return self.deliveries[0].route


class Flights:
    """Bounds what is in memory: by number, and by bytes of bodies once they are decoded."""

    def __init__(self, *, most: int, most_bytes: int, most_parked: int) -> None:
        self.most = most
        self._most_bytes = most_bytes
        self._most_parked = most_parked
        self._flights: dict[str, Flight] = {}
        self._parked: dict[str, Parked] = {}
        self._bytes = 0
        self._read = 0
        self._changed = asyncio.Event()

    @property
    def full(self) -> bool:
        return len(self._flights) >= self.most or self._bytes >= self._most_bytes

    @property
    def ids(self) -> frozenset[str]:
        """The exchanges in flight."""
        return frozenset(self._flights)

    @property
    def empty(self) -> bool:
        return not self._flights

    def room(self, largest: int) -> int:
        """How many more exchanges of the largest size may be taken on: one at least, unless it is full."""
        if self.full:
            return 0
        by_bytes = (self._most_bytes - self._bytes) // max(1, largest)
        return max(1, min(self.most - len(self._flights), by_bytes))

    def take(self, delivery: Delivery) -> bool:
        """Take an exchange on; False where it is in flight already, and only was delivered again."""
        self._parked.pop(delivery.exchange_id, None)
        known = self._flights.get(delivery.exchange_id)
        if known is not None:
            known.deliveries.append(without_exchange(delivery))
            return False
        flight = Flight(delivery)
        self._flights[delivery.exchange_id] = flight
        self._bytes += flight.size
        return True

    async def may_be_read(self) -> None:
        """Wait until there is room for a decoded body.  The first one always may."""
        while self._bytes >= self._most_bytes and self._read:
            await self._changed.wait()

    def was_read(self, exchange_id: str, size: int) -> None:
        """An exchange is in memory whole, with so many bytes of bodies."""
        flight = self._flights[exchange_id]
        self._bytes += size - flight.size
        self._read += not flight.read
        flight.size, flight.read = size, True

    def land(self, exchange_id: str) -> None:
        """It is out of memory: done with, or parked."""
        flight = self._flights.pop(exchange_id)
        self._bytes -= flight.size
        self._read -= flight.read
        if flight.wait is not None:
            deliveries = tuple(without_exchange(each) for each in flight.deliveries)
            self._parked[exchange_id] = Parked(deliveries=deliveries, wait=flight.wait)
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, seconds: float) -> None:
        """Wait until an exchange has landed, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def deliveries_of(self, exchange_id: str) -> list[Delivery]:
        return list(self._flights[exchange_id].deliveries)

    def leased(self) -> list[Delivery]:
        """All deliveries whose leases are ours."""
        flying = [delivery for flight in self._flights.values() for delivery in flight.deliveries]
        return flying + [delivery for parked in self._parked.values() for delivery in parked.deliveries]

    def may_park(self) -> bool:
        """Whether one more may wait for a student."""
        return len(self._parked) < self._most_parked

    def may_await_route(self) -> bool:
        """Whether one more may wait for its route: half of the room stays for those that wait for students."""
        return len(self._parked) < self._most_parked // 2

    def park(self, exchange_id: str, wait: Wait) -> None:
        """Once it lands, keep its leases for what it waits for, and nothing else."""
        self._flights[exchange_id].wait = wait

    def unpark(self, now: float, routes: Container[str]) -> list[Delivery]:
        """Deliveries to give back to the journal: what they wait for is there, or their time is over.

        Args:
            now: Unix seconds.
            routes: The names of those that are known.
        """
        places = {lane: lane.places for parked in self._parked.values() for lane in parked.wait.lanes}
        leaving = []
        for exchange_id, parked in self._parked.items():  # oldest first
            lane = next((lane for lane in parked.wait.lanes if places[lane] > 0), None)
            if lane is not None:
                places[lane] -= 1
            elif now < parked.wait.until and (parked.wait.lanes or parked.route not in routes):
                continue
            leaving.append(exchange_id)
        return [delivery for exchange_id in leaving for delivery in self._parked.pop(exchange_id).deliveries]


def make_room(lanes: Collection[Lane]) -> int:
    """Where some students wait for exchanges while another's queue takes all the room: send its excess away.

    Those within ``Lane.places`` stay: they would come back at once.
    """
    longest = max(lanes, key=lambda lane: -lane.places, default=None)
    if longest is None or longest.places >= 0 or not any(lane.idle for lane in lanes):
        return 0
    return longest.park(-longest.places)


def without_exchange(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, exchange=None)
