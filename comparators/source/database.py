"""What a query gives in a SQLite database, read and nothing else, within limits."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
# The first would be a way out; of the others the result is another each time.
_REFUSED_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "random", "randomblob"})
_READING = re.compile(r"(?:\s|--[^\n]*+\n|/\*.*?\*/)*+(?:select|with|values)\b", re.IGNORECASE | re.DOTALL)
_EVERY = 1_000  # steps between two looks at the limits
_LONGEST_VALUE = 200_000  # bytes
_LONGEST_RESULT = 20_000_000  # bytes, about
_MOST_MEMORY = 512 * 2**20  # bytes, of all that SQLite takes in this process
_DIGITS = 12  # significant ones of a number: beyond is noise of the order in which it was added up
_WHOLE = 10**15


class Result(NamedTuple):
    """What a query gave."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def counted(self) -> Counter[tuple[Any, ...]]:
        return Counter(self.rows)


class QueryFailedError(Exception):
    """The database refuses the query, or it goes beyond a limit that is the same on every machine."""


class Database:
    """A SQLite file that nobody writes to.

    Args:
        path: The file.
        steps: Instructions of SQLite's machine that a query may take.
        rows: Rows that a query may give.
        seconds: A query that takes longer, on whatever machine, raises TimeoutError.
    """

    def __init__(self, path: Path, *, steps: int, rows: int, seconds: float) -> None:
        self._uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"  # no locks either, nor files beside it
        self._steps = steps
        self._rows = rows
        self._seconds = seconds

    def run(self, query: str) -> Result:
        """Raises QueryFailedError, TimeoutError."""
        if not _READING.match(query):
            raise QueryFailedError("no query")
        connection = sqlite3.connect(self._uri, uri=True, isolation_level=None)
        try:
            _confine(connection)
            late = _stop_after(connection, self._steps, self._seconds)
            try:
                cursor = connection.execute(query)
                columns = tuple(name for name, *_ in cursor.description or ())
                return Result(columns, self._fetched(cursor))
            except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
                reason = late()
                if reason == "time":
                    raise TimeoutError(f"a query took longer than {self._seconds:g} s") from None
                raise QueryFailedError(reason or str(error) or type(error).__name__) from None
        finally:
            connection.close()

    def _fetched(self, cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        size = 0
        for row in cursor:
            size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
            if len(rows) == self._rows or size > _LONGEST_RESULT:
                raise QueryFailedError(f"more than {self._rows:,} rows or {_LONGEST_RESULT:,} bytes")
            rows.append(tuple(map(_comparable, row)))
        return rows


def check(path: Path) -> str | None:
    """Why a file cannot be used as a database; None where it can."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except (sqlite3.Error, OSError, ValueError) as error:
        return str(error)
    return None


def fingerprint(path: Path) -> str:
    """A name for what is in the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _confine(connection: sqlite3.Connection) -> None:
    """Nothing but reading, and no value, no query and no memory beyond bounds."""
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA temp_store = MEMORY")  # sorting writes no files
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(f"PRAGMA hard_heap_limit = {_MOST_MEMORY}")  # this can only be made less
    for limit, value in (
        (sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE),
        (sqlite3.SQLITE_LIMIT_SQL_LENGTH, _LONGEST_VALUE),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 500),
        (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 200),
        (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
    ):
        connection.setlimit(limit, value)
    connection.set_authorizer(_authorized)


def _authorized(action: int, first: str | None, second: str | None, _database: str | None, _inside: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() not in _REFUSED_FUNCTIONS
    elif action == sqlite3.SQLITE_PRAGMA:  # what full-text tables ask for themselves
        allowed = first == "data_version" and second is None
    else:
        allowed = action in _ALLOWED
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _stop_after(connection: sqlite3.Connection, steps: int, seconds: float) -> Callable[[], str | None]:
    """Stop what goes on too long; gives a function that says why it was stopped, if it was."""
    deadline = time.monotonic() + seconds
    looks = 0
    reason: str | None = None

    def look() -> bool:
        nonlocal looks, reason
        looks += 1
        if looks * _EVERY > steps:
            reason = f"more than {steps:,} steps"
        elif time.monotonic() > deadline:
            reason = "time"
        return reason is not None

    connection.set_progress_handler(look, _EVERY)
    return lambda: reason


def _comparable(value: Any) -> Any:
    """A value such that equal ones are equal, hashable, and of one type; numbers without noise in the last digits."""
    if isinstance(value, float):
        rounded = float(f"{value:.{_DIGITS}g}")
        return int(rounded) if rounded.is_integer() and abs(rounded) < _WHOLE else rounded
    return value
