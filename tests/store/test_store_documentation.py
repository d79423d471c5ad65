"""The queries that docs/store.md shows work on a store."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from proxy.store.sqlite import SQLiteStore
from tests.store.store_builders import settlement

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text()


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL))
def test_a_documented_query_finds_something(tmp_path, query):
    path = tmp_path / "understudy.db"
    with closing(SQLiteStore(path)) as store:
        store.record([settlement("e1", "disagreed", segments={"language": "de"})])

    with closing(sqlite3.connect(path)) as tool:
        assert len(tool.execute(query).fetchall()) == 1


def test_every_table_and_view_is_documented(tmp_path):
    path = tmp_path / "understudy.db"
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as tool:
        names = [row[0] for row in tool.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]

    assert [name for name in names if f"`{name}`" not in PAGE and not name.startswith(("_sqlite", "sqlite"))] == []
