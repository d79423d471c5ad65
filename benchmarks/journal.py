"""How fast the embedded journal is: ``python -m benchmarks.journal``.

One process; exchanges of 4 KB in batches of 100, in a temporary directory on the disk that ``TMPDIR`` names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from proxy.journal.base import Exchange, Tally
from proxy.journal.embedded import EmbeddedReader, EmbeddedWriter

COUNT = 20_000
BATCH = 100
BODY = 2000  # of request and response each


def exchanges(first: int) -> list[Exchange]:
    now = time.time()
    request, response = os.urandom(BODY), os.urandom(BODY)
    return [
        Exchange(
            id=f"{number:032x}",
            route="intents",
            surface="chat/completions",
            path="/v1/chat/completions",
            arrived_at=now,
            captured_at=now,
            request=request,
            status=200,
            response=response,
        )
        for number in range(first, first + BATCH)
    ]


class Stopwatch:
    """Rates by the clock, and by the processor's time where others use the machine as well."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def rates(self, n: int) -> str:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return f"{n / wall:9,.0f} exchanges/s   {1e6 * cpu / n:6.1f} µs of CPU each"


def append(directory: Path, limit: int) -> str:
    writer = EmbeddedWriter(directory, limit=limit)
    batches = [exchanges(first) for first in range(0, COUNT, BATCH)]
    tally = Tally(route="intents", outcome="journaled", bucket=int(time.time()) // 300 * 300, n=BATCH)
    watch = Stopwatch()
    for batch in batches:
        writer.append(batch, [tally])
    rates = watch.rates(COUNT)
    writer.close()
    return rates


async def lease_and_settle(directory: Path) -> str:
    reader = EmbeddedReader(directory, owner="benchmark")
    done = 0
    watch = Stopwatch()
    while deliveries := await reader.lease(BATCH, 60.0):
        await reader.settle(deliveries)
        done += len(deliveries)
    rates = watch.rates(done)
    await reader.close()
    return rates


def collect(directory: Path) -> str:
    writer = EmbeddedWriter(directory, limit=2**40)
    with contextlib.closing(sqlite3.connect(directory / "relay-0.db")) as look:
        watch = Stopwatch()
        while look.execute("SELECT entries FROM state").fetchone() != (0,):
            writer.maintain()
        rates = watch.rates(COUNT)
    writer.close()
    return rates


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "journal"
        print(f"append, batches of {BATCH}     {append(directory, 2**40)}")
        print(f"lease and settle, by {BATCH}   {asyncio.run(lease_and_settle(directory))}")
        print(f"delete what is settled    {collect(directory)}")
        print(f"append while shedding     {append(Path(place) / 'full', 16 * 2**20)}")


if __name__ == "__main__":
    main()
