"""Sketches: sums of features that are the same whatever batches, replicas, days and repetitions they came in."""

import math
import sqlite3
import tempfile
from array import array
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import StoreError
from proxy.store import statements
from proxy.store.folding import day_of
from proxy.store.records import Settlement
from proxy.store.sketches import BINS, HOUR, hour_of, packed, unpacked
from tests.store.store_builders import DAY, ENGINES, T0, exchange, pair

WORDS = BINS["words"]


def settled(id_="e1", *students, at=T0, length=5, answers=None, **fields):
    """An exchange with these features, and pairs with students by what their answers' lengths are (None: none)."""
    asked = {"length": {length: 1}, "words": array("h", range(length, length + WORDS))}
    answered = {"length": {length + 1: 1}, "tools": {0: 1, 7: 2}}
    given = {"request_features": asked, "teacher_features": answered, **fields}
    pairs = [
        pair("agreed", student=name, features={} if said is None else {"length": {said: 1}}) for name, said in students
    ]
    return Settlement(exchange=exchange(id_, at, **given), pairs=tuple(pairs))


def sums(store, side="input", student="", route="intents", **between):
    """All that is there of a side: n by feature, probability and bin."""
    summed = Counter()
    for row in store.sketches(route, side=side, student=student, **between):
        for bin_, n in enumerate(row.bins.tolist()):
            summed[row.feature, row.probability, bin_] += n
    return +summed + Counter()


def everything(store):
    return {
        (side, student): sums(store, side, student)
        for side, student in (("input", ""), ("teacher", ""), ("teacher", "small"), ("student", "small"))
    }


def fold(store, until):
    return sum(1 for _ in iter(lambda: store.fold_counts(until), False))


def test_an_hours_features_are_summed(store):
    store.record([settled("e1", length=5), settled("e2", length=5), settled("e3", length=6)])

    length, words = store.sketches("intents", side="input")
    assert (length.hour, length.feature, length.probability) == (hour_of(T0), "length", 1.0)
    assert length.bins.shape == (BINS["length"],)
    assert {bin_: n for bin_, n in enumerate(length.bins.tolist()) if n} == {5: 2, 6: 1}
    assert words.feature == "words"
    assert words.bins.tolist() == [16 + 3 * bin_ for bin_ in range(WORDS)]
    assert sums(store, "teacher") == {
        ("length", 1.0, 6): 2, ("length", 1.0, 7): 1, ("tools", 1.0, 0): 3, ("tools", 1.0, 7): 6,
    }  # fmt: skip


def test_with_a_student_both_sides_are_of_the_exchanges_that_it_answered(store):
    store.record([settled("e1", ("small", 3)), settled("e2", ("small", None), ("big", 4)), settled("e3", length=9)])

    assert sums(store, "student", "small") == {("length", 1.0, 3): 1}
    assert sums(store, "teacher", "small")["length", 1.0, 6] == 1
    assert sums(store, "student", "big") == {("length", 1.0, 4): 1}
    assert sums(store, "teacher", "big")["length", 1.0, 6] == 1
    assert sums(store, "teacher")["length", 1.0, 6] == 2
    assert sums(store, "teacher")["length", 1.0, 10] == 1
    assert sums(store, "student") == {}


def test_what_is_delivered_again_adds_nothing_and_a_later_pair_adds_its_own(store):
    store.record([settled("e1", ("small", 3))])
    first = everything(store)

    store.record([settled("e1", ("small", 4)), settled("e1", ("small", 3))])
    assert everything(store) == first

    store.record([settled("e1", ("small", 3), ("big", 4))])
    assert everything(store) == first
    assert sums(store, "student", "big") == {("length", 1.0, 4): 1}


@pytest.mark.parametrize("source", ["replay", "offline", "import"])
def test_only_live_exchanges_are_sketched(store, source):
    store.record([settled("e1", ("small", 3), source=source)])

    assert all(not each for each in everything(store).values())


def test_an_exchange_that_the_teacher_did_not_answer_adds_nothing(store):
    store.record([settled("e1", ("small", None), request_features={}, teacher_features={})])

    assert all(not each for each in everything(store).values())


def test_what_was_sampled_otherwise_is_kept_apart(store):
    store.record([settled("e1"), settled("e2", probability=0.25), settled("e3", probability=0.25)])

    lengths = {
        row.probability: row.bins[5] for row in store.sketches("intents", side="input") if row.feature == "length"
    }
    assert lengths == {1.0: 1, 0.25: 2}


def test_a_route_and_a_span_of_hours_are_read_alone(store):
    store.record([settled(f"e{n}", at=T0 + n * HOUR) for n in range(5)] + [settled("other", route="other")])

    begin = hour_of(T0)
    assert {row.hour for row in store.sketches("intents", side="input")} == {begin + n * HOUR for n in range(5)}
    within = store.sketches("intents", side="input", since=T0 + HOUR + 7, until=T0 + 3 * HOUR)
    assert {row.hour for row in within} == {begin + HOUR, begin + 2 * HOUR}
    assert sums(store, route="other")["length", 1.0, 5] == 1
    assert store.sketches("nowhere", side="input") == []


_exchanges = st.lists(
    st.tuples(st.floats(0, 4), st.integers(0, 20), st.none() | st.integers(0, 20), st.sampled_from([0.5, 1.0])),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("engine", sorted(ENGINES))
@given(drawn=_exchanges, data=st.data())
def test_replicas_batches_repetitions_and_folding_change_no_sum(engine, drawn, data):
    all_of_them = [
        settled(f"e{n}", ("small", said), at=T0 + day * DAY, length=length, probability=probability)
        for n, (day, length, said, probability) in enumerate(drawn)
    ]
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        open_again = ENGINES[engine](Path(directory))
        replicas = [stack.enter_context(closing(open_again(replica))) for replica in ("a", "b")]
        for each in data.draw(st.permutations(all_of_them + all_of_them)):
            store = data.draw(st.sampled_from(replicas))
            store.record([each])
            if data.draw(st.integers(0, 3)) == 0:
                fold(store, T0 + data.draw(st.floats(34, 41)) * DAY)

        def lengths(since=0.0, until=math.inf):
            within = [each for each in drawn if since <= T0 + each[0] * DAY < until]
            asked = Counter(("length", probability, length) for _, length, _, probability in within)
            said = Counter(("length", probability, said) for _, _, said, probability in within if said is not None)
            return asked, said

        def found(**between):
            asked, said = sums(replicas[0], **between), sums(replicas[0], "student", "small", **between)
            return Counter({key: n for key, n in asked.items() if key[0] == "length"}), said

        assert found() == lengths()
        begin = day_of(T0) + data.draw(st.integers(0, 5)) * DAY
        assert found(since=begin) == lengths(since=begin)
        assert found(until=begin) == lengths(until=begin)


def rows_of(path):
    with closing(sqlite3.connect(path)) as tool:
        return tool.execute("SELECT count(*) FROM sketches").fetchone()[0]


def test_hours_older_than_35_days_become_a_day(tmp_path):
    open_again = ENGINES["sqlite"](tmp_path)
    path = tmp_path / "understudy.db"
    with closing(open_again()) as store:
        store.record([settled(f"e{n}", ("small", 3), at=T0 + n * HOUR) for n in range(48)])
        kept = everything(store)
        hourly = rows_of(path)

        assert fold(store, T0 + 30 * DAY) == 0
        assert rows_of(path) == hourly

        assert fold(store, T0 + 60 * DAY) > 0
        days = {day_of(T0 + n * HOUR) for n in range(48)}
        assert rows_of(path) == hourly / 48 * len(days)
        assert {row.hour for row in store.sketches("intents", side="input")} == days
        assert everything(store) == kept

        store.record([settled("late", at=T0 + HOUR)])
        assert fold(store, T0 + 60 * DAY) > 0
        assert rows_of(path) == hourly / 48 * len(days)
        assert sum(sums(store).values()) > sum(kept["input", ""].values())
        assert fold(store, T0 + 60 * DAY) == 0


def test_a_beginning_among_folded_hours_takes_in_its_day(store):
    store.record([settled(f"e{n}", at=T0 + n * HOUR) for n in range(48)])
    fold(store, T0 + 60 * DAY)

    within = store.sketches("intents", side="input", since=day_of(T0) + DAY + 5 * HOUR, until=T0 + 30 * DAY)
    assert {row.hour for row in within} >= {day_of(T0) + DAY}
    assert day_of(T0) not in {row.hour for row in within}


@pytest.mark.parametrize("statement", ["SET_SKETCH", "ADD_COUNT"])
def test_a_transaction_that_fails_leaves_counts_and_sketches_as_they_were(store, monkeypatch, statement):
    store.record([settled("e1", ("small", 3))])
    before = everything(store)

    with monkeypatch.context() as patched:
        patched.setattr(statements, statement, "INSERT INTO nowhere VALUES (1)")
        with pytest.raises(StoreError):
            store.record([settled("e2", ("small", 3))])
    assert everything(store) == before
    assert store.known(["e2"]) == {}

    with monkeypatch.context() as patched:
        patched.setattr(statements, "SET_SKETCH", "INSERT INTO nowhere VALUES (1)")
        with pytest.raises(StoreError):
            fold(store, T0 + 60 * DAY)
    assert everything(store) == before


def test_what_is_counted_alone_is_not_read_back_with_a_pair(store):
    store.record([settled("e1", ("small", 3))])

    stored = store.pair("e1:small")
    assert stored.exchange.request_features == stored.exchange.teacher_features == stored.pair.features == {}


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_what_is_packed_is_unpacked(numbers):
    assert unpacked(packed(np.array(numbers, np.int64))).tolist() == numbers
