"""What is SQLite's own: the file, its schema over time, full disks, several processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from proxy.errors import ConfigurationError, NotAvailableError, StoreError
from proxy.store import open_store
from proxy.store.base import PairFilter
from proxy.store.migrations import all_names
from proxy.store.sqlite import SQLiteStore
from tests.store.store_builders import T0, settlement, tallied

FIRST_SCHEMA = Path(__file__).with_name("first_schema.sql").read_text()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "understudy.db"


def test_a_url_names_a_relative_or_an_absolute_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    open_store("sqlite:///relative.db").close()
    open_store(f"sqlite:///{tmp_path}/absolute.db").close()

    assert (tmp_path / "relative.db").exists()
    assert (tmp_path / "absolute.db").exists()


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:relative.db", "mysql://host/db", "understudy.db", ""])
def test_other_urls_are_refused_with_what_is_allowed(url):
    with pytest.raises(ConfigurationError, match=r"sqlite:///relative\.db"):
        open_store(url)


def test_postgresql_is_said_to_come_later_without_showing_its_password():
    with pytest.raises(NotAvailableError, match="not available in this version") as raised:
        open_store("postgresql://user:secret@host/db")
    assert "secret" not in str(raised.value)


def test_reading_a_store_that_is_not_there_says_so_and_makes_none(path):
    with pytest.raises(StoreError, match="there is no store here yet"):
        open_store(f"sqlite:///{path}", create=False)
    assert not path.exists()


def test_a_store_that_is_there_can_be_opened_without_creating(path):
    with closing(SQLiteStore(path)) as store:
        store.record([settlement("e1", "agreed")])
    with closing(open_store(f"sqlite:///{path}", create=False)) as store:
        assert store.pair("e1:small") is not None


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_something_else_is_left_alone(path, create):
    path.write_text("no database at all, but long enough to look like one might" * 50)
    with pytest.raises(StoreError, match="name another file"):
        SQLiteStore(path, create=create)

    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="not a store of Understudy"):
        SQLiteStore(path, create=create)


def test_a_folder_that_is_missing_or_in_the_way_is_named(tmp_path):
    for place in (tmp_path / "missing" / "x.db", tmp_path):
        with pytest.raises(StoreError, match=str(place)) as raised:
            SQLiteStore(place)
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that not even root can write to")
def test_a_folder_that_cannot_be_written_is_named():
    with pytest.raises(StoreError, match=r"/proc/x\.db.*change `store`"):
        SQLiteStore("/proc/x.db")


def test_a_file_of_the_first_version_is_migrated_and_read(path):
    with closing(sqlite3.connect(path)) as old:
        old.executescript(FIRST_SCHEMA)

    with closing(SQLiteStore(path)) as store:
        assert store.salt() == b"0123456789abcdef0123456789abcdef"
        (stored,) = store.pairs(PairFilter())
        assert (stored.id, stored.pair.agree, stored.exchange.teacher.content) == ("e0:small", True, "shipping")
        store.record([settlement("e1", "agreed")])
        assert [each.number for each in store.evidences("intents", "small")] == [1]
        assert tallied(store)["", "all", "pairs", 0] == 2

    with closing(sqlite3.connect(path)) as new:
        assert {row[0] for row in new.execute("SELECT name FROM _sqlite_migrations")} == all_names()


def test_an_old_file_ends_up_with_the_schema_of_a_new_one(path, tmp_path):
    def schema(file):
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%sqlite%'")
            return {name: " ".join(sql.split()) for name, sql in rows}

    with closing(sqlite3.connect(path)) as old:
        old.executescript(FIRST_SCHEMA)
    SQLiteStore(path).close()
    SQLiteStore(tmp_path / "new.db").close()

    assert schema(path) == schema(tmp_path / "new.db")


def test_a_file_of_a_newer_version_is_refused(path):
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('understudy', '9999_later', '')"
        )
        newer.commit()

    with pytest.raises(StoreError, match="newer version"):
        SQLiteStore(path)


def test_a_full_disk_is_told_and_nothing_of_the_batch_is_kept(path):
    with closing(SQLiteStore(path)) as store:
        store.record([settlement("e1", "agreed")])
        counts = tallied(store)
        pages = store._connection.query("PRAGMA page_count")[0]["page_count"]
        store._connection.query(f"PRAGMA max_page_count = {pages + 1}")
        large = [settlement(f"f{n}", "disagreed", route="new", request={"text": "x" * 5000}) for n in range(20)]

        with pytest.raises(StoreError) as raised:
            store.record(large)

        assert str(path) in str(raised.value)
        assert "free some space" in str(raised.value)
        assert len(str(raised.value).splitlines()) == 1
        assert tallied(store) == counts
        assert store.known([each.exchange.id for each in large]) == {}

        store._connection.query("PRAGMA max_page_count = 1073741823")
        assert len(store.record(large)) == 20
        assert tallied(store, route="new")["", "all", "pairs", 0] == 20


def test_a_file_that_another_process_holds_is_told_after_a_while(path, monkeypatch):
    monkeypatch.setattr("proxy.store.connection.BUSY_SECONDS", 0.05)
    with closing(SQLiteStore(path)) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process"):
            store.record([settlement("e1", "agreed")])
        assert store.known(["e1"]) == {}  # reading goes on
        other.rollback()
        assert store.record([settlement("e1", "agreed")]) == [("e1", "small")]


WRITER = """
import sys
from proxy.store.sqlite import SQLiteStore
from tests.store.store_builders import settlement
store = SQLiteStore(sys.argv[1], replica=sys.argv[2])
for batch in range(20):
    store.record([settlement(f"e{n}", "agreed") for n in range(batch * 10, batch * 10 + 15)])
"""


def test_processes_that_open_and_write_at_once_count_every_pair_once(path):
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), replica], cwd=root, stderr=subprocess.PIPE)
        for replica in "abc"
    ]
    for writer in writers:
        _, stderr = writer.communicate(timeout=60)
        assert writer.returncode == 0, stderr.decode()

    with closing(SQLiteStore(path)) as store:
        assert tallied(store)["", "all", "pairs", 0] == 205
        assert store.traffic("intents").exchanges == 205
        assert len(store.evidences("intents", "small")) == 1


def test_people_can_query_the_file_with_their_own_tools(path):
    with closing(SQLiteStore(path)) as store:
        store.record([settlement("e1", "disagreed", at=T0)])

    with closing(sqlite3.connect(path)) as tool:
        time, language, kind = tool.execute(
            "SELECT time, json_extract(segments, '$.language'), json_extract(scores, '$.label.kinds[0]')"
            " FROM readable_pairs"
        ).fetchone()
        pairs = tool.execute(
            "SELECT bucket_start, n FROM readable_counts WHERE measure = 'pairs' AND segment_key = 'all'"
        ).fetchall()

    assert (time, language, kind) == ("2026-09-21T14:14:59.000Z", "en", "wrong_label")
    assert pairs == [("2026-09-21T14:15:00Z", 1)]


@pytest.mark.parametrize(
    ("which", "index"),
    [
        ({}, "pairs_newest"),
        ({"route": "r", "student": "s"}, "pairs_of_route"),
        ({"route": "r", "student": "s", "since": 0.0}, "pairs_of_route"),
    ],
)
def test_the_newest_pairs_are_found_without_sorting(path, which, index):
    from proxy.store.statements import pairs_page

    with closing(SQLiteStore(path)) as store:
        plan = store._connection.query("EXPLAIN QUERY PLAN " + pairs_page(which), page=10, **which)

    assert any(index in step["detail"] for step in plan)
    assert not any("TEMP B-TREE" in step["detail"] for step in plan)


def test_routes_with_text_are_found_without_reading_every_exchange(path):
    from proxy.store.statements import ROUTES_WITH_TEXT

    with closing(SQLiteStore(path)) as store:
        plan = [step["detail"] for step in store._connection.query("EXPLAIN QUERY PLAN " + ROUTES_WITH_TEXT)]

    assert [step for step in plan if "exchanges" in step and "exchanges_with_text" not in step] == []
    assert any("route>?" in step for step in plan)
