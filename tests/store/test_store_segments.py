"""However many segment values clients send, counts are kept by a bounded number of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from proxy.errors import StoreError
from proxy.store import statements
from proxy.store.segment_names import MOST_KEYS, MOST_VALUES
from proxy.store.sqlite import SQLiteStore
from tests.store.store_builders import settlement, tallied


def of_tenant(n, **fields):
    return settlement(f"e{n:04}", "agreed", segments={"language": "en", "tenant": f"t{n:04}"}, **fields)


def pairs_by_segment(store, **which):
    return {
        key[1]: n for key, n in tallied(store, **which).items() if (key[0], key[2]) == ("", "pairs") and key[1] != "all"
    }


def test_the_first_values_keep_their_names_and_later_ones_are_counted_together(store):
    store.record([of_tenant(n) for n in range(MOST_VALUES + 50)])

    counts = pairs_by_segment(store)
    assert counts == {
        "language=en": MOST_VALUES + 50,
        "tenant=other": 50,
        **{f"tenant=t{n:04}": 1 for n in range(MOST_VALUES)},
    }
    assert store.pair(f"e{MOST_VALUES:04}:small").exchange.segments["tenant"] == f"t{MOST_VALUES:04}"


def test_names_are_the_same_for_every_process_and_after_a_restart(open_again):
    one, other = open_again("a"), open_again("b")
    one.record([of_tenant(n) for n in range(0, MOST_VALUES, 2)])
    other.record([of_tenant(n) for n in range(1, MOST_VALUES, 2)])
    one.record([of_tenant(1000)])
    other.record([of_tenant(2000)])
    open_again("c").record([of_tenant(3000), of_tenant(4000, route="other")])
    one.record([settlement("again", "agreed", segments={"tenant": "t0001"})])

    counts = pairs_by_segment(one)
    assert (counts["tenant=t0000"], counts["tenant=t0001"], counts["tenant=other"]) == (1, 2, 3)
    assert pairs_by_segment(one, route="other") == {"language=en": 1, "tenant=t4000": 1}


def test_values_that_are_to_be_kept_keep_their_names_whenever_they_come(store):
    store.keep_segments("intents", keys=["tier"], values=[("tenant", "required")])
    store.record([of_tenant(n) for n in range(MOST_VALUES + 10)])
    store.keep_segments("intents", keys=[], values=[("tenant", "t0900"), ("tenant", "required")])
    store.record([of_tenant(900), settlement("r", "agreed", segments={"tenant": "required"}), of_tenant(901)])

    counts = pairs_by_segment(store)
    assert (counts["tenant=required"], counts["tenant=t0900"]) == (1, 1)
    assert "tenant=t0901" not in counts
    assert counts["tenant=other"] == 12  # one place was taken by the value that was kept before it came


def test_what_says_that_there_is_no_value_takes_no_place(store):
    store.record([of_tenant(n) for n in range(MOST_VALUES)])
    store.record([settlement(f"n{value}", "agreed", segments={"tenant": value}) for value in ("none", "other")])

    counts = pairs_by_segment(store)
    assert (counts["tenant=none"], counts["tenant=other"]) == (1, 1)


def test_keys_are_bounded_too_and_an_exchange_is_counted_once_among_the_others(store):
    def tagged(n):
        return settlement(
            f"e{n:04}", "agreed", segments={f"key{n}-{tag}": "v" for tag in range(16)} | {"turn": "first"}
        )

    store.record([tagged(0)])
    store.record([tagged(n) for n in range(1, 20)])

    counts = pairs_by_segment(store)
    assert counts["turn=first"] == 20
    assert len({name.partition("=")[0] for name in counts}) == MOST_KEYS + 1
    assert counts["other=other"] == 19


def test_what_a_failed_batch_named_has_no_name(tmp_path, monkeypatch):
    with closing(SQLiteStore(tmp_path / "understudy.db")) as store:
        with monkeypatch.context() as patched:
            patched.setattr(statements, "ADD_DAILY_COUNT", "INSERT INTO nowhere VALUES (?, ?, ?, ?, ?)")
            with pytest.raises(StoreError):
                store.record([of_tenant(n) for n in range(MOST_VALUES)])

        store.record([of_tenant(n) for n in range(500, 500 + MOST_VALUES + 1)])

        counts = pairs_by_segment(store)
        assert counts["tenant=t0500"] == counts["tenant=other"] == 1


def test_what_an_older_version_counted_by_its_name_keeps_it(tmp_path):
    path = tmp_path / "understudy.db"
    with closing(SQLiteStore(path)) as store:
        store.record([of_tenant(n) for n in range(MOST_VALUES + 3)])
    with closing(sqlite3.connect(path)) as older:
        older.execute("DROP TABLE segment_names")
        older.execute("DELETE FROM _sqlite_migrations WHERE name LIKE '0006%'")
        older.commit()

    with closing(SQLiteStore(path)) as store:
        store.record([settlement("again", "agreed", segments={"tenant": "t0003"}), of_tenant(900)])

        counts = pairs_by_segment(store)
        assert (counts["tenant=t0003"], counts["tenant=other"]) == (2, 4)
