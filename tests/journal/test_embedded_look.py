"""A look at what waits in the embedded journal: it changes nothing, and it never says less than there is."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from proxy.errors import JournalError
from proxy.journal.embedded import EmbeddedReader, EmbeddedWriter
from proxy.journal.embedded_look import look
from proxy.journal.embedded_workers_file import WorkersFile
from tests.journal.making import NOON, Clock, exchanges


def lease(directory, owner: str, number: int) -> None:
    async def main():
        reader = EmbeddedReader(directory, owner=owner, clock=Clock())
        await reader.lease(number, 60)
        await reader.close()

    asyncio.run(main())


@pytest.fixture
def filled(tmp_path):
    directory = tmp_path / "journal"
    with contextlib.closing(EmbeddedWriter(directory, limit=2**24, clock=Clock())) as writer:
        writer.append(exchanges(1, 5), [])
        yield directory


def test_where_no_journal_is_nothing_waits_and_none_is_made(tmp_path):
    assert look(tmp_path / "journal").entries == 0
    assert list(tmp_path.iterdir()) == []


def test_it_sees_what_a_relay_wrote_before_any_worker_came(filled):
    seen = look(filled)

    assert (seen.entries, seen.oldest) == (5, NOON + 1)
    assert not (filled / "workers.db").exists()


def test_leases_of_whoever_looks_stay_as_they_are(filled):
    lease(filled, "admin", 2)

    def depth_as(owner: str):
        async def main():
            reader = EmbeddedReader(filled, owner=owner, clock=Clock())
            depth = await reader.depth()
            await reader.close()
            return depth

        return asyncio.run(main())

    before = (filled / "workers.db-wal").read_bytes() if (filled / "workers.db-wal").exists() else b""
    assert depth_as("admin").entries == look(filled).entries == 5
    after = (filled / "workers.db-wal").read_bytes() if (filled / "workers.db-wal").exists() else b""
    assert before == after


def test_it_needs_no_lock_while_a_worker_writes(filled):
    lease(filled, "a", 1)
    with contextlib.closing(WorkersFile(filled)) as workers, workers.transaction():
        assert look(filled).entries == 5


@pytest.mark.parametrize("name", ["relay-7.db", "workers.db"])
def test_a_file_that_cannot_be_read_is_an_error_and_not_left_out(filled, name):
    (filled / name).write_bytes(b"this is no database " * 500)

    with pytest.raises(JournalError, match=name):
        look(filled)
