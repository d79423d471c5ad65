"""A look at what waits in the embedded journal, for whoever only wants to know: nothing is leased, made or written."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from proxy.journal.base import Depth
from proxy.journal.embedded_files import WORKERS_FILE, connect, inode_of, journal_errors, relay_files
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
                    (origin,) = relay.execute("SELECT origin FROM state").fetchone()
                # In this order: what is settled or leased meanwhile is then counted once too often, not left out.
                with journal_errors(directory / WORKERS_FILE, "read"):
                    settled, through, leased = _progress(workers, origin)
                with journal_errors(path, "read"):
                    kept, held = _kept(relay, settled)
                    head = relay.execute(
                        "SELECT captured_at FROM entries WHERE seq > ? ORDER BY seq LIMIT 1", (through,)
                    ).fetchall()
            entries += max(0, kept)
            size += max(0, held)
            oldest += [moment for moment in (leased, *(row[0] for row in head)) if moment is not None]
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


def _progress(workers: sqlite3.Connection | None, origin: str) -> tuple[list[Range], int, float | None]:
    """Of an origin: what is settled, up to where it was handed out, when the oldest was captured that is held."""
    if workers is None:
        return [], 0, None
    settled = workers.execute("SELECT first, last FROM settled WHERE origin = ? ORDER BY first", (origin,)).fetchall()
    through = workers.execute("SELECT leased_through FROM origins WHERE origin = ?", (origin,)).fetchone()
    (leased,) = workers.execute("SELECT min(captured_at) FROM leases WHERE origin = ?", (origin,)).fetchone()
    return settled, through[0] if through else 0, leased


def _kept(relay: sqlite3.Connection, settled: list[Range]) -> tuple[int, int]:
    """Entries of a relay and their bytes, without those that are settled and not deleted yet."""
    entries, size = relay.execute("SELECT entries, bytes FROM state").fetchone()
    for some in settled:  # most of it is deleted already
        n, its_size = relay.execute(
            "SELECT count(*), total(size) FROM entries WHERE seq BETWEEN ? AND ?", some
        ).fetchone()
        entries -= n
        size -= int(its_size)
    return entries, size
