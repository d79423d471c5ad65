"""Which evidence a pair belongs to."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.base import PairFilter
from proxy.store.evidence import QUIET_SECONDS, Begins, Begun, place
from proxy.store.records import Settlement
from tests.store.store_builders import DAY, T0, exchange, pair, tallied


def settled(id_, at, version="v1", *, student="small", definition="d1", outcome="agreed", **fields):
    return Settlement(
        exchange=exchange(id_, at, **fields),
        pairs=(pair(outcome, student=student, version=version, definition=definition),),
    )


def numbers(store, student="small"):
    """The number of the evidence that each pair belongs to, by exchange id."""
    by_id = {evidence.id: evidence.number for evidence in store.evidences("intents", student)}
    return {each.exchange.id: by_id[each.evidence_id] for each in store.pairs(PairFilter(student=student))}


def test_the_first_pair_begins_evidence_number_one(store):
    store.record([settled("e1", T0, probability=0.25), settled("e2", T0 + 1, probability=0.1)])

    (evidence,) = store.evidences("intents", "small")
    assert (evidence.number, evidence.since, evidence.probability_floor) == (1, T0, 0.25)
    assert (evidence.version, evidence.definition, evidence.decides) == ("v1", "d1", "label")


@pytest.mark.parametrize(
    ("probability", "thinning", "floor", "kept"), [(1.0, 1.0, 0.1, 0.1), (1.0, 0.5, 1.0, 0.5), (0.1, 0.5, 0.2, 0.05)]
)
def test_evidence_bets_by_the_least_probability_that_is_configured_whatever_its_first_pair_has(
    store, probability, thinning, floor, kept
):
    """A first pair captured on demand has 1; one of before a new configuration less than may be now."""
    first = settled("e1", T0, probability=probability)
    first_pair = msgspec.structs.replace(first.pairs[0], probability_floor=floor, thinning=thinning)
    store.record([msgspec.structs.replace(first, pairs=(first_pair,))])

    assert store.evidences("intents", "small")[0].probability_floor == kept


def test_a_new_version_or_definition_begins_evidence_anew(store):
    store.record([settled("e1", T0), settled("e2", T0 + 1, "v2"), settled("e3", T0 + 2, "v2", definition="d2")])

    assert [each.number for each in store.evidences("intents", "small")] == [1, 2, 3]
    assert numbers(store) == {"e1": 1, "e2": 2, "e3": 3}


def test_students_have_evidence_of_their_own(store):
    store.record(
        [settled("e1", T0, student="a"), settled("e1", T0, student="b"), settled("e2", T0 + 1, "v2", student="b")]
    )

    assert len(store.evidences("intents", "a")) == 1
    assert len(store.evidences("intents", "b")) == 2


def test_a_straggler_goes_to_the_evidence_that_was_in_force_when_it_was_captured(store):
    store.record([settled("e1", T0), settled("e3", T0 + 10, "v2")])
    store.record([settled("slow", T0 + 5)])
    store.record([settled("reloading", T0 + 20)])
    store.record([settled("e4", T0 + 30, "v2")])

    assert numbers(store) == {"e1": 1, "slow": 1, "reloading": 1, "e3": 2, "e4": 2}


def test_the_order_within_a_batch_does_not_matter(store):
    store.record([settled("e4", T0 + 30, "v2"), settled("e2", T0 + 5), settled("e3", T0 + 10, "v2"), settled("e1", T0)])

    assert [each.since for each in store.evidences("intents", "small")] == [T0, T0 + 10]
    assert numbers(store) == {"e1": 1, "e2": 1, "e3": 2, "e4": 2}


def test_two_workers_of_which_one_has_reloaded_do_not_begin_evidence_in_turns(open_again):
    old, new = open_again("old"), open_again("new")
    for n in range(10):
        old.record([settled(f"o{n}", T0 + 2 * n)])
        new.record([settled(f"n{n}", T0 + 2 * n + 1, "v2")])

    assert [each.version for each in old.evidences("intents", "small")] == ["v1", "v2"]
    assert sum(n for key, n in tallied(new).items() if key[1:3] == ("all", "pairs")) == 20


def test_going_back_to_an_earlier_version_begins_evidence_once_the_later_one_is_quiet(store):
    store.record([settled("e1", T0), settled("e2", T0 + 10, "v2")])
    store.record([settled("e3", T0 + 10 + QUIET_SECONDS), settled("e4", T0 + 11 + QUIET_SECONDS)])

    assert numbers(store) == {"e1": 1, "e2": 2, "e3": 1, "e4": 3}
    assert store.evidences("intents", "small")[-1].version == "v1"


def test_a_new_version_that_works_off_a_backlog_never_begins_before_the_one_it_replaces(store):
    store.record([settled("e1", T0), settled("e2", T0 + 10, "v2"), settled("e3", T0 + 500, "v2")])
    store.record([settled("late", T0 + 5, "v3")])

    assert [(each.version, each.since) for each in store.evidences("intents", "small")] == [
        ("v1", T0),
        ("v2", T0 + 10),
        ("v3", T0 + 10),
    ]


def test_a_teacher_that_takes_over_begins_evidence_anew_for_every_student(store):
    def asked(id_, at, teacher):
        pairs = (pair(student="a"), pair("unavailable", student="b"))
        return Settlement(exchange=exchange(id_, at, teacher_version=teacher), pairs=pairs)

    store.record([asked("e1", T0, "old"), asked("e2", T0 + 10, "new"), asked("e3", T0 + 20, "new")])
    store.record([asked("straggler", T0 + 5, "old"), asked("mixed", T0 + 15, "old")])

    for student in "ab":
        assert numbers(store, student) == {"e1": 1, "straggler": 1, "e2": 2, "mixed": 2, "e3": 2}
        assert store.evidences("intents", student)[-1].since == T0 + 10


def test_evidence_counts_from_the_takeover_even_for_a_student_asked_later(store):
    store.record([settled("e1", T0, teacher_version="old")])
    store.record([Settlement(exchange=exchange("e2", T0 + 10, teacher_version="new"))])
    store.record([settled("e3", T0 + 20, teacher_version="new")])

    assert [each.since for each in store.evidences("intents", "small")] == [T0, T0 + 10]


@pytest.mark.parametrize(
    ("teachers", "evidences"),
    [
        ([("gpt-4o", "a"), ("gpt-4o-mini", "b")], 1),  # first answers to two requested models
        ([("gpt-4o", "a"), ("gpt-4o-mini", "b"), ("gpt-4o", "b")], 1),  # b is known in the route
        ([("gpt-4o", "a"), ("gpt-4o", "b"), ("gpt-4o", "a")], 2),  # a comes back
        ([("gpt-4o", "a"), ("gpt-4o", None), ("gpt-4o", "a")], 1),  # nobody was named
        ([(None, "a"), (None, "b")], 2),
    ],
)
def test_only_a_teacher_not_seen_before_takes_over(store, teachers, evidences):
    for n, (requested, answered) in enumerate(teachers):
        store.record([settled(f"e{n}", T0 + n, requested_model=requested, teacher_version=answered)])

    assert len(store.evidences("intents", "small")) == evidences


def test_replayed_pairs_neither_begin_nor_end_evidence(store):
    store.record([settled("e1", T0), settled("r1", T0 + 1, "v2", source="replay", teacher_version="other")])
    assert [each.version for each in store.evidences("intents", "small")] == ["v1"]

    store.record([settled("e2", T0 + 2), settled("r2", T0 + 3, "v2", source="replay"), settled("e3", T0 + 4, "v2")])

    first, second = store.evidences("intents", "small")
    assert (second.version, second.number, second.since) == ("v2", 2, T0 + 4)
    assert store.pair("r1:small").evidence_id == second.id
    assert [row.n for row in store.counts(first.id) if row.measure == "pairs" and row.segment_key == "all"] == [2]


def test_full_days_are_whole_days_since_the_evidence_began_that_hold_a_pair(store):
    begin = T0 + 3600
    store.record(
        [
            settled("e1", begin),
            settled("e2", begin + 1.5 * DAY, outcome="expired"),
            settled("paused", begin + 2.5 * DAY, outcome="paused"),
            settled("replayed", begin + 3.5 * DAY, source="replay"),
            settled("e3", begin + 4 * DAY),
        ]
    )
    (evidence,) = store.evidences("intents", "small")

    days = [store.full_days(evidence.id, begin + n * DAY) for n in (0, 0.99, 1, 1.99, 2, 3, 4, 4.99, 5, 50)]

    assert days == [0, 0, 1, 1, 2, 2, 2, 2, 3, 3]


_moments = st.integers(0, 1000).map(float)


@given(
    st.lists(st.tuples(_moments, st.sampled_from(["v1", "v2"])), max_size=30),
    st.lists(_moments, max_size=3),
)
def test_numbers_and_times_of_evidence_rise_together(arrivals, takeovers):
    history: list[Begun] = []
    for captured_at, version in arrivals:
        placed = place(history, takeovers, version=version, definition="d", captured_at=captured_at)
        if isinstance(placed, Begins):
            placed = Begun(
                id=len(history),
                version=version,
                definition="d",
                since=placed.since,
                latest=max(placed.since, captured_at),
            )
            history.append(placed)
        assert (placed.version, placed.definition) == (version, "d")

    assert [each.since for each in history] == sorted(each.since for each in history)
