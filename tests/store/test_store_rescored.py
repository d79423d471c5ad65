"""Pairs scored again are counted apart from all evidence, and once."""

from __future__ import annotations

import msgspec
import pytest

from proxy.store.base import PairFilter
from proxy.store.records import FORGOTTEN, REDACTED, RescoredPair, ScoreRecord
from tests.store.store_builders import DAY, T0, pair, settlement, tallied


def begun(store, version="v1", definition="d2"):
    return store.begin_rescoring("intents", "small", version, definition=definition, decides="wording")


def again(stored, outcome="agreed", *, redacted_request=False):
    agree = outcome == "agreed"
    scores = {"wording": ScoreRecord(score=float(agree), agree=agree, kinds=() if agree else ("wording",))}
    scored = outcome in {"agreed", "disagreed"}
    changed = msgspec.structs.replace(
        stored.pair, definition="d2", decides="wording", outcome=outcome, scores=scores if scored else {}
    )
    return RescoredPair(exchange=stored.exchange, pair=changed, redacted_request=redacted_request)


def counted(store, rescoring):
    return {
        (row.comparator, row.segment_key, row.measure, row.bin): row.n
        for row in store.counts(rescoring.id, source="rescored")
    }


def test_they_are_counted_once_and_apart(store, open_again):
    store.record([settlement(f"e{number}", "agreed", at=T0 + number) for number in range(3)])
    before = tallied(store), list(store.pairs(PairFilter())), store.evidences("intents", "small")
    pairs = [again(stored, "disagreed") for stored in store.pairs(PairFilter())]
    rescoring = begun(store)

    assert store.record_rescored(rescoring, pairs[:2]) == 2
    assert store.record_rescored(rescoring, pairs) == 1
    assert open_again("another").record_rescored(rescoring, pairs) == 0

    counts = counted(store, rescoring)
    assert counts["", "all", "pairs", 0] == counts["", "language", "pairs", 0] == 3
    assert counts["wording", "all", "low", 0] == 3
    assert counts["", "all", "kind:wording", 0] == 3
    assert (tallied(store), list(store.pairs(PairFilter())), store.evidences("intents", "small")) == before


def test_turns_scored_again_are_one_unit_however_they_come(store):
    talk = {"unit_kind": "conversation", "unit": "talk"}
    store.record([settlement(f"t{number}", "agreed", at=T0 + number, **talk) for number in range(4)])
    assert list(store.pairs(PairFilter(not_rescored=begun(store).id))) == []  # it goes on

    while store.close_units(T0 + DAY):
        pass
    rescoring = begun(store)
    for number, stored in enumerate(store.pairs(PairFilter(not_rescored=rescoring.id))):
        store.record_rescored(rescoring, [again(stored, "agreed" if number else "disagreed")])

    counts = counted(store, rescoring)
    assert {bin_: n for (*which, bin_), n in counts.items() if which == ["wording", "all", "low"] and n} == {75: 1}
    assert counts["", "all", "pairs", 0] == 4


def test_an_evidence_of_the_same_number_has_none_of_their_counts(store):
    store.record([settlement("e1", "agreed")])
    [evidence] = store.evidences("intents", "small")
    rescoring = begun(store)
    assert rescoring.id == evidence.id

    store.record_rescored(rescoring, [again(each, "disagreed") for each in store.pairs(PairFilter())])

    live = {(row.comparator, row.measure) for row in store.counts(evidence.id)}
    assert ("label", "agreed") in live
    assert ("", "kind:wording") not in live
    assert ("", "kind:wording", 0) in {key[:1] + key[2:] for key in counted(store, rescoring)}


def test_it_is_one_and_the_same_for_a_version_and_definition(store, open_again):
    assert store.rescoring("intents", "small", "v1", "d2") is None
    first = begun(store)
    assert begun(open_again("another")) == first == store.rescoring("intents", "small", "v1", "d2")
    assert {begun(store, version="v2").id, begun(store, definition="d3").id} & {first.id} == set()


def test_it_knows_its_span_and_what_was_redacted(store):
    store.record([settlement(f"e{number}", "agreed", at=T0 + number * DAY) for number in range(3)])
    rescoring = begun(store)
    assert (rescoring.first, rescoring.last, rescoring.redacted_requests) == (None, None, 0)

    for stored in store.pairs(PairFilter()):
        store.record_rescored(rescoring, [again(stored, redacted_request=stored.exchange.id != "e1")] * 2)

    grown = begun(store)
    assert (grown.first, grown.last, grown.redacted_requests) == (T0, T0 + 2 * DAY, 2)


@pytest.mark.parametrize(
    ("outcome", "measures"),
    [
        (REDACTED, {("", "pairs", 0), ("", "missing:redacted", 0), ("wording", "low", 0), ("wording", "high", 100)}),
        (FORGOTTEN, {("", "excluded:forgotten", 0)}),
    ],
)
def test_what_nobody_knows_is_missing_and_what_is_gone_left_out(store, outcome, measures):
    store.record([settlement("e1", "agreed")])
    rescoring = begun(store)
    store.record_rescored(rescoring, [again(each, outcome) for each in store.pairs(PairFilter())])

    counts = {(row.comparator, row.measure, row.bin) for row in store.counts(rescoring.id, source="rescored")}
    assert measures <= counts
    assert {measure for _, measure, _ in counts} & {"valid", "agreed"} == set()


def test_those_not_scored_again_yet_are_found(store):
    store.record([settlement(f"e{number}", "agreed", at=T0 + number) for number in range(4)])
    store.record([settlement("other", "agreed", at=T0 + 9, source="replay")])
    rescoring = begun(store)
    left = PairFilter(source="live", version="v1", until=T0 + 3, not_rescored=rescoring.id)
    assert store.count_pairs(left) == 3

    store.record_rescored(rescoring, [again(each) for each in store.pairs(PairFilter()) if each.exchange.id == "e1"])

    assert [each.exchange.id for each in store.pairs(left)] == ["e2", "e0"]
    assert store.count_pairs(left) == 2
    assert store.count_pairs(PairFilter()) == 5
    assert store.count_pairs(PairFilter(version="v2")) == 0


def test_one_that_cannot_be_counted_leaves_all_of_them_to_be_counted(store):
    store.record([settlement("e1", "agreed")])
    rescoring = begun(store)
    [good] = [again(each) for each in store.pairs(PairFilter())]
    bad = RescoredPair(exchange=msgspec.structs.replace(good.exchange, id="x"), pair=pair(scores={"label": None}))

    with pytest.raises(AttributeError):
        store.record_rescored(rescoring, [good, bad])

    assert counted(store, rescoring) == {}
    assert store.record_rescored(rescoring, [good]) == 1
