"""The embedded journal's files: their names, schemas, connections, and the slots that relays take."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from proxy.errors import JournalError

PAGE = 8192
VERSION = 1
WORKERS_FILE = "workers.db"

# `state` has one row. `entries.size` is the length of the body kept in `bodies`; 0 once that is shed.
RELAY_SCHEMA = """
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    origin TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    stubs INTEGER NOT NULL,
    revision INTEGER NOT NULL
);
INSERT INTO state VALUES (1, lower(hex(randomblob(16))), 0, 0, 0, 0, 0);
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    exchange_id TEXT NOT NULL,
    route TEXT NOT NULL,
    captured_at REAL NOT NULL,
    probability REAL NOT NULL,
    size INTEGER NOT NULL
);
CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE tallies (
    route TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    probability REAL NOT NULL,
    total INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (route, outcome, reason, bucket, probability)
) WITHOUT ROWID;
CREATE INDEX tallies_by_revision ON tallies (revision);
"""

# Every entry of an origin up to `leased_through` is either settled or has a row in `leases`.
WORKERS_SCHEMA = """
CREATE TABLE origins (origin TEXT PRIMARY KEY, leased_through INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE leases (
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    captured_at REAL NOT NULL,
    owner TEXT NOT NULL,
    expires REAL NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (origin, seq)
) WITHOUT ROWID;
CREATE INDEX leases_by_expiry ON leases (expires);
CREATE TABLE settled (
    origin TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (origin, first)
) WITHOUT ROWID;
"""


class DamagedError(sqlite3.DatabaseError):
    """What SQLite takes for a whole file and we do not."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def is_damage(error: Exception) -> bool:
    """Whether the file itself is broken, not the disk or a lock in the way."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextlib.contextmanager
def journal_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a JournalError of one line."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        advice = "; move it away, and the journal goes on without what is in it" if is_damage(error) else ""
        raise JournalError(f"the journal cannot be {doing} ({path}): {reason}{advice}") from error


def prepare(directory: Path) -> None:
    """Make the directory; what lies in it are prompts and answers, so it is nobody else's to read."""
    with journal_errors(directory, "created"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def create(path: Path, schema: str) -> None:
    """Make a database file, seen by others only once it is complete. The caller sees to it that nobody else does."""
    unfinished = path.with_name(path.name + ".new")
    for suffix in ("", "-wal", "-shm"):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    connection = sqlite3.connect(unfinished, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN;{schema}PRAGMA user_version = {VERSION};COMMIT;")
    finally:
        connection.close()
    for suffix in ("-wal", "-shm"):  # of a file that had this name: SQLite would read them into this one
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    unfinished.rename(path)


def connect(path: Path, *, timeout: float, mode: str = "rw") -> sqlite3.Connection:
    """Open a file that exists. ``timeout``: seconds to wait for a lock. Raises sqlite3.Error, or JournalError."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = _text
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except BaseException:
        connection.close()
        raise
    if version != VERSION:
        connection.close()
        raise JournalError(f"{path} was written by another version of understudy: let that one empty it first")
    return connection


def _text(written: bytes) -> str:
    try:
        return written.decode()
    except UnicodeDecodeError:  # sqlite3's own error would quote it
        raise DamagedError("text in it is not UTF-8") from None


class Peer:
    """Another process's file, only read. It may not be there yet, and may be replaced by a new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    def connection(self) -> sqlite3.Connection | None:
        """The file that has this name now; None while there is none. Raises sqlite3.Error, or JournalError."""
        inode = inode_of(self.path)
        if inode != self._inode:
            self.close()
        if inode is not None and self._connection is None:
            connection = connect(self.path, timeout=1.0)
            connection.execute("PRAGMA query_only = ON")
            self._connection, self._inode = connection, inode
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._inode = None


def inode_of(path: Path) -> tuple[int, int] | None:
    """What file has this name now."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


class Slot:
    """A relay file's name, held for as long as its lock is. The kernel lets go of the lock when the process ends."""

    def __init__(self, directory: Path, number: int, descriptor: int) -> None:
        self.path = directory / f"relay-{number}.db"
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def try_slot(directory: Path, number: int) -> Slot | None:
    """The slot, unless somebody holds it."""
    descriptor = os.open(directory / f"relay-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Slot(directory, number, descriptor)


def take_slot(directory: Path, writers: int, *, wait: float = 1.0) -> Slot:
    """The first free slot.

    A slot may be held for a moment by whoever tidies up after the dead: only after ``wait`` seconds is one at or
    above ``writers`` taken, as when an old relay still drains while a new one starts.
    """
    deadline = time.monotonic() + wait
    while True:
        for number in range(writers):
            slot = try_slot(directory, number)
            if slot is not None:
                return slot
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    number = writers
    while (slot := try_slot(directory, number)) is None:
        number += 1
    return slot


def relay_files(directory: Path) -> dict[int, Path]:
    """Relay files that there are, by slot."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(directory):
            number = entry.name.removeprefix("relay-").removesuffix(".db")
            if entry.name == f"relay-{number}.db" and number.isdecimal():
                found[int(number)] = directory / entry.name
    return dict(sorted(found.items()))


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
