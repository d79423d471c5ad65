"""Damages journal files as failing disks do: whole pages overwritten, under nobody's eyes."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

from proxy.journal.embedded_files import PAGE

# What stands on a page instead. The last is a page in form: a leaf without rows.
FILLS = {
    "zeros": bytes(PAGE),
    "ones": b"\xff" * PAGE,
    "noise": random.Random(1).randbytes(PAGE),
    "text": b"The answer to the client's question. ".ljust(PAGE, b"."),
    "no rows": b"\x0d\x00\x00\x00\x00\x20\x00\x00".ljust(PAGE, b"\x00"),
}


def pages(path: Path, table: str | None = None, *, kind: str | None = None) -> list[int]:
    """Numbers of a file's pages in the order of their rows: all, or a table's; ``kind``: leaf, internal, overflow."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT pageno, name, pagetype FROM dbstat ORDER BY name, path").fetchall()
    return [page for page, name, its_kind in rows if table in {None, name} and kind in {None, its_kind}]


def overwrite(path: Path, page: int, fill: str = "ones") -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(FILLS[fill])


def overwrite_within(path: Path, written: bytes, by: bytes) -> None:
    """Overwrite the first place where ``written`` stands."""
    found = path.read_bytes().index(written)
    with path.open("r+b") as file:
        file.seek(found)
        file.write(by)
