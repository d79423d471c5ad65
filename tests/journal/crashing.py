"""Processes of the journal that are killed by tests: ``python -m tests.journal.crashing writer|reader DIRECTORY …``.

A writer says ``<last number>`` after each batch that was appended; a reader ``<number>`` before it settles each lease,
so that what it said it had seen.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from proxy.journal.base import Tally
from proxy.journal.embedded import EmbeddedReader, EmbeddedWriter
from tests.journal.making import exchanges

BATCH = 20


def write(directory: Path, first: int) -> None:
    writer = EmbeddedWriter(directory, limit=2**30)
    while True:
        batch = exchanges(first, first + BATCH - 1, size=6000)
        writer.append(batch, [Tally(route="intents", outcome="journaled", bucket=2_000_000_000, n=BATCH)])
        first += BATCH
        sys.stdout.write(f"{first - 1}\n")
        sys.stdout.flush()
        writer.maintain()


async def read(directory: Path) -> None:
    reader = EmbeddedReader(directory, owner="killed")
    while True:
        deliveries = await reader.lease(10, 3600)
        for delivery in deliveries:
            sys.stdout.write(f"{delivery.exchange_id.removeprefix('exchange-')}\n")
        sys.stdout.flush()
        await reader.settle(deliveries)


if __name__ == "__main__":
    role, place, *rest = sys.argv[1:]
    if role == "writer":
        write(Path(place), int(rest[0]))
    else:
        asyncio.run(read(Path(place)))
