"""A look at what waits in the embedded journal, for whoever only wants to know: nothing is leased, made or written."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from proxy.journal.base import Depth
from proxy.journal.embedded_files import WORKERS_FILE, DamagedError, connect, inode_of, journal_errors, relay_files
from proxy.journal.embedded_relay_reading import entries_after, origin_of, total_of
from proxy.journal.ranges import Range


def look(directory: Path) -> Depth:
    """What is not settled. Raises JournalError where a file cannot be read: less is never said than there is."""
    entries = size = 0
    oldest: list[float] = []
    with contextlib.ExitStack() as opened:
        workers = opened.enter_context(_opened(directory / WORKERS_FILE))
        for path in relay_files(directory).values():
            with _opened(path) as relay:
                if relay is None:
                    continue
                with journal_errors(path, "read"):
                    origin = origin_of(relay)
                # In this order: what is settled or leased meanwhile is then counted once too often, not left out.
                with journal_errors(directory / WORKERS_FILE, "read"):
                    progress = _progress(workers, origin)
                with journal_errors(path, "read"):
                    kept, held, moments = _unsettled(relay, origin, progress)
            entries += kept
            size += held
            oldest += moments
    return Depth(entries=entries, bytes=size, oldest=min(oldest, default=None))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A file, only read; None where there is none."""
    with journal_errors(path, "read"):
        connection = None if inode_of(path) is None else connect(path, timeout=1.0, mode="ro")
    try:
        yield connection
    finally:
        if connection is not None:
            connection.close()


@contextlib.contextmanager
def _one_state_of(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("BEGIN")
    try:
        yield
    finally:
        file.execute("ROLLBACK")


class _Progress(msgspec.Struct, frozen=True):
    """Of an origin: what is settled, up to where it was handed out, when the oldest was captured that is held."""

    settled: list[Range] = []
    through: int = 0
    leased: float | None = None


def _progress(workers: sqlite3.Connection | None, origin: str) -> _Progress:
    if workers is None:
        return _Progress()
    with _one_state_of(workers):
        settled = workers.execute("SELECT first, last FROM settled WHERE origin = ? ORDER BY first", (origin,))
        ranges = settled.fetchall()
        through = workers.execute("SELECT leased_through FROM origins WHERE origin = ?", (origin,)).fetchone()
        (leased,) = workers.execute("SELECT min(captured_at) FROM leases WHERE origin = ?", (origin,)).fetchone()
    return _Progress(ranges, through[0] if through else 0, leased)


def _unsettled(relay: sqlite3.Connection, origin: str, progress: _Progress) -> tuple[int, int, list[float]]:
    """Entries of a relay and their bytes, and when those were captured of which one is the oldest."""
    with _one_state_of(relay):
        entries, size = total_of(relay)
        for some in progress.settled:  # most of it is deleted already
            n, its_size = relay.execute(
                "SELECT count(*), total(size) FROM entries WHERE seq BETWEEN ? AND ?", some
            ).fetchone()
            entries -= n
            size -= int(its_size)
        head = list(entries_after(relay, origin, progress.through, 1))
    moments = [entry.captured_at for entry in head]
    if progress.leased is not None:
        moments.append(progress.leased)
    if entries > 0 and not moments:
        raise DamagedError("entries are missing in it")
    return max(0, entries), max(0, size), moments
