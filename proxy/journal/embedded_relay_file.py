"""One relay's journal file, as its only writer sees it: appending, letting go, and the room that is left."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from proxy.errors import JournalError, JournalFullError
from proxy.journal.base import Exchange, Tally
from proxy.journal.embedded_files import PAGE, RELAY_SCHEMA, Peer, connect, create, inode_of
from proxy.journal.embedded_relay_reading import origin_of
from proxy.journal.ranges import Range

STUB_LIMIT = 200_000  # entries without a body that may pile up while no worker comes for them
TALLIES_KEPT = 35 * 86400.0

_ROOM_TO_OVERWRITE = 256 * 2**20
_SMALLEST = 2**20
_CHUNK = 1000
_ROWS_AT_ONCE = 50
_SHED_AT_ONCE = 2**16
_SPARE_PAGES = 64 * 2**20 // PAGE  # free space that an all but empty file may keep
# Bytes of a row: the most that a leaf page takes whole, the least it keeps of a longer one, a chained page's worth.
_LARGEST, _SMALLEST_LOCAL, _CHAIN = PAGE - 35, (PAGE - 12) * 32 // 255 - 23, PAGE - 4
_encode = msgspec.msgpack.Encoder().encode


class Room(msgspec.Struct, frozen=True):
    """How much of the disk a relay's file may take."""

    pages: int  # of the database file
    reserve: int  # of these, for tallies alone
    log: int  # bytes of the write-ahead log

    @classmethod
    def within(cls, limit: int) -> Room:
        """Room in ``limit`` bytes, or in 1 MiB if that is more."""
        limit = max(limit, _SMALLEST)
        log = min(limit // 16, 16 * 2**20)
        pages = (limit - 2 * log) // PAGE  # the log may reach twice its size before anything is refused
        return cls(pages, min(pages // 8, 4096), log)

    @property
    def budget(self) -> int:
        return self.pages - self.reserve


class Progress(msgspec.Struct, frozen=True):
    """How far the workers are with one origin."""

    settled: Sequence[Range] = ()
    leased: frozenset[int] = frozenset()
    leased_through: int = 0


def read_progress(workers: Peer, origin: str, now: float) -> Progress:
    """What the workers' file says. Raises sqlite3.Error or JournalError."""
    connection = workers.connection()
    if connection is None:
        return Progress()
    settled = connection.execute("SELECT first, last FROM settled WHERE origin = ? ORDER BY first", (origin,))
    leased = connection.execute("SELECT seq FROM leases WHERE origin = ? AND expires > ?", (origin, now))
    through = connection.execute("SELECT leased_through FROM origins WHERE origin = ?", (origin,)).fetchone()
    return Progress(settled.fetchall(), frozenset(seq for (seq,) in leased), through[0] if through else 0)


class RelayFile:
    """Transactions are the caller's to begin and end, except where a method says that it does. Raises sqlite3.Error."""

    def __init__(self, path: Path, room: Room, workers: Peer, now: float) -> None:
        """Open the file, or make it. Raises JournalError too."""
        if not path.exists():
            create(path, RELAY_SCHEMA)
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._inode = inode_of(path)
        self._room = room
        self._workers = workers
        self.connection = connect(path, timeout=2.0)
        self._execute = self.connection.execute
        self._execute(f"PRAGMA max_page_count = {room.pages}")
        self._execute(f"PRAGMA wal_autocheckpoint = {max(8, room.log // PAGE // 2)}")
        self._execute(f"PRAGMA journal_size_limit = {room.log}")
        self._origin = origin_of(self.connection)
        # A power cut (never a killed process) may take the last commits away. Workers may have seen their numbers,
        # which therefore are not given again.
        through = read_progress(workers, self._origin, now).leased_through
        self._execute("UPDATE state SET last_seq = ? WHERE last_seq < ?", (through, through))

    def is_in_place(self) -> bool:
        """Whether the file still has its name: somebody may have cleared the directory."""
        return inode_of(self._path) == self._inode

    def has_overlong_log(self) -> bool:
        """Whether the write-ahead log outgrew its room, because a reader does not let go of an old state of it."""
        try:
            if self._log.stat().st_size <= 2 * self._room.log:
                return False
        except FileNotFoundError:
            return False
        self.empty_log()
        return self._log.stat().st_size > 2 * self._room.log

    def empty_log(self) -> None:
        """Bring the write-ahead log's pages home and give its room back, unless a reader is in the way."""
        self._execute("PRAGMA busy_timeout = 50")
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._execute("PRAGMA busy_timeout = 2000")

    def append(self, exchanges: Sequence[Exchange], bodies: Sequence[bytes], now: float) -> None:
        """Add exchanges; what is oldest makes room for them. Raises JournalFullError."""
        without = self._make_room([len(body) for body in bodies], now)
        (last_seq,) = self._execute("SELECT last_seq FROM state").fetchone()
        sizes = [0] * without + [len(body) for body in bodies[without:]]
        self._insert(
            "INSERT INTO entries VALUES",
            [
                (seq, exchange.id, exchange.route, exchange.captured_at, exchange.probability, size)
                for seq, (exchange, size) in enumerate(zip(exchanges, sizes, strict=True), last_seq + 1)
            ],
        )
        self._insert("INSERT INTO bodies VALUES", list(enumerate(bodies[without:], last_seq + 1 + without)))
        self._execute(
            "UPDATE state SET last_seq = last_seq + ?, entries = entries + ?, bytes = bytes + ?, stubs = stubs + ?",
            (len(exchanges), len(exchanges), sum(sizes), without),
        )
        (stubs,) = self._execute("SELECT stubs FROM state").fetchone()
        if stubs > STUB_LIMIT:
            raise self._full()

    def _insert(self, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Many rows in one step: each step lets go of the interpreter's lock and has to win it back from the loop."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            marks = f"({', '.join('?' * len(some[0]))})"
            self._execute(f"{into} {', '.join([marks] * len(some))}", [value for row in some for value in row])

    def tally(self, tallies: Sequence[Tally]) -> None:
        self._execute("UPDATE state SET revision = revision + 1")
        (revision,) = self._execute("SELECT revision FROM state").fetchone()
        self.connection.executemany(
            "INSERT INTO tallies VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET total = total + excluded.total, revision = excluded.revision",
            [
                (tally.route, tally.outcome, tally.reason, tally.bucket, tally.probability, tally.n, revision)
                for tally in tallies
            ],
        )

    def keep_within_room(self, now: float) -> None:
        """Shed what is too much: the limit may have been lowered."""
        self._let_go_until(self._room.budget, now)

    def collect(self, now: float, *, seconds: float) -> None:
        """Delete what the workers settled, for ``seconds`` at most, in transactions of its own.

        Text is kept until its pair is stored and no longer: what is deleted is written over.
        """
        deadline = time.monotonic() + seconds
        settled = read_progress(self._workers, self._origin, now).settled
        # Writing over what goes takes room in the log, which a disk that is nearly full has not.
        roomy = shutil.disk_usage(self._path.parent).free > _ROOM_TO_OVERWRITE
        self._execute(f"PRAGMA secure_delete = {'ON' if roomy else 'OFF'}")
        collected = self._collect_until(deadline, settled)
        (left,) = self._execute("SELECT entries FROM state").fetchone()
        if collected and not left and roomy:
            self.empty_log()  # it holds text too, until somebody writes over it

    def _collect_until(self, deadline: float, settled: Sequence[Range]) -> bool:
        """Whether anything was deleted."""
        chunks = self._collecting(settled)
        collected = False
        more: bool | None = True
        while more and time.monotonic() < deadline:
            self._execute("BEGIN IMMEDIATE")
            more = next(chunks, None)
            self._execute("COMMIT")
            collected = collected or more is not None
        return collected

    def prune(self, now: float) -> None:
        """Drop old tallies, and give the disk back what an all but empty file has too much of. Not in a transaction."""
        self._execute("DELETE FROM tallies WHERE bucket < ?", (now - TALLIES_KEPT,))
        (kept,) = self._execute("SELECT bytes FROM state").fetchone()
        (free,) = self._execute("PRAGMA freelist_count").fetchone()
        if kept < _SMALLEST and free > min(_SPARE_PAGES, self._room.pages):
            self._execute("VACUUM")
            self.empty_log()

    def _make_room(self, sizes: Sequence[int], now: float) -> int:
        """Let go of what is oldest until new bodies fit; returns how many of the first of them must do without."""
        budget = self._room.budget
        without = 0
        while without < len(sizes) and pages_needed(sizes[without:], without) > budget:
            without += 1
        if not self._let_go_until(budget - pages_needed(sizes[without:], without), now):
            while without < len(sizes) and self._pages_used() + pages_needed(sizes[without:], without) > budget:
                without += 1
            if self._pages_used() + pages_needed(sizes[without:], without) > budget:
                raise self._full()
        return without

    def _let_go_until(self, pages: int, now: float) -> bool:
        """Let go of bodies until no more than ``pages`` are used; False if there are none left before that."""
        if self._pages_used() <= pages:
            return True
        return any(self._pages_used() <= pages for _ in self._letting_go(now))

    def _letting_go(self, now: float) -> Iterator[bool]:
        """Step by step: what is settled, then the oldest bodies that no worker holds, then any."""
        try:
            progress = read_progress(self._workers, self._origin, now)
        except (sqlite3.Error, JournalError):
            progress = Progress()  # there must be room whatever becomes of the workers
        yield from self._collecting(progress.settled)
        for held in (progress.leased, frozenset[int]()):
            seq = 0
            while batch := self._execute(
                "SELECT seq, size FROM bodies JOIN entries USING (seq) WHERE seq > ? ORDER BY seq LIMIT 100", (seq,)
            ).fetchall():
                seq = batch[-1][0]
                yield from self._shed([row for row in batch if row[0] not in held])

    def _shed(self, oldest: Sequence[tuple[int, int]]) -> Iterator[bool]:
        """Let go of bodies, (number, size) each, some 64 KiB at a time."""
        begin = size = 0
        for end, (_, its_size) in enumerate(oldest, 1):
            size += its_size
            if size < _SHED_AT_ONCE and end < len(oldest):
                continue
            seqs = (str([seq for seq, _ in oldest[begin:end]]),)
            self._execute("UPDATE entries SET size = 0 WHERE seq IN (SELECT value FROM json_each(?))", seqs)
            self._execute("DELETE FROM bodies WHERE seq IN (SELECT value FROM json_each(?))", seqs)
            self._execute("UPDATE state SET stubs = stubs + ?, bytes = bytes - ?", (end - begin, size))
            begin, size = end, 0
            yield True

    def _collecting(self, settled: Sequence[Range]) -> Iterator[bool]:
        for first, last in settled:
            while True:
                (start,) = self._execute(
                    "SELECT min(seq) FROM entries WHERE seq BETWEEN ? AND ?", (first, last)
                ).fetchone()
                if start is None:
                    break
                some = (start, min(last, start + _CHUNK - 1))
                gone = self._execute(
                    "SELECT count(*), sum(size), sum(size = 0) FROM entries WHERE seq BETWEEN ? AND ?", some
                ).fetchone()
                self._execute("DELETE FROM entries WHERE seq BETWEEN ? AND ?", some)
                self._execute("DELETE FROM bodies WHERE seq BETWEEN ? AND ?", some)
                self._execute("UPDATE state SET entries = entries - ?, bytes = bytes - ?, stubs = stubs - ?", gone)
                yield True

    def _pages_used(self) -> int:
        (pages,) = self._execute("PRAGMA page_count").fetchone()
        (free,) = self._execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def _full(self) -> JournalFullError:
        return JournalFullError(f"the journal is full ({self._path}): shadow workers do not come for what is in it")


def encode_bodies(exchanges: Sequence[Exchange]) -> list[bytes]:
    return [_encode(exchange) for exchange in exchanges]


def pages_needed(sizes: Sequence[int], stubs: int = 0) -> int:
    """An upper bound of the pages that new entries take: SQLite's file format (section 1.6), filled in order."""
    chained = leaves = left = 0
    for size in sizes:
        payload = size + 8
        local = payload
        if payload > _LARGEST:
            local = _SMALLEST_LOCAL + (payload - _SMALLEST_LOCAL) % _CHAIN
            if local > _LARGEST:
                local = _SMALLEST_LOCAL
            chained += -(-(payload - local) // _CHAIN)
        cell = local + 20
        if cell > left:
            leaves += 1
            left = PAGE - 12
        left -= cell
    entries = (len(sizes) + stubs) * 200 // PAGE
    return chained + leaves + leaves // 200 + entries + 8
