"""However many models teachers name: a bounded number is kept, and evidence begins anew a bounded number of times."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.sqlite import SQLiteStore
from proxy.store.teachers import LONGEST_NAME, MOST_FURTHER, MOST_MODELS, OTHER, Teachers
from tests.store.store_builders import T0, settlement


def answered(n, *, requested, named, **fields):
    """The exchange of second ``n``, asked for one model and answered by one that names itself."""
    return settlement(f"e{n:05}", "agreed", at=T0 + n, requested_model=requested, teacher_version=named, **fields)


def echoed(first, last):
    return [answered(n, requested=f"made-up-{n}", named=f"made-up-{n}") for n in range(first, last)]


def began(store, route="intents"):
    """The seconds at which evidence began."""
    return [each.since - T0 for each in store.evidences(route, "small")]


def test_a_teacher_that_takes_any_name_makes_neither_the_store_nor_evidence_grow(tmp_path):
    path = tmp_path / "understudy.db"
    with closing(SQLiteStore(path)) as store:
        store.record(echoed(0, 2 * MOST_MODELS))
        assert began(store) == [0]

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM teacher_versions").fetchone() == (MOST_MODELS,)
        versions = {name for (name,) in file.execute("SELECT DISTINCT teacher_version FROM series")}
    assert versions == {f"made-up-{n}" for n in range(MOST_MODELS)} | {OTHER}


def test_a_new_teacher_still_takes_over_among_made_up_names(store):
    store.record([answered(0, requested="gpt-4o", named="gpt-4o-1")])
    store.record(echoed(1, 2 * MOST_MODELS))
    store.record([answered(1000, requested="gpt-4o", named="gpt-4o-2")])
    store.record(echoed(1001, 1100))
    store.record(
        [answered(2000, requested="gpt-4o", named="gpt-4o-3"), answered(2001, requested="x", named="gpt-4o-1")]
    )

    assert began(store) == [0, 1000, 2000]


def test_names_without_end_for_one_model_end_evidence_a_bounded_number_of_times(open_again):
    for start in range(0, 3 * MOST_FURTHER, MOST_FURTHER):
        store = open_again()
        store.record([answered(n, requested="m", named=f"v{n}") for n in range(start, start + MOST_FURTHER)])
    store.record([answered(999, requested="m", named="v0"), answered(1000, requested="m", named="v1000")])

    # The first; those that are named; all others as one.
    assert began(store) == list(range(MOST_FURTHER + 2))


def test_processes_agree_on_which_names_are_kept(open_again):
    one, other = open_again("a"), open_again("b")
    for n in range(0, 2 * MOST_FURTHER + 20, 2):
        one.record([answered(n, requested="m", named=f"v{n}")])
        other.record([answered(n + 1, requested="m", named=f"v{n + 1}")])

    assert began(one) == began(other) == list(range(MOST_FURTHER + 2))


def test_routes_have_names_of_their_own(store):
    store.record([answered(n, requested="m", named=f"v{n}") for n in range(2 * MOST_FURTHER)])
    store.record([answered(n, requested="m", named=f"v{n}", route="quiet") for n in (1000, 1001)])

    assert began(store, "quiet") == [1000, 1001]


def test_replays_take_no_names(store):
    store.record([answered(n, requested="m", named=f"v{n}", source="replay") for n in range(2 * MOST_FURTHER)])
    store.record([answered(1000 + n, requested="m", named=f"v{1000 + n}") for n in range(3)])

    assert began(store) == [1000, 1001, 1002]


@pytest.mark.parametrize("name", ["x" * 100_000, "half a pair \ud83d"])
def test_a_name_of_any_form_is_kept_within_bounds(store, name):
    store.record([answered(n, requested=name, named=named) for n, named in enumerate(["old", name, name + "y", "old"])])

    assert began(store)[:2] == [0, 1]


names = st.sampled_from([f"n{n}" for n in range(2 * MOST_MODELS)])


@given(st.lists(st.tuples(names | st.just("m"), names), max_size=3 * MOST_MODELS))
def test_names_are_bounded_whatever_comes_and_the_same_after_each_restart(arrivals):
    running, kept = Teachers([]), []
    for moment, (requested, version) in enumerate(arrivals):
        restarted = Teachers(kept)
        assert restarted.counted(version) == running.counted(version)
        new = running.note(requested, version, float(moment))
        assert restarted.note(requested, version, float(moment)) == new
        if new is not None:
            kept.append(new)

    assert len(kept) <= MOST_MODELS + MOST_FURTHER + 1
    assert len(running.takeovers) <= MOST_FURTHER + 1
    assert all(len(each.teacher_version) <= LONGEST_NAME for each in kept)
