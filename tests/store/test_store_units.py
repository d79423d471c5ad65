"""What counts as one observation: requests, conversations, exact repeats."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.records import TEACHER_REPLAY, ScoreRecord, Settlement
from proxy.store.sqlite import SQLiteStore
from proxy.store.units import IDLE_SECONDS, LONGEST_SECONDS, Turn, parts_of
from tests.store.store_builders import T0, exchange, pair

LATER = {"unit_kind": "conversation", "unit": "talk"}


def turn(id_, outcome="agreed", at=T0, **fields):
    return Settlement(exchange=exchange(id_, at, **(LATER | fields)), pairs=(pair(outcome),))


def repeat(id_, outcome="agreed", at=T0, **fields):
    return Settlement(exchange=exchange(id_, at, **({"repeat_key": "again"} | fields)), pairs=(pair(outcome),))


def close(store, until):
    while store.close_units(until):
        pass


def units(store, measure="low", comparator="label", segment=("all", ""), student="small"):
    """Units by value of the newest evidence."""
    counts = Counter()
    for row in store.counts(store.evidences("intents", student)[-1].id):
        if (row.comparator, row.measure, row.segment_key, row.segment_value) == (comparator, measure, *segment):
            counts[row.bin / 100] += row.n
    return {value: n for value, n in counts.items() if n}


def test_later_turns_enter_together_with_their_mean_once_they_have_been_idle(store):
    for number, outcome in enumerate(["agreed", "agreed", "agreed", "disagreed"]):
        store.record([turn(f"t{number}", outcome, at=T0 + 100 * number)])

    close(store, T0 + 300 + IDLE_SECONDS - 1)
    assert units(store) == {}
    assert store.open_turns("intents") == 4

    close(store, T0 + 300 + IDLE_SECONDS)
    assert units(store) == {0.75: 1}
    assert store.open_turns("intents") == 0

    close(store, T0 + 10 * IDLE_SECONDS)
    assert units(store) == {0.75: 1}


def test_its_missing_turns_are_disagreements_in_one_bound_and_agreements_in_the_other(store):
    store.record([turn("t1", "agreed"), turn("t2", "unavailable", at=T0 + 1)])
    close(store, T0 + 2 * IDLE_SECONDS)

    assert units(store, "low") == {0.5: 1}
    assert units(store, "high") == {1.0: 1}
    assert units(store, "valid") == {1.0: 1}


def test_turns_that_were_not_due_are_no_part_of_it_and_a_unit_of_none_is_none(store):
    store.record([turn("t1", "agreed"), turn("t2", "paused", at=T0 + 1), turn("t3", "paused", unit="other")])
    close(store, T0 + 2 * IDLE_SECONDS)

    assert units(store) == {1.0: 1}


def test_in_a_segment_it_is_the_mean_of_its_turns_there(store):
    store.record(
        [
            turn("t1", "agreed", segments={"turn": "later"}),
            turn("t2", "disagreed", at=T0 + 1, segments={"turn": "after_tool"}),
            turn("t3", "agreed", at=T0 + 2, segments={"turn": "after_tool"}),
        ]
    )
    close(store, T0 + 2 * IDLE_SECONDS)

    assert units(store, segment=("turn", "later")) == {1.0: 1}
    assert units(store, segment=("turn", "after_tool")) == {0.5: 1}
    assert sum(value * n for value, n in units(store).items()) in (0.66, 0.67)


def test_one_that_never_ends_enters_in_parts_of_a_day(store):
    step = IDLE_SECONDS / 2
    number = int(2.5 * LONGEST_SECONDS / step)
    store.record([turn(f"t{index}", at=T0 + index * step) for index in range(number)])

    close(store, T0 + number * step)
    assert units(store) == {1.0: 2}

    close(store, T0 + number * step + IDLE_SECONDS)
    assert units(store) == {1.0: 3}


def test_a_conversation_taken_up_again_after_a_pause_is_another_unit(store):
    store.record([turn("t1", "agreed"), turn("t2", "disagreed", at=T0 + 2 * IDLE_SECONDS)])
    close(store, T0 + 9 * IDLE_SECONDS)

    assert units(store) == {0.0: 1, 1.0: 1}


def test_turns_of_two_evidences_are_a_unit_in_each(store):
    store.record([turn("t1", "agreed")])
    later = turn("t2", "disagreed", at=T0 + 200)
    store.record([Settlement(exchange=later.exchange, pairs=(pair("disagreed", version="v2"),))])
    close(store, T0 + 9 * IDLE_SECONDS)

    assert units(store) == {0.0: 1}
    first, second = store.evidences("intents", "small")
    assert [sum(row.n for row in store.counts(each.id) if row.measure == "low") for each in (first, second)] == [
        6,  # three segments, two comparators
        6,
    ]


def test_it_enters_in_the_five_minutes_in_which_it_closes(store):
    store.record([turn("t1"), turn("t2", at=T0 + 10)])
    close(store, T0 + 9 * IDLE_SECONDS)
    [evidence] = store.evidences("intents", "small")

    def measured(since):
        rows = store.counts(evidence.id, since=int(since), until=int(since) + 300)
        return {row.measure for row in rows} & {"pairs", "low"}

    assert measured(T0) == {"pairs"}
    assert measured(T0 + IDLE_SECONDS) == {"low"}


def test_exact_repeats_within_a_minute_are_one_unit_which_is_the_first_of_them(store):
    outcomes = ["agreed", *["disagreed"] * 7]
    store.record([repeat(f"r{index}", outcome, at=T0 + 8 * index) for index, outcome in enumerate(outcomes)])

    assert units(store) == {1.0: 1}


def test_those_of_other_clients_routes_and_later_minutes_are_their_own(store):
    store.record(
        [
            repeat("r1"),
            repeat("r2", at=T0 + 60),
            repeat("r3", at=T0 + 61),
            repeat("r4", repeat_key="other"),
            repeat("r5", repeat_key=""),
            repeat("r6", repeat_key=""),
        ]
    )

    assert units(store) == {1.0: 5}


def test_a_repeat_that_is_stored_before_the_first_gives_its_place_to_it(store):
    store.record([repeat("r2", "disagreed", at=T0 + 30)])
    assert units(store) == {0.0: 1}

    store.record([repeat("r1", "agreed", at=T0)])
    assert units(store) == {1.0: 1}
    assert units(store, "valid") == units(store, "high") == {1.0: 1}


def test_a_pair_that_comes_late_to_a_unit_counts_in_it(store, open_again):
    first = turn("t1", "agreed")
    store.record([first, turn("t2", "disagreed", at=T0 + 1)])
    close(store, T0 + 9 * IDLE_SECONDS)

    open_again("another").record([Settlement(exchange=first.exchange, pairs=(pair("agreed", student="other"),))])

    assert units(store) == {0.5: 1}
    assert units(store, student="other") == {1.0: 1}


def test_delivered_twice_it_is_one(store, open_again):
    settlements = [turn("t1"), repeat("r1"), repeat("r2", at=T0 + 1)]
    store.record(settlements)
    open_again("another").record(settlements)
    close(store, T0 + 9 * IDLE_SECONDS)
    open_again("another").record(settlements)
    close(open_again("third"), T0 + 9 * IDLE_SECONDS)

    assert units(store) == {1.0: 2}


def replay(outcome):
    return pair(outcome, student=TEACHER_REPLAY)


@pytest.mark.parametrize(
    ("student", "teacher", "worth"),
    [
        ("agreed", "agreed", (0.5, 0.5, 0.5)),
        ("agreed", "disagreed", (1.0, 1.0, 1.0)),
        ("disagreed", "agreed", (0.0, 0.0, 0.0)),
        ("unavailable", "agreed", (0.0, 0.5, None)),
        ("agreed", "unavailable", (0.5, 1.0, None)),
        ("paused", "agreed", (None, None, None)),
        ("agreed", "teacher_error", (None, None, None)),
    ],
)
def test_where_the_teacher_was_asked_again_the_difference_counts(store, student, teacher, worth):
    asked = exchange("e1")
    store.record([Settlement(exchange=asked, pairs=(pair(student), replay(teacher)))])

    for measure, value in zip(("low", "high", "valid"), worth, strict=True):
        assert units(store, measure, "noise_floor") == ({} if value is None else {value: 1}), measure


def test_whichever_of_the_two_comes_last(store):
    asked = exchange("e1")
    store.record([Settlement(exchange=asked, pairs=(replay("disagreed"),))])
    store.record([Settlement(exchange=asked, pairs=(pair("agreed"),))])

    assert units(store, comparator="noise_floor") == {1.0: 1}
    assert units(store) == {1.0: 1}
    assert units(store, student=TEACHER_REPLAY) == {0.0: 1}


traffic = st.lists(
    st.tuples(
        st.integers(0, 120),  # half minutes
        st.sampled_from(["one", "two", "talk", "chat"]),
        st.sampled_from(["agreed", "disagreed", "unavailable", "paused"]),
    ),
    max_size=14,
)


@given(traffic, st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_order_in_which_exchanges_are_stored_changes_nothing(given_traffic, random, size):
    """Against units told apart by hand from all exchanges at once."""
    settlements = []
    for index, (when, who, outcome) in enumerate(given_traffic):
        make = turn if who in ("talk", "chat") else repeat
        of = {"unit": who} if make is turn else {"repeat_key": who}
        settlements.append(make(f"e{index:02}", outcome, at=T0 + 30 * when, **of))
    shuffled = list(settlements)
    random.shuffle(shuffled)
    expected = Counter(_by_hand(settlements))
    with TemporaryDirectory() as directory, closing(SQLiteStore(Path(directory) / "a.db")) as store:
        for start in range(0, len(shuffled), size):
            store.record(shuffled[start : start + size])
        close(store, T0 + 10 * LONGEST_SECONDS)
        counted = units(store) if settlements else {}
    assert sum(counted.values()) == sum(expected.values())
    assert abs(sum(v * n for v, n in counted.items()) - float(sum(v * n for v, n in expected.items()))) <= 0.01 * len(
        expected
    )


def _by_hand(settlements):
    values = []
    last_head = {}
    talks = {}
    for each in sorted(settlements, key=lambda each: (each.exchange.captured_at, each.exchange.id)):
        at, outcome = each.exchange.captured_at, each.pairs[0].outcome
        if each.exchange.unit_kind == "conversation":
            parts = talks.setdefault(each.exchange.unit, [])
            if not parts or at - parts[-1][-1][0] >= 1800 or at - parts[-1][0][0] >= 86400:
                parts.append([])
            parts[-1].append((at, outcome))
        else:
            key = each.exchange.repeat_key
            if key in last_head and at - last_head[key] <= 60:
                continue
            last_head[key] = at
            if outcome != "paused":
                values.append(Fraction(outcome == "agreed"))
    for parts in talks.values():
        for part in parts:
            due = [outcome == "agreed" for _, outcome in part if outcome != "paused"]
            if due:
                values.append(Fraction(sum(due), len(due)))
    return values


@given(st.lists(st.floats(0, 3 * LONGEST_SECONDS), min_size=1))
def test_every_turn_is_in_one_part_that_ends_before_the_next_begins(times):
    turns = [Turn(at, str(index)) for index, at in enumerate(times)]
    parts = parts_of(turns)

    assert sorted(each for part in parts for each in part.turns) == sorted(turns)
    for part, following in itertools.pairwise(parts):
        assert part.closes <= following.turns[0].captured_at
    for part in parts:
        assert part.turns[-1].captured_at < part.closes <= part.turns[-1].captured_at + IDLE_SECONDS


def test_another_comparators_word_counts_by_the_same_units(store):
    scores = {"label": ScoreRecord(score=1.0, agree=True), "strict": ScoreRecord(score=0.0, agree=False)}
    store.record(
        [
            Settlement(exchange=exchange("t1", **LATER), pairs=(pair("agreed", scores=scores),)),
            turn("t2", at=T0 + 1),
        ]
    )
    close(store, T0 + 9 * IDLE_SECONDS)

    assert units(store, "low", "strict") == {0.0: 1}
    assert units(store, "high", "strict") == {0.5: 1}
