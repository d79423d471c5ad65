"""``kill -9`` of either side, again and again, at whatever moment it comes."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

from proxy.journal.embedded import EmbeddedReader, EmbeddedWriter
from tests.journal.crashing import BATCH
from tests.journal.making import exchanges

ROOT = Path(__file__).parents[2]


def run_and_kill(lines: int, *arguments: str) -> list[int]:
    """Numbers that the process said until it was killed, which is some time after its ``lines``-th line."""
    command = [sys.executable, "-m", "tests.journal.crashing", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    return [int(line) for line in said if line.endswith("\n")]


def all_that_waits(directory: Path) -> tuple[list[int], int]:
    """Numbers of all exchanges delivered, whole, and the sum of the tallies."""

    async def main():
        reader = EmbeddedReader(directory, owner="killed")
        found = []
        while deliveries := await reader.lease(500, 60):
            assert all(delivery.exchange is not None for delivery in deliveries)
            found += [int(delivery.exchange_id.removeprefix("exchange-")) for delivery in deliveries]
            await reader.settle(deliveries)
        depth = await reader.depth()
        assert (depth.entries, depth.bytes, depth.oldest) == (0, 0, None)
        totals = await reader.tallies()
        await reader.close()
        return found, sum(total.total for total in totals)

    return asyncio.run(main())


def check_files(directory: Path) -> None:
    for path in directory.glob("*.db"):
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def test_what_a_killed_writer_acknowledged_is_there_once(tmp_path):
    dice = random.Random(1)
    said: set[int] = set()
    begun_at = 1
    for _ in range(5):
        last = run_and_kill(dice.randint(1, 12), "writer", str(tmp_path), str(begun_at))[-1]
        said |= set(range(begun_at, last + 1))
        begun_at = last + BATCH + 1  # the batch under way may have been committed, unsaid
        check_files(tmp_path)
    found, tallied = all_that_waits(tmp_path)
    assert said <= set(found)
    assert len(found) == len(set(found)) == tallied
    assert len(set(found) - said) % BATCH == 0
    assert not (tmp_path / "relay-1.db").exists()


def test_what_a_killed_reader_had_not_settled_comes_again(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=2**30)
    writer.append(exchanges(1, 3000), [])
    dice = random.Random(2)
    seen: list[int] = []
    for _ in range(4):
        seen += run_and_kill(dice.randint(1, 60), "reader", str(tmp_path))
        writer.maintain()
        check_files(tmp_path)
    rest, _ = all_that_waits(tmp_path)
    assert set(seen) | set(rest) == set(range(1, 3001))
    twice = len(seen) + len(rest) - 3000
    assert 0 <= twice <= 4 * 10  # what was between lease and settle, each time


def test_both_sides_killed_in_turn_lose_nothing_that_was_acknowledged(tmp_path):
    dice = random.Random(3)
    said: set[int] = set()
    seen: list[int] = []
    begun_at = 1
    for _ in range(3):
        last = run_and_kill(dice.randint(1, 8), "writer", str(tmp_path), str(begun_at))[-1]
        said |= set(range(begun_at, last + 1))
        begun_at = last + BATCH + 1
        seen += run_and_kill(dice.randint(1, 15), "reader", str(tmp_path))
        check_files(tmp_path)
    rest, _ = all_that_waits(tmp_path)
    assert said <= set(seen) | set(rest)
