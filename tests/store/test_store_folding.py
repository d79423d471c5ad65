"""Counts of long ago lose detail, and nothing else."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import StoreError
from proxy.store import statements
from proxy.store.folding import Folded, day_of, month_of
from proxy.store.records import OUTCOMES
from proxy.store.sqlite import SQLiteStore
from tests.store.store_builders import DAY, ENGINES, T0, settlement

WEEK = 7 * DAY


def fold(store, until):
    """All that is old; the number of steps it took."""
    return sum(1 for _ in iter(lambda: store.fold_counts(until), False))


def counted(store, **between):
    """All that a report reads of the counts."""
    evidences = store.evidences("intents", "small")
    rows = [msgspec.structs.astuple(row) for each in evidences for row in store.counts(each.id, **between)]
    return rows, store.traffic("intents", since=between.get("since"))


def rows_of(path):
    with closing(sqlite3.connect(path)) as tool:
        return {
            table: tool.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("counts", "daily_counts", "monthly_counts")
        }


_pairs = st.lists(st.tuples(st.floats(0, 900), st.sampled_from(sorted(OUTCOMES))), min_size=1, max_size=25)


@pytest.mark.parametrize("engine", sorted(ENGINES))
@given(early=_pairs, late=_pairs, folds=st.lists(st.floats(0, 1500), min_size=1, max_size=4))
def test_wherever_counts_are_folded_whatever_is_read_of_them_is_the_same(engine, early, late, folds):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other, ExitStack() as stack:
        whole, folded = (stack.enter_context(closing(ENGINES[engine](Path(directory))())) for directory in (one, other))

        def record(pairs, name):
            for n, (day, outcome) in enumerate(pairs):
                each = settlement(f"{name}{n}", outcome, at=T0 + day * DAY, probability=0.5 if n % 2 else 1.0)
                whole.record([each])
                folded.record([each])

        record(early, "early")
        for until in (T0 + day * DAY for day in folds):
            while folded.fold_counts(until):
                assert counted(folded) == counted(whole)  # a worker may be killed here
            recent = {"since": int(until - WEEK), "until": int(until)}  # as the analyst reads a week
            if until >= T0 + max(folds) * DAY:
                assert counted(folded, **recent) == counted(whole, **recent)
        record(late, "late")
        assert counted(folded) == counted(whole)
        fold(folded, T0 + max(folds) * DAY)
        assert counted(folded) == counted(whole)
        for moment in (T0 + day * DAY for day, _ in early):
            begin = folded.counts_begin(moment)
            assert begin <= moment
            assert counted(folded, since=int(moment)) == counted(whole, since=begin)
            assert counted(folded, until=int(moment))[0] == counted(whole, until=begin)[0]


def test_what_is_older_than_35_days_is_kept_by_day_and_what_is_older_than_a_year_by_month(tmp_path):
    path = tmp_path / "understudy.db"
    with closing(SQLiteStore(path)) as store:
        store.record([settlement(f"e{n}", "agreed", at=T0 + n * 300) for n in range(3 * 288)])
        of_one_bucket = len(store.counts(1, until=int(T0) + 300))
        detailed = rows_of(path)

        assert fold(store, T0 + 30 * DAY) == 0
        assert rows_of(path) == detailed

        fold(store, T0 + 60 * DAY)
        assert rows_of(path) == detailed | {"counts": 0}
        assert store.counts_begin(T0) == day_of(T0)

        fold(store, T0 + 460 * DAY)
        kept = rows_of(path)
        assert (kept["counts"], kept["daily_counts"]) == (0, 0)
        assert 0 < kept["monthly_counts"] < 3 * of_one_bucket
        assert store.counts_begin(T0) == month_of(T0)
        assert store.counts_begin(T0 + 455 * DAY) == T0 + 455 * DAY

        assert fold(store, T0 + 460 * DAY) == 0


def test_a_step_that_fails_in_the_middle_changes_nothing(tmp_path, monkeypatch):
    with closing(SQLiteStore(tmp_path / "understudy.db")) as store:
        store.record([settlement(f"e{n}", "agreed", at=T0 + n * DAY) for n in range(40)])
        whole = counted(store)

        with monkeypatch.context() as patched:
            patched.setattr(statements, "DELETE_DAYS", "DELETE FROM nowhere")
            with pytest.raises(StoreError):
                fold(store, T0 + 500 * DAY)

        assert counted(store) == whole
        fold(store, T0 + 500 * DAY)
        assert counted(store) == whole


def test_folding_holds_the_store_for_some_rows_at_a_time(store):
    for day in range(100):
        store.record([settlement(f"e{day}-{n}", "agreed", at=T0 + day * DAY + n * 300) for n in range(10)])

    assert fold(store, T0 + 200 * DAY) > 5


def test_a_report_that_reads_while_another_process_folds_sees_one_state(open_again):
    reading, folding = open_again(), open_again()
    reading.record([settlement(f"e{n}", "agreed", at=T0 + n * 3600) for n in range(60)])
    whole = reading.counts(1, since=int(T0) + 300, until=int(T0) + 90_000)
    connection = reading._connection
    real = connection.query

    def query(sql, **parameters):
        rows = real(sql, **parameters)
        if "folded" in sql:
            fold(folding, T0 + 60 * DAY)
        return rows

    connection.query = query
    try:
        assert reading.counts(1, since=int(T0) + 300, until=int(T0) + 90_000) == whole
    finally:
        del connection.query


def test_people_see_every_count_once_whatever_was_folded(tmp_path):
    path = tmp_path / "understudy.db"

    def pairs():
        with closing(sqlite3.connect(path)) as tool:
            return tool.execute(
                "SELECT sum(n) FROM readable_counts WHERE measure = 'pairs' AND segment_key = 'all'"
            ).fetchone()[0]

    with closing(SQLiteStore(path)) as store:
        store.record([settlement(f"e{n}", "agreed", at=T0 + n * DAY) for n in range(500)])
        assert pairs() == 500
        fold(store, T0 + 500 * DAY)
        assert pairs() == 500
        store.record([settlement("late", "agreed", at=T0), settlement("later", "agreed", at=T0 + 450 * DAY)])
        assert pairs() == 502


@given(st.floats(0, 4e9), st.floats(0, 4e9), st.floats(0, 4e9))
def test_beginnings_never_lie_after_and_keep_their_order(moment, other, horizon):
    folded = Folded(day=day_of(horizon), month=month_of(horizon - 300 * DAY) if horizon > 300 * DAY else 0)
    first, second = sorted((moment, other))

    assert folded.start_of(moment) <= moment
    assert folded.start_of(first) <= folded.start_of(second)
    assert folded.start_of(folded.start_of(moment)) == folded.start_of(moment)
