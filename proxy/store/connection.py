"""A SQLite file, opened and migrated, with transactions that begin at once and failures told in words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from proxy.errors import StoreError
from proxy.store.migrations import all_names, migrations

BUSY_SECONDS = 10.0
# Defects of ours, not states of the disk: they rise as they are.
_DEFECTS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.NotSupportedError, sqlite3.DataError)
_ADVICE = {
    "full": "free some space on its disk",
    "readonly": "let this user write to the file and its folder, or change `store`",
    "unable to open": "let this user write to the file and its folder, or change `store`",
    "locked": "another process holds it for too long; end that one",
    "not a database": "name another file in `store`",
    "malformed": "restore it from a backup, or name another file in `store`",
}


class Connection:
    """One connection.  It may be handed from thread to thread, but used by one at a time.

    Raises:
        StoreError: from every method, when the file cannot be opened, read or written just now.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        if not create and not path.is_file():
            raise StoreError(f"{path}: there is no store here yet; start `understudy serve`, or change `store`")
        if path.is_dir() or not path.parent.is_dir():
            raise StoreError(f"{path}: the store cannot be made here; make its folder, or change `store`")
        with self._told_in_words("opened"):
            self._db = Database(
                sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False), execute_plugins=False
            )
            try:
                self._prepare(create)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, create: bool) -> None:
        tables = self._db.table_names()  # before the migrations: another process may be making them just now
        applied = {migration.name for migration in migrations.applied(self._db)}
        if newer := sorted(applied - all_names()):
            raise StoreError(
                f"{self.path}: made by a newer version of Understudy ({newer[-1]}); upgrade, or change `store`"
            )
        if not applied and (tables or not create):
            raise StoreError(f"{self.path}: is not a store of Understudy; name another file in `store`")
        self._use_write_ahead_log()
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA cache_size = -16384")
        self._db.execute("PRAGMA journal_size_limit = 67108864")
        self._db.execute("PRAGMA secure_delete = ON")  # forgotten text is overwritten, not only let go
        if all_names() - applied:
            # Others may be opening the same file: whoever comes second finds nothing pending.
            with self.writing():
                migrations.apply(self._db)

    def _use_write_ahead_log(self) -> None:
        # Changing the mode ignores the busy timeout.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    @contextmanager
    def writing(self, *, keep: bool = True) -> Iterator[None]:
        """One transaction, all or nothing, that holds the write lock from its beginning.

        ``keep=False``: nothing, whatever was written.
        """
        with self._told_in_words("written"):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT" if keep else "ROLLBACK")
            except BaseException:
                self._db.rollback()
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Several queries that see one and the same state of the file."""
        with self._told_in_words("read"):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.rollback()

    def execute(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Run one statement within ``writing``; returns how many rows it changed."""
        return self._db.execute(sql, dict(parameters)).rowcount

    def execute_many(self, sql: str, rows: list[Any]) -> None:
        """Run one statement for each row, within ``writing``."""
        self._db.conn.executemany(sql, rows)

    def query(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a query, as dictionaries."""
        with self._told_in_words("read"):
            return list(self._db.query(sql, parameters))

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _told_in_words(self, what: str) -> Iterator[None]:
        try:
            yield
        except _DEFECTS:
            raise
        except sqlite3.DatabaseError as error:
            advice = next(
                (each for sign, each in _ADVICE.items() if sign in str(error)), "see whether its disk is well"
            )
            raise StoreError(f"{self.path}: the store cannot be {what} ({error}); {advice}") from error
