"""What is the embedded engine's own: its files, its bounds, and what goes wrong with disks."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

from proxy.errors import JournalError
from proxy.journal import embedded_relay_file
from proxy.journal.base import Tally
from proxy.journal.embedded import EmbeddedReader, EmbeddedWriter, journal_directory
from proxy.journal.embedded_worker_side import WorkerSide
from proxy.journal.embedded_writer import tidy_after_the_dead
from tests.journal.making import NOON, Clock, exchange, exchanges

MIB = 2**20
TALLY = Tally(route="intents", outcome="journaled", bucket=2_000_000_000)


def with_reader(directory: Path, work, *, owner="a", clock=None):
    """What ``work(reader)`` gives."""

    async def main():
        reader = EmbeddedReader(directory, owner=owner, clock=clock or Clock())
        try:
            return await work(reader)
        finally:
            await reader.close()

    return asyncio.run(main())


def drain(directory: Path, *, settle: bool = True, clock=None) -> list[tuple[str, bool]]:
    """(id, whether its text is there) of all that waits."""

    async def work(reader):
        found = []
        while deliveries := await reader.lease(500, 60):
            found += [(each.exchange_id, each.exchange is not None) for each in deliveries]
            if settle:
                await reader.settle(deliveries)
        return found

    return with_reader(directory, work, clock=clock)


def append_until_it_fails(writer: EmbeddedWriter, *, size: int) -> tuple[list[str], str]:
    """Ids of what was kept, in batches of ten, and what was said of the one that was not."""
    kept: list[str] = []
    for start in range(1, 5000, 10):
        batch = exchanges(start, start + 9, size=size)
        try:
            writer.append(batch, [TALLY])
        except JournalError as error:
            return kept, f"{type(error).__name__}: {error}"
        kept += [each.id for each in batch]
    pytest.fail("it never failed")


def disk_use(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("sqlite:///understudy.db", "understudy.journal"),
        ("sqlite:////var/lib/understudy/pairs.db", "/var/lib/understudy/pairs.journal"),
        ("sqlite:///data/store", "data/store.journal"),
        ("postgresql://user:pw@host/db", "understudy.journal"),
    ],
)
def test_the_journal_lies_beside_a_sqlite_store(url, directory):
    assert journal_directory(url) == Path(directory)


def test_prompts_are_nobody_elses_to_read(tmp_path):
    EmbeddedWriter(tmp_path / "a" / "journal", limit=MIB).close()
    assert (tmp_path / "a" / "journal").stat().st_mode & 0o777 == 0o700


def test_each_relay_has_a_file_of_its_own_and_takes_it_again(tmp_path):
    first, second = (EmbeddedWriter(tmp_path, limit=4 * MIB, writers=2) for _ in range(2))
    first.append([exchange(1)], [TALLY])
    second.append([exchange(2)], [TALLY])
    first.close()
    again = EmbeddedWriter(tmp_path, limit=4 * MIB, writers=2)
    again.append([exchange(3)], [TALLY])
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["relay-0.db", "relay-1.db"]
    totals = with_reader(tmp_path, lambda reader: reader.tallies())
    assert sorted(total.total for total in totals) == [1, 2]
    assert len({total.origin for total in totals}) == 2
    assert sorted(drain(tmp_path)) == [(f"exchange-{number}", True) for number in (1, 2, 3)]


def test_a_new_relay_does_not_wait_for_one_that_still_drains(tmp_path):
    old = EmbeddedWriter(tmp_path, limit=4 * MIB)
    new = EmbeddedWriter(tmp_path, limit=4 * MIB)
    old.append([exchange(1)], [])
    new.append([exchange(2)], [])
    assert drain(tmp_path) == [("exchange-1", True), ("exchange-2", True)]


def test_exchanges_of_several_relays_come_in_the_order_of_their_capture(tmp_path):
    first, second = (EmbeddedWriter(tmp_path, limit=4 * MIB, writers=2) for _ in range(2))
    first.append([exchange(number) for number in (1, 3, 4)], [])
    second.append([exchange(number) for number in (2, 5, 6)], [])
    assert [name for name, _ in drain(tmp_path)] == [f"exchange-{number}" for number in range(1, 7)]


def test_the_disk_is_bounded_however_much_comes_and_whoever_reads(tmp_path):
    limit = 4 * MIB
    writer = EmbeddedWriter(tmp_path, limit=limit)
    for start in range(1, 2000, 50):
        writer.append(exchanges(start, start + 49, size=4000 + start * 3), [TALLY])
        writer.maintain()
        assert disk_use(tmp_path) <= limit + 50 * 14_000  # and one batch, in the log
    found = drain(tmp_path)
    assert len(found) == 2000
    assert found[-1][1]
    assert not found[0][1]


def test_room_is_used_again_once_exchanges_are_settled(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=4 * MIB)
    for start in range(1, 3000, 200):
        writer.append(exchanges(start, start + 199, size=8000), [])
        assert all(whole for _, whole in drain(tmp_path))
        writer.maintain()
    assert disk_use(tmp_path) <= 5 * MIB


def test_settled_exchanges_make_room_before_any_is_shed(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=4 * MIB)
    writer.append(exchanges(1, 300, size=8000), [])
    drain(tmp_path)
    writer.append(exchanges(301, 600, size=8000), [])  # nobody called maintain
    assert drain(tmp_path) == [(f"exchange-{number}", True) for number in range(301, 601)]


def test_what_workers_hold_is_shed_last(tmp_path):
    clock = Clock()
    writer = EmbeddedWriter(tmp_path, limit=2 * MIB, clock=clock)
    writer.append(exchanges(1, 100, size=8000), [])

    async def work(reader):
        held = await reader.lease(10, 60)
        writer.append(exchanges(101, 200, size=8000), [])
        await reader.release(held)
        return await reader.lease(500, 60)

    found = with_reader(tmp_path, work, clock=clock)
    whole = [delivery.exchange is not None for delivery in found]
    assert len(found) == 200
    assert all(whole[:10])
    assert not any(whole[10:50])


def test_an_exchange_larger_than_the_journal_is_handed_over_without_its_text_and_pushes_nothing_out(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    writer.append([exchange(1)], [])
    writer.append([exchange(2, size=2 * MIB), exchange(3)], [])
    assert drain(tmp_path) == [("exchange-1", True), ("exchange-2", False), ("exchange-3", True)]


def test_a_batch_larger_than_the_journal_keeps_its_newest(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    writer.append(exchanges(1, 300, size=8000), [])
    whole = [whole for _, whole in drain(tmp_path)]
    assert len(whole) == 300
    assert whole == sorted(whole)
    assert 20 < sum(whole) < 130


def test_when_nobody_ever_comes_the_journal_is_full_for_exchanges_but_not_for_tallies(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_relay_file, "STUB_LIMIT", 50)
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    kept, said = append_until_it_fails(writer, size=8000)
    assert said.startswith("JournalFullError: the journal is full")
    writer.append([], [TALLY])
    (total,) = with_reader(tmp_path, lambda reader: reader.tallies())
    assert total.total == len(kept) // 10 + 1
    assert [name for name, _ in drain(tmp_path)] == kept
    writer.append([exchange(9000)], [])
    assert drain(tmp_path) == [("exchange-9000", True)]


def test_a_reader_that_holds_on_to_an_old_state_cannot_make_the_log_grow_without_end(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    writer.append([exchange(1)], [])
    with contextlib.closing(sqlite3.connect(tmp_path / "relay-0.db", isolation_level=None)) as stuck:
        stuck.execute("BEGIN")
        stuck.execute("SELECT count(*) FROM entries").fetchone()
        _, said = append_until_it_fails(writer, size=8000)
        assert said.endswith("a reader holds on to its log")
        assert disk_use(tmp_path) < 2 * MIB
        writer.append([], [TALLY])
    writer.append([exchange(9000)], [])
    assert drain(tmp_path)[-1] == ("exchange-9000", True)


def test_a_page_limit_is_an_error_in_one_line_and_leaves_the_journal_usable(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=64 * MIB)
    writer.append(exchanges(1, 10), [TALLY])
    (pages,) = writer._file.connection.execute("PRAGMA page_count").fetchone()
    writer._file.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError) as caught:
        writer.append(exchanges(11, 20, size=9000), [TALLY])
    assert str(caught.value) == (f"the journal cannot be written ({tmp_path / 'relay-0.db'}): database or disk is full")
    writer._file.connection.execute("PRAGMA max_page_count = 10000")
    writer.append(exchanges(21, 30), [TALLY])
    assert [name for name, _ in drain(tmp_path)] == [f"exchange-{n}" for n in [*range(1, 11), *range(21, 31)]]
    (total,) = with_reader(tmp_path, lambda reader: reader.tallies())
    assert total.total == 2


@pytest.fixture
def tiny_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_is_an_error_and_once_there_is_room_it_goes_on(tiny_disk):
    directory = tiny_disk / "journal"
    writer = EmbeddedWriter(directory, limit=64 * MIB)
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(b"x" * (2 * MIB))
    kept, said = append_until_it_fails(writer, size=4000)
    assert re.fullmatch(
        r"JournalError: the journal cannot be written \(.*\): (database or disk is full|disk I/O error)", said
    )
    for _ in range(3):
        with pytest.raises(JournalError):
            writer.append(exchanges(2000, 2100, size=4000), [])
    ballast.unlink()
    writer.append([exchange(9000)], [TALLY])
    assert drain(directory) == [(name, True) for name in [*kept, "exchange-9000"]]
    writer.maintain()
    writer.append(exchanges(4000, 4050, size=4000), [])
    assert len(drain(directory)) == 51


def test_a_directory_that_cannot_be_made_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="the journal cannot be created"):
        EmbeddedWriter(tmp_path / "file" / "journal", limit=MIB)


def test_a_file_that_is_no_journal_is_said_so_and_the_others_are_read(tmp_path):
    (tmp_path / "relay-0.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(JournalError, match="file is not a database"):
        EmbeddedWriter(tmp_path, limit=MIB)
    (tmp_path / "relay-0.db").rename(tmp_path / "relay-7.db")
    EmbeddedWriter(tmp_path, limit=MIB).append([exchange(1)], [])
    assert drain(tmp_path) == [("exchange-1", True)]


def test_a_cleared_directory_is_begun_anew(tmp_path):
    directory = tmp_path / "journal"
    writer = EmbeddedWriter(directory, limit=MIB)
    writer.append([exchange(1)], [])

    async def work(reader):
        await reader.settle(await reader.lease(10, 60))
        for path in directory.iterdir():
            path.unlink()
        writer.maintain()
        writer.append([exchange(2)], [])
        return [delivery.exchange_id for delivery in await reader.lease(10, 60)]

    assert with_reader(directory, work) == ["exchange-2"]


def test_the_log_of_a_file_that_is_gone_is_not_taken_for_the_new_ones(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    writer.append(exchanges(1, 3), [])
    (tmp_path / "relay-0.db").unlink()  # its log stays
    writer.maintain()
    writer.append([exchange(4)], [])
    assert drain(tmp_path) == [("exchange-4", True)]


def test_numbers_that_a_power_cut_took_away_are_not_given_to_new_exchanges(tmp_path):
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    writer.append(exchanges(1, 5), [])
    writer.close()
    before = (tmp_path / "relay-0.db").read_bytes()
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    writer.append(exchanges(6, 9), [])
    drain(tmp_path)
    writer.close()
    (tmp_path / "relay-0.db").write_bytes(before)
    writer = EmbeddedWriter(tmp_path, limit=MIB)
    writer.append(exchanges(10, 12), [])
    assert [name for name, _ in drain(tmp_path)] == ["exchange-10", "exchange-11", "exchange-12"]


def test_what_was_leased_and_then_lost_by_a_power_cut_is_let_go(tmp_path):
    clock = Clock()
    writer = EmbeddedWriter(tmp_path, limit=MIB, clock=clock)
    writer.close()
    before = (tmp_path / "relay-0.db").read_bytes()
    writer = EmbeddedWriter(tmp_path, limit=MIB, clock=clock)
    writer.append(exchanges(1, 3), [])
    drain(tmp_path, settle=False, clock=clock)
    writer.close()
    (tmp_path / "relay-0.db").write_bytes(before)
    clock.now += 100
    assert drain(tmp_path, clock=clock) == []
    assert with_reader(tmp_path, lambda reader: reader.depth(), clock=clock).oldest is None


def test_the_dead_relays_file_is_tidied_and_its_tallies_stay(tmp_path):
    living = EmbeddedWriter(tmp_path, limit=200 * MIB, writers=2)
    dead = EmbeddedWriter(tmp_path, limit=200 * MIB, writers=2)
    for start in range(1, 81, 10):
        dead.append(exchanges(start, start + 9, size=MIB), [TALLY])
    dead.close()
    assert (tmp_path / "relay-1.db").stat().st_size > 75 * MIB
    assert len(drain(tmp_path)) == 80
    tidy_after_the_dead(tmp_path, Clock())
    assert (tmp_path / "relay-1.db").stat().st_size < MIB
    (total,) = with_reader(tmp_path, lambda reader: reader.tallies())
    assert total.total == 8
    living.append([exchange(1)], [])
    assert drain(tmp_path) == [("exchange-1", True)]


def test_one_file_that_cannot_be_read_keeps_no_other_from_being_tidied(tmp_path):
    writers = [EmbeddedWriter(tmp_path, limit=8 * MIB, writers=2) for _ in range(2)]
    writers[1].append(exchanges(1, 3), [])
    for writer in writers:
        writer.close()
    drain(tmp_path)
    (tmp_path / "relay-0.db").write_bytes(b"not a database, but long enough to be looked at" * 100)

    with pytest.raises(JournalError, match=r"relay-0\.db"):
        tidy_after_the_dead(tmp_path, Clock())

    with contextlib.closing(sqlite3.connect(tmp_path / "relay-1.db")) as tidied:
        assert tidied.execute("SELECT count(*) FROM entries").fetchone() == (0,)


def bookkeeping(directory: Path) -> set[tuple[str, int]]:
    """(table, rows) of what the workers know of relay files, where there is any."""
    with contextlib.closing(sqlite3.connect(directory / "workers.db")) as workers:
        counts = {
            (table, workers.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in ("origins", "leases", "settled")
        }
    return {(table, rows) for table, rows in counts if rows}


def lease_two_of_three_and_settle_one(side: WorkerSide) -> None:
    deliveries = side.lease(2, 60)
    side.settle(deliveries[:1])


def test_nothing_is_remembered_of_relay_files_that_are_gone(tmp_path):
    side = WorkerSide(tmp_path, "a", Clock())
    for number in (1, 4):
        writer = EmbeddedWriter(tmp_path, limit=4 * MIB)
        writer.append(exchanges(number, number + 2), [])
        lease_two_of_three_and_settle_one(side)
        writer.close()
        if number == 1:
            (tmp_path / "relay-0.db").rename(tmp_path / "elsewhere.db")
    assert bookkeeping(tmp_path) == {("origins", 2), ("leases", 2), ("settled", 2)}

    side.tidy()

    assert bookkeeping(tmp_path) == {("origins", 1), ("leases", 1), ("settled", 1)}
    assert [delivery.exchange_id for delivery in side.lease(10, 60)] == ["exchange-6"]
    side.close()


def test_what_is_known_of_a_file_that_cannot_be_read_just_now_stays(tmp_path):
    side = WorkerSide(tmp_path, "a", Clock())
    writer = EmbeddedWriter(tmp_path, limit=4 * MIB)
    writer.append(exchanges(1, 3), [])
    lease_two_of_three_and_settle_one(side)
    writer.close()
    (tmp_path / "relay-0.db").rename(tmp_path / "whole.db")
    (tmp_path / "relay-0.db").write_bytes(b"not a database, but long enough to be looked at" * 100)

    with contextlib.suppress(JournalError):
        side.tidy()
    (tmp_path / "whole.db").replace(tmp_path / "relay-0.db")
    side.tidy()

    assert [delivery.exchange_id for delivery in side.lease(10, 60)] == ["exchange-3"]
    assert bookkeeping(tmp_path) == {("origins", 1), ("leases", 2), ("settled", 1)}
    side.close()


def test_tallies_are_kept_for_35_days(tmp_path):
    clock = Clock()
    writer = EmbeddedWriter(tmp_path, limit=MIB, clock=clock)
    writer.append([], [Tally(route="intents", outcome="journaled", bucket=int(NOON))])
    clock.now += 34 * 86400
    writer.maintain()
    assert len(with_reader(tmp_path, lambda reader: reader.tallies())) == 1
    clock.now += 2 * 86400
    writer.maintain()
    assert with_reader(tmp_path, lambda reader: reader.tallies()) == []


def test_a_lowered_limit_is_kept_to(tmp_path):
    clock = Clock()
    writer = EmbeddedWriter(tmp_path, limit=100 * MIB)
    writer.append(exchanges(1, 80, size=MIB), [])
    writer.close()
    writer = EmbeddedWriter(tmp_path, limit=10 * MIB, clock=clock)
    writer.maintain()
    assert with_reader(tmp_path, lambda reader: reader.depth()).bytes < 10 * MIB
    drain(tmp_path)
    clock.now += 3600
    writer.maintain()
    assert disk_use(tmp_path) < 10 * MIB
