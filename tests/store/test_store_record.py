"""What is recorded is counted once, whatever the order, the batches and the workers."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.base import PairFilter
from proxy.store.records import EXCLUDED, MISSING, OUTCOMES, AnswerRecord, ExchangeRecord, ScoreRecord, Settlement
from tests.store.store_builders import ENGINES, T0, exchange, pair, settlement, stub, tallied


def test_a_pair_is_read_back_as_it_was_recorded(store):
    recorded = Settlement(
        exchange=exchange("e1", unit_kind="conversation", repeat_key="k", probability=0.25, subjects=("a", "b")),
        pairs=(
            pair(
                "disagreed",
                answer=AnswerRecord(
                    model="m",
                    status=200,
                    content=None,
                    tool_calls=({"name": "refund", "arguments": "{}"},),
                    usage={"input_tokens": 3, "estimated": True},
                    ttft_ms=12.5,
                    error={"kind": "empty", "message": "nothing said"},
                ),
            ),
        ),
    )

    assert store.record([recorded]) == [("e1", "small")]

    stored = store.pair("e1:small")
    assert stored.id == "e1:small"
    assert stored.exchange == recorded.exchange
    assert stored.pair == recorded.pairs[0]
    assert stored.evidence_id == store.evidences("intents", "small")[-1].id


def test_a_redelivered_exchange_changes_nothing(store):
    store.record([settlement("e1", "agreed")])
    before = tallied(store)

    again = store.record([settlement("e1", "disagreed"), settlement("e1", "disagreed")])

    assert again == []
    assert tallied(store) == before
    assert store.pair("e1:small").pair.outcome == "agreed"
    assert store.traffic("intents").exchanges == 1


def test_an_exchange_delivered_again_with_another_students_pair_adds_that_one(store):
    store.record([Settlement(exchange=exchange("e1"), pairs=(pair(student="a"),))])

    new = store.record([Settlement(exchange=exchange("e1"), pairs=(pair(student="a"), pair(student="b")))])

    assert new == [("e1", "b")]
    assert store.known(["e1", "unheard-of"]) == {"e1": frozenset({"a", "b"})}
    assert tallied(store, "a")["", "all", "pairs", 0] == 1
    assert tallied(store, "b")["", "all", "pairs", 0] == 1
    assert store.traffic("intents").exchanges == 1


def test_exchanges_of_a_route_without_students_are_kept(store):
    store.record([Settlement(exchange=exchange("e1"))])
    store.record([Settlement(exchange=exchange("e1"))])

    assert store.known(["e1"]) == {"e1": frozenset()}
    assert store.traffic("intents").exchanges == 1


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_each_outcome_counts_as_the_contract_says(store, outcome):
    store.record([settlement("e1", outcome)])

    counts = tallied(store)
    for segment in ("all", "language=en", "length=short"):
        of = {key[0:1] + key[2:]: n for key, n in counts.items() if key[1] == segment}
        if outcome in EXCLUDED:
            assert of == {("", f"excluded:{outcome}", 0): 1}
        elif outcome in MISSING:
            assert of["", "pairs", 0] == of["", f"missing:{outcome}", 0] == 1
            assert of["label", "low", 0] == of["label", "high", 100] == 1
            assert ("label", "valid", 0) not in of
        else:
            value = 100 if outcome == "agreed" else 0
            assert of["", "pairs", 0] == 1
            assert of["label", "low", value] == of["label", "high", value] == of["label", "valid", value] == 1
            assert of["wording", "low", 0] == of["wording", "valid", 0] == 1
            assert of["wording", "score", 29] == 1
            assert of["wording", "score_micros", 0] == 290_000
            assert of.get(("label", "agreed", 0), 0) == (outcome == "agreed")
            assert of.get(("", "kind:wrong_label", 0), 0) == (outcome == "disagreed")


def test_a_student_is_blamed_only_for_its_own_errors(store):
    store.record([settlement(outcome, outcome) for outcome in ("unavailable", "expired", "shed", "teacher_error")])

    assert {key[2] for key in tallied(store) if key[2].startswith("student_error")} == {"student_error:timeout"}


def test_latency_tokens_and_cost_are_counted_in_all_alone(store):
    store.record([settlement("e1", "agreed"), settlement("e2", "unavailable")])

    counts = tallied(store)
    assert counts["", "all", "teacher_nano_usd", 0] == 4_000_000
    assert counts["", "all", "teacher_priced", 0] == 2
    assert counts["", "all", "student_nano_usd", 0] == 100_000
    assert counts["", "all", "student_priced", 0] == 1
    assert counts["", "all", "teacher_cached_input_tokens", 0] == 80
    assert counts["", "all", "student_output_tokens", 0] == 3
    assert counts["", "all", "student_ms", 196] == 1  # 50 ms
    assert counts["", "all", "teacher_ttft_ms", 265] == 2  # 200 ms
    assert not [key for key in counts if key[1] != "all" and key[2].startswith(("teacher_", "student_"))]


def test_what_was_lost_before_its_segments_were_known_is_missing_in_all_alone(store):
    store.record([Settlement(exchange=stub(), pairs=(pair("shed"),))])

    counts = tallied(store)
    assert counts["", "all", "missing:shed", 0] == 1
    assert {key[1] for key in counts} == {"all"}


def test_a_score_that_nobody_gave_follows_the_outcome(store):
    store.record([Settlement(exchange=exchange(), pairs=(pair("disagreed", scores={}),))])

    counts = tallied(store)
    assert counts["label", "all", "low", 0] == counts["label", "all", "score", 0] == 1
    assert counts["label", "all", "score_micros", 0] == 0


def test_sources_never_mix(store):
    store.record([settlement("live", "agreed"), settlement("replayed", "disagreed", source="replay")])

    assert tallied(store)["label", "all", "valid", 100] == 1
    assert tallied(store)["label", "all", "valid", 0] == 0
    assert tallied(store, source="replay")["label", "all", "valid", 0] == 1
    assert store.traffic("intents").exchanges == 1


def test_counts_are_kept_apart_by_sampling_probability_and_read_by_time(store):
    store.record(
        [
            settlement("e1", "agreed", at=T0, probability=1.0),
            settlement("e2", "agreed", at=T0 + 299, probability=0.1),
            settlement("e3", "agreed", at=T0 + 300, probability=0.1),
        ]
    )
    evidence = store.evidences("intents", "small")[-1]

    def pairs(**between):
        rows = store.counts(evidence.id, **between)
        return {row.probability: row.n for row in rows if (row.measure, row.segment_key) == ("pairs", "all")}

    assert pairs() == {1.0: 1, 0.1: 2}
    assert pairs(until=int(T0) + 300) == {1.0: 1, 0.1: 1}
    assert pairs(since=int(T0) + 300) == {0.1: 1}
    assert evidence.probability_floor == 1.0


@pytest.mark.parametrize("engine", sorted(ENGINES))
@given(
    buckets=st.lists(st.integers(-576, 576), min_size=1, max_size=20),
    since=st.none() | st.integers(-576, 576),
    until=st.none() | st.integers(-576, 576),
)
def test_counts_between_two_buckets_are_those_of_the_pairs_between_them(engine, buckets, since, until):
    with tempfile.TemporaryDirectory() as directory, closing(ENGINES[engine](Path(directory))()) as store:
        store.record([settlement(f"e{n}", "agreed", at=T0 + 300 * bucket) for n, bucket in enumerate(buckets)])
        (evidence,) = store.evidences("intents", "small")

        rows = store.counts(
            evidence.id,
            since=None if since is None else int(T0) + 300 * since,
            until=None if until is None else int(T0) + 300 * until,
        )

        expected = [each for each in buckets if (since is None or each >= since) and (until is None or each < until)]
        pairs = sum(row.n for row in rows if (row.measure, row.segment_key) == ("pairs", "all"))
        assert pairs == len(expected)


def test_counts_grow_with_time_not_with_traffic(open_again):
    store = open_again()
    store.record([settlement("e0", "agreed")])
    before = _rows(store)
    store.record([settlement(f"e{n}", "agreed") for n in range(1, 200)])

    assert _rows(store) == before


def test_text_that_utf8_cannot_hold_is_stored_mended(store):
    half = "\ud83d"
    odd = Settlement(
        exchange=exchange("e1", request={"content": half}, segments={"tenant": half}),
        pairs=(
            pair(
                answer=AnswerRecord(content=half, response={"a": [half]}),
                scores={"label": ScoreRecord(score=1.0, agree=True, detail=half)},
            ),
        ),
    )

    assert store.record([odd]) == [("e1", "small")]
    assert store.pair("e1:small").pair.answer.content == "?"
    assert tallied(store)["", "tenant=?", "pairs", 0] == 1


def test_an_empty_batch_is_no_trouble(store):
    assert store.record([]) == []
    assert store.known([]) == {}


_students = st.sampled_from(["a", "b", "c"])
_exchanges = st.builds(
    lambda n, outcomes: Settlement(
        exchange=exchange(f"e{n}", T0 + 100 * n, probability=0.5 if n % 2 else 1.0),
        pairs=tuple(pair(outcome, student=student) for student, outcome in sorted(outcomes.items())),
    ),
    st.integers(0, 7),
    st.dictionaries(_students, st.sampled_from(sorted(OUTCOMES)), max_size=3),
)


@pytest.mark.parametrize("engine", sorted(ENGINES))
@given(data=st.data(), whole=st.lists(_exchanges, unique_by=lambda each: each.exchange.id, min_size=1, max_size=6))
def test_any_sequence_of_partial_and_repeated_deliveries_gives_the_counts_of_the_set(engine, data, whole):
    deliveries = [
        msgspec.structs.replace(
            each, pairs=tuple(data.draw(st.permutations(each.pairs)))[: data.draw(st.integers(0, 3))]
        )
        for each in data.draw(st.lists(st.sampled_from(whole), max_size=8))
    ] + data.draw(st.permutations(whole))
    replicas = data.draw(st.lists(st.sampled_from("xyz"), min_size=len(deliveries), max_size=len(deliveries)))
    with tempfile.TemporaryDirectory() as once, tempfile.TemporaryDirectory() as many, ExitStack() as stack:
        expected = stack.enter_context(closing(ENGINES[engine](Path(once))()))
        stores = {
            replica: stack.enter_context(closing(ENGINES[engine](Path(many))(replica=replica))) for replica in "xyz"
        }
        expected.record(whole)

        new = [
            key for replica, each in zip(replicas, deliveries, strict=True) for key in stores[replica].record([each])
        ]

        assert sorted(new) == sorted((each.exchange.id, one.student) for each in whole for one in each.pairs)
        for student in "abc":
            assert _counts(stores["x"], student) == _counts(expected, student)
        assert stores["y"].traffic("intents") == expected.traffic("intents")


@pytest.mark.parametrize("engine", sorted(ENGINES))
@given(outcomes=st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=30))
def test_no_pair_vanishes_from_a_denominator(engine, outcomes):
    with tempfile.TemporaryDirectory() as directory, closing(ENGINES[engine](Path(directory))()) as store:
        store.record([settlement(f"e{n}", outcome) for n, outcome in enumerate(outcomes)])

        sums = Counter()
        for (comparator, segment, measure, _), n in tallied(store).items():
            if segment == "all" and comparator in {"", "label"}:
                sums[measure.partition(":")[0]] += n
        assert sums["pairs"] + sums["excluded"] == len(outcomes)
        assert sums["low"] == sums["high"] == sums["pairs"] == sums["valid"] + sums["missing"]
        assert sums["valid"] == sums["score"]


def _counts(store, student):
    return [
        [msgspec.structs.astuple(row) for row in store.counts(each.id)] for each in store.evidences("intents", student)
    ]


def _rows(store):
    evidence = store.evidences("intents", "small")[-1]
    return len(store.counts(evidence.id))


def test_pairs_are_found_whatever_their_exchange_was(store):
    bare = ExchangeRecord(id="bare", route="intents", arrived_at=T0, captured_at=T0)
    store.record([Settlement(exchange=bare, pairs=(pair("shed"),))])

    (stored,) = store.pairs(PairFilter())
    assert stored.exchange == bare
