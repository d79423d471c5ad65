"""The workers' file: who holds which entry until when, and what is settled. Relays only read it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from proxy.journal.embedded_files import WORKERS_FILE, WORKERS_SCHEMA, connect, create, exclusive, inode_of
from proxy.journal.embedded_relay_reading import Entry
from proxy.journal.ranges import Range, merge


class WorkersFile:
    """Every method that changes something is one transaction. Raises sqlite3.Error, or JournalError on opening."""

    def __init__(self, directory: Path) -> None:
        path = directory / WORKERS_FILE
        with exclusive(directory / "workers.lock"):
            if not path.exists():
                create(path, WORKERS_SCHEMA)
        self._path = path
        self._inode = inode_of(path)
        self._connection = connect(path, timeout=5.0)
        self._execute = self._connection.execute
        self._execute("PRAGMA wal_autocheckpoint = 100")
        self._execute("PRAGMA journal_size_limit = 1048576")

    def is_in_place(self) -> bool:
        """Whether the file still has its name: somebody may have cleared the directory."""
        return inode_of(self._path) == self._inode

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._execute("ROLLBACK")
            raise

    def leased_through(self, origin: str) -> int:
        """The highest number of an origin that was ever handed out."""
        row = self._execute("SELECT leased_through FROM origins WHERE origin = ?", (origin,)).fetchone()
        return int(row[0]) if row else 0

    def expired(self, origins: Mapping[str, object], now: float, limit: int) -> list[Entry]:
        """What was handed out, not settled, and is nobody's any more; oldest first."""
        rows = self._execute(
            "SELECT origin, seq, captured_at, attempts FROM leases WHERE expires <= ? ORDER BY captured_at, seq", (now,)
        )
        found: list[Entry] = []
        for row in rows:
            if len(found) == limit:
                break
            if row[0] in origins:
                found.append(Entry(*row))
        return found

    def lease(self, entries: Sequence[Entry], owner: str, expires: float) -> None:
        """Hand entries out; to be called in a transaction. Theirs are the attempts so far."""
        self._connection.executemany(
            "INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET owner = excluded.owner, expires = excluded.expires, attempts = excluded.attempts",
            [(e.origin, e.seq, e.captured_at, owner, expires, e.attempts + 1) for e in entries],
        )
        highest: dict[str, int] = {}
        for entry in entries:
            highest[entry.origin] = max(entry.seq, highest.get(entry.origin, 0))
        self._connection.executemany(
            "INSERT INTO origins VALUES (?, ?) ON CONFLICT DO UPDATE"
            " SET leased_through = max(leased_through, excluded.leased_through)",
            list(highest.items()),
        )

    def hold(self, places: Sequence[tuple[str, int]], owner: str, expires: float) -> None:
        """Move the end of leases that are still the owner's."""
        with self.transaction():
            self._connection.executemany(
                "UPDATE leases SET expires = ? WHERE origin = ? AND seq = ? AND owner = ?",
                [(expires, origin, seq, owner) for origin, seq in places],
            )

    def release(self, places: Sequence[tuple[str, int]], owner: str) -> None:
        """End leases that are still the owner's; nobody died of them, so they were no attempts."""
        with self.transaction():
            self._connection.executemany(
                "UPDATE leases SET expires = 0, attempts = max(0, attempts - 1)"
                " WHERE origin = ? AND seq = ? AND owner = ?",
                [(origin, seq, owner) for origin, seq in places],
            )

    def take_back(self, owner: str) -> None:
        """End all leases of an owner: it began anew, and may have died of what it held."""
        with self.transaction():
            self._execute("UPDATE leases SET expires = 0 WHERE owner = ?", (owner,))

    def settle(self, places: Sequence[tuple[str, int]]) -> None:
        by_origin: dict[str, list[int]] = {}
        for origin, seq in places:
            by_origin.setdefault(origin, []).append(seq)
        with self.transaction():
            self._connection.executemany("DELETE FROM leases WHERE origin = ? AND seq = ?", places)
            for origin, seqs in by_origin.items():
                self._settle(origin, seqs)

    def _settle(self, origin: str, seqs: Sequence[int]) -> None:
        touched: list[Range] = self._execute(
            "SELECT first, last FROM settled WHERE origin = ? AND first <= ? AND last >= ?",
            (origin, max(seqs) + 1, min(seqs) - 1),
        ).fetchall()
        merged = merge(touched, seqs)
        self._connection.executemany(
            "DELETE FROM settled WHERE origin = ? AND first = ?",
            [(origin, first) for first, _ in set(touched).difference(merged)],
        )
        self._connection.executemany(
            "INSERT INTO settled VALUES (?, ?, ?)",
            [(origin, first, last) for first, last in set(merged).difference(touched)],
        )

    def origins(self) -> set[str]:
        """Those that anything is known of."""
        rows = self._execute(
            "SELECT origin FROM origins UNION SELECT origin FROM leases UNION SELECT origin FROM settled"
        )
        return {origin for (origin,) in rows}

    def forget(self, origins: Iterable[str]) -> None:
        """Know nothing of them any more."""
        gone = [(origin,) for origin in origins]
        with self.transaction():
            self._connection.executemany("DELETE FROM origins WHERE origin = ?", gone)
            self._connection.executemany("DELETE FROM leases WHERE origin = ?", gone)
            self._connection.executemany("DELETE FROM settled WHERE origin = ?", gone)
