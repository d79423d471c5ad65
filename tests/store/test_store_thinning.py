"""A pair is counted by the probability of both draws: its exchange's for all students, and its student's own."""

from __future__ import annotations

import pytest

from proxy.store.base import PairFilter
from proxy.store.records import OVER_BUDGET, TEACHER_REPLAY, AnswerRecord, Settlement
from tests.store.store_builders import DAY, T0, exchange, pair, tallied
from tests.store.test_store_rescored import again, begun


def thinned(id_="e1", outcome="agreed", at=T0, *, thinning=0.5, probability=0.3, student="small", **fields):
    given = exchange(id_, at, probability=probability, **fields)
    return Settlement(exchange=given, pairs=(pair(outcome, student=student, thinning=thinning),))


def probabilities(store, measure="low", comparator="label", *, evidence=None, source="live"):
    """n in `all` by probability, of the newest evidence."""
    evidence = evidence or store.evidences("intents", "small")[-1].id
    counts = {}
    for row in store.counts(evidence, source=source):
        if (row.comparator, row.measure, row.segment_key) == (comparator, measure, "all"):
            counts[row.probability] = counts.get(row.probability, 0) + row.n
    return {probability: n for probability, n in counts.items() if n}


def test_pairs_and_units_have_the_product_and_students_their_own(store):
    asked = exchange("e1", probability=0.3)
    pairs = (pair(student="small", thinning=0.5), pair(student="large", thinning=0.9))
    store.record([Settlement(exchange=asked, pairs=pairs)])

    assert probabilities(store) == probabilities(store, "pairs", "") == {0.3 * 0.5: 1}
    large = store.evidences("intents", "large")[-1].id
    assert probabilities(store, evidence=large) == {0.3 * 0.9: 1}
    assert {each.pair.student: each.pair.thinning for each in store.pairs(PairFilter())} == {"small": 0.5, "large": 0.9}


def test_a_unit_that_is_counted_anew_leaves_nothing_behind(store):
    store.record([thinned("e2", at=T0 + 30, repeat_key="again")])
    store.record([thinned("e1", at=T0, thinning=0.9, probability=0.7, repeat_key="again")])

    assert probabilities(store) == {0.7 * 0.9: 1}


@pytest.mark.parametrize(("outcome", "expected"), [("agreed", 0.9), ("sampled_out", 0.5)])
def test_a_conversation_is_there_if_its_likeliest_turn_is(store, outcome, expected):
    talk = {"unit_kind": "conversation", "unit": "talk", "probability": 1.0}
    store.record([thinned("t1", thinning=0.5, **talk), thinned("t2", outcome, T0 + 1, thinning=0.9, **talk)])
    while store.close_units(T0 + DAY):
        pass

    assert probabilities(store) == {expected: 1}


def test_a_difference_to_the_teacher_asked_again_has_all_three(store):
    asked = exchange("e1", probability=0.3)
    replay = pair("agreed", student=TEACHER_REPLAY, thinning=0.7)
    store.record([Settlement(exchange=asked, pairs=(pair("agreed", thinning=0.5), replay))])

    assert probabilities(store, comparator="noise_floor") == {0.3 * 0.5 * 0.7: 1}
    assert probabilities(store) == {0.3 * 0.5: 1}


def test_scored_again_it_keeps_its_weight(store):
    store.record([thinned("e1"), thinned("e2", at=T0 + 1, thinning=1.0)])
    rescoring = begun(store)

    for stored in store.pairs(PairFilter()):
        store.record_rescored(rescoring, [again(stored)])

    counted = probabilities(store, comparator="wording", evidence=rescoring.id, source="rescored")
    assert counted == {0.3 * 0.5: 1, 0.3: 1}


def test_sketches_of_a_students_answers_have_it_too(store):
    asked = exchange("e1", probability=0.3, teacher_features={"length": {3: 1}}, request_features={"length": {2: 1}})
    store.record([Settlement(exchange=asked, pairs=(pair(thinning=0.5, features={"length": {4: 1}}),))])

    sides = [("input", ""), ("teacher", ""), ("teacher", "small"), ("student", "small")]
    rows = [store.sketches("intents", side=side, student=student) for side, student in sides]
    assert [[row.probability for row in each] for each in rows] == [[0.3], [0.3], [0.3 * 0.5], [0.3 * 0.5]]


def test_what_is_paused_beyond_a_budget_is_told_apart_from_what_a_person_paused(store):
    over = pair("paused", answer=AnswerRecord(error={"kind": OVER_BUDGET, "message": "beyond its budget"}))
    store.record([Settlement(exchange=exchange("e1"), pairs=(over,))])
    store.record([Settlement(exchange=exchange("e2"), pairs=(pair("paused"),))])
    store.record([Settlement(exchange=exchange("e3"), pairs=(pair("sampled_out"),))])

    counts = tallied(store)
    for segment in ("all", "language=en"):
        assert counts["", segment, "excluded:paused", 0] == 2
        assert counts["", segment, "over_budget", 0] == 1
        assert counts["", segment, "excluded:sampled_out", 0] == 1
        assert counts["", segment, "pairs", 0] == 0
    [evidence] = store.evidences("intents", "small")
    assert store.full_days(evidence.id, T0 + 2 * DAY) == 0


def test_counted_again_from_the_pairs_all_comes_to_the_same(store):
    talk = {"unit_kind": "conversation", "unit": "talk"}
    over = pair("paused", thinning=0.5, answer=AnswerRecord(error={"kind": OVER_BUDGET, "message": ""}))
    replay = pair("disagreed", student=TEACHER_REPLAY, thinning=0.7)
    store.record(
        [
            thinned("e1"),
            thinned("e2", "sampled_out", T0 + 1),
            thinned("t1", at=T0 + 2, **talk),
            thinned("t2", "disagreed", T0 + 3, thinning=0.9, probability=0.2, **talk),
            Settlement(exchange=exchange("e3", T0 + 4, probability=0.3), pairs=(over, replay)),
            Settlement(exchange=exchange("e4", T0 + 5, probability=0.3), pairs=(pair(thinning=0.5), replay)),
        ]
    )
    while store.close_units(T0 + DAY):
        pass
    before = tallied(store), probabilities(store)

    assert store.recount(lambda _: None, check=False).wrong == 0
    assert (tallied(store), probabilities(store)) == before
