"""What is read back: pairs, traffic, captures, versions, pauses; and what retention leaves."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.journal.base import TallyTotal
from proxy.store.base import PairFilter
from proxy.store.records import AnswerRecord, Settlement
from tests.store.store_builders import T0, exchange, pair, settlement, stub, tallied


def ids(store, **which):
    return [each.id for each in store.pairs(PairFilter(**which))]


@pytest.fixture
def some(store):
    """Four exchanges, a second apart; the newest is e4."""
    store.record(
        [
            settlement("e1", "agreed", at=T0),
            settlement("e2", "disagreed", at=T0 + 1, segments={"language": "de"}),
            settlement("e3", "unavailable", at=T0 + 2),
            Settlement(exchange=exchange("e4", T0 + 3, route="other"), pairs=(pair(student="tiny"),)),
        ]
    )
    return store


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, ["e4:tiny", "e3:small", "e2:small", "e1:small"]),
        ({"route": "intents"}, ["e3:small", "e2:small", "e1:small"]),
        ({"student": "tiny"}, ["e4:tiny"]),
        ({"disagreements": True}, ["e2:small"]),
        ({"disagreements": True, "route": "other"}, []),
        ({"kind": "wrong_label"}, ["e2:small"]),
        ({"kind": "wording", "route": "intents"}, ["e2:small", "e1:small"]),
        ({"kind": "unavailable"}, ["e3:small"]),
        ({"kind": "timeout"}, ["e3:small"]),
        ({"kind": "agreed"}, []),
        ({"segment": ("language", "de")}, ["e2:small"]),
        ({"segment": ("language", "en"), "route": "intents"}, ["e3:small", "e1:small"]),
        ({"since": T0 + 1}, ["e4:tiny", "e3:small"]),  # arrived_at is a second before
        ({"limit": 2}, ["e4:tiny", "e3:small"]),
        ({"limit": 0}, []),
        ({"before": (T0 + 1, "e3:small")}, ["e2:small", "e1:small"]),
    ],
)
def test_pairs_come_newest_first_and_filtered(some, which, found):
    assert ids(some, **which) == found


def test_an_unheard_of_pair_is_none(some):
    assert some.pair("e1:tiny") is None
    assert some.pair("nonsense") is None


def test_pages_are_stable_while_new_pairs_come(store):
    same_moment = [
        Settlement(exchange=exchange(f"e{n:03}", T0), pairs=(pair(student="a"), pair(student="a.b"))) for n in range(70)
    ]
    store.record(same_moment)
    everything = ids(store)
    assert len(set(everything)) == 140

    read, before = [], None
    while page := list(store.pairs(PairFilter(limit=33, before=before))):
        read += [each.id for each in page]
        before = (page[-1].exchange.arrived_at, page[-1].id)
        store.record([settlement(f"newer{len(read)}", "agreed", at=T0 + 10)])

    assert read == everything


def test_pairs_are_read_as_they_are_asked_for(store):
    store.record([settlement(f"e{n}", "agreed", at=T0 + n) for n in range(300)])

    reading = store.pairs(PairFilter())
    first = list(itertools.islice(reading, 5))
    store.record([settlement("meanwhile", "agreed", at=T0 + 1000)])

    assert len(first) + sum(1 for _ in reading) == 300


def test_traffic_is_known_without_students_and_from_a_moment_on(store):
    store.record(
        [
            Settlement(exchange=exchange("e1", T0)),
            Settlement(exchange=exchange("e2", T0 + 600)),
            Settlement(exchange=stub("lost", T0 + 700)),
            Settlement(exchange=exchange("elsewhere", T0, route="other")),
        ]
    )

    traffic = store.traffic("intents")
    assert (traffic.exchanges, traffic.teacher_priced, traffic.teacher_nano_usd) == (3, 2, 4_000_000)
    assert traffic.teacher_ms == {334: 2}  # 800 ms
    assert traffic.teacher_ttft_ms == {265: 2}  # 200 ms
    assert (traffic.first, traffic.last) == (T0, T0 + 700)
    assert store.traffic("intents", since=T0 + 601).exchanges == 2
    assert store.traffic("unheard-of").first is None


def test_capture_totals_may_be_written_again_and_in_any_order(store):
    def total(origin, outcome, n, bucket=int(T0), reason=""):
        return TallyTotal(origin=origin, route="intents", outcome=outcome, reason=reason, bucket=bucket, total=n)

    store.record_captures([total("a", "journaled", 3), total("b", "journaled", 4)])
    store.record_captures([total("a", "journaled", 5), total("a", "journaled", 3)])
    store.record_captures([total("a", "not_shadowable", 1, int(T0) + 300, "background"), total("a", "journaled", 5)])

    assert [(each.outcome, each.reason, each.n) for each in store.captures("intents")] == [
        ("journaled", "", 9),
        ("not_shadowable", "background", 1),
    ]
    assert [each.n for each in store.captures("intents", since=int(T0) + 300)] == [1]
    assert [each.n for each in store.captures("intents", until=int(T0) + 300)] == [9]


def test_a_version_changes_with_the_model_that_answers_name(open_again):
    one, other = open_again(), open_again()
    assert one.version_in_force("intents", "small", "base") == "base"

    assert one.observe_model("intents", "small", "base", "small-1") == "base"
    assert other.observe_model("intents", "small", "base", "small-1") == "base"
    assert other.observe_model("intents", "small", "base", "small-2") == "base@small-2"
    assert one.version_in_force("intents", "small", "base") == "base@small-2"
    assert one.version_in_force("intents", "small", "another") == "another"
    assert one.observe_model("intents", "small", "base", "small-1") == "base"


def test_pauses_are_for_a_route_or_for_all(store):
    assert store.paused() == frozenset()
    store.set_paused("intents", True)
    store.set_paused("intents", True)
    store.set_paused(None, True)
    assert store.paused() == {"intents", None}
    store.set_paused(None, False)
    assert store.paused() == {"intents"}


def test_of_settled_segment_values_none_leaves_and_none_ceases_to_be_required(open_again):
    one, other = open_again(), open_again()
    assert one.settled_segments(1) == {}

    one.settle_segments(1, {("language", "de"): True, ("language", "fr"): False}, at=T0)
    other.settle_segments(1, {("language", "de"): False, ("language", "fr"): True, ("turn", "first"): True}, at=T0)

    assert one.settled_segments(1) == {("language", "de"): True, ("language", "fr"): True, ("turn", "first"): True}
    assert one.settled_segments(2) == {}


def test_the_salt_is_made_once(open_again):
    assert open_again().salt() == open_again().salt()
    assert len(open_again().salt()) >= 16


def forgotten(store, route, before):
    """How many exchanges lost their text, in as many calls as it takes."""
    return sum(iter(lambda: store.forget_text_before(route, before), 0))


def test_retention_deletes_text_and_keeps_scores_and_counts(store):
    store.record([settlement(f"old{n}", "disagreed", at=T0 + n, subjects=("hash",)) for n in range(120)])
    store.record([settlement("lost", "unavailable", at=T0)])
    store.record([settlement("new", "agreed", at=T0 + 5000), settlement("other", "agreed", at=T0, route="other")])
    kept = [store.pair(id_) for id_ in ("new:small", "other:small")]
    counts, traffic = tallied(store), store.traffic("intents")

    assert forgotten(store, "intents", T0 + 1000) == 121

    old = store.pair("old7:small")
    assert old.exchange.request is None
    assert old.exchange.subjects == ()
    for answer in (old.exchange.teacher, old.pair.answer):
        assert (answer.content, answer.response, answer.tool_calls) == (None, None, ())
        assert answer.latency_ms is not None
    assert old.pair.scores["label"].kinds == ("wrong_label",)
    assert old.pair.scores["wording"].detail is None
    assert store.pair("lost:small").pair.answer.error == {"kind": "timeout", "message": ""}
    assert [store.pair(id_) for id_ in ("new:small", "other:small")] == kept
    assert (tallied(store), store.traffic("intents")) == (counts, traffic)


def test_retention_holds_the_store_for_some_exchanges_at_a_time(store):
    store.record([settlement(f"e{n}", "agreed", at=T0 + n) for n in range(300)])

    assert 0 < store.forget_text_before("intents", T0 + 1000) < 300
    assert forgotten(store, "intents", T0 + 1000) > 0
    assert store.routes_with_text() == frozenset()


def test_routes_that_have_text_are_known_whatever_is_configured(store):
    assert store.routes_with_text() == frozenset()
    for route in ("b", "a", "c", "ä"):
        store.record([settlement(f"{route}{n}", "agreed", route=route) for n in range(3)])
    store.record([Settlement(exchange=stub("lost"), pairs=(pair("shed"),))])
    assert store.routes_with_text() == {"a", "b", "c", "ä"}

    assert forgotten(store, "b", T0 + 1) == 3
    assert store.routes_with_text() == {"a", "c", "ä"}


def test_a_pair_that_comes_after_retention_is_forgotten_by_the_next(store):
    store.record([Settlement(exchange=exchange("e1"), pairs=(pair(student="a"),))])
    store.forget_text_before("intents", T0 + 1)
    store.record([Settlement(exchange=exchange("e1"), pairs=(pair(student="b"),))])

    assert store.forget_text_before("intents", T0 + 1) == 1
    assert store.pair("e1:b").pair.answer.content is None


_json = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists, max_leaves=5)


@given(
    content=st.text(),
    body=st.dictionaries(st.text(), _json, max_size=3),
    segments=st.dictionaries(st.text(), st.text()),
)
def test_any_json_comes_back(content, body, segments):
    from proxy.store.rows import exchange_row, pair_row, stored_pair

    given_exchange = exchange("e:1", request=body, segments=segments)
    given_pair = pair(answer=AnswerRecord(content=content, tool_calls=(body,), response=body))

    stored = stored_pair({**exchange_row(given_exchange, None), **pair_row(given_exchange, given_pair, 1)})

    assert (stored.exchange, stored.pair) == (given_exchange, given_pair)
    assert stored.id == "e:1:small"
    assert msgspec.json.decode(msgspec.json.encode(stored), type=type(stored)) == stored
