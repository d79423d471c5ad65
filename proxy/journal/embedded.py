"""The embedded journal: SQLite files in one directory, for relays and workers of one machine.

Each relay process writes a file of its own, ``relay-<slot>.db``; the workers together write ``workers.db``, which says
how far they are.  Either side only reads the other's, so they never meet on a lock.  ``docs/journal.md`` tells more.
"""

from __future__ import annotations

from pathlib import Path

from proxy.journal.embedded_reader import EmbeddedReader
from proxy.journal.embedded_writer import EmbeddedWriter

__all__ = ["EmbeddedReader", "EmbeddedWriter", "journal_directory"]

_SQLITE = "sqlite:///"


def journal_directory(store_url: str) -> Path:
    """Where the journal lies: beside a SQLite store (``a/b.db``: ``a/b.journal``), else in the working directory."""
    if store_url.startswith(_SQLITE):
        path = store_url.removeprefix(_SQLITE).partition("?")[0]
        if path and not path.startswith(":"):
            return Path(path).with_suffix(".journal")
    return Path("understudy.journal")
