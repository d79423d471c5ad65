"""The report, made from a real store."""

from __future__ import annotations

import json
from contextlib import closing

import msgspec
import pytest

from proxy.analysis.bounds import UnitCounts, lower_bound, upper_bound
from proxy.analyst.report import build_report
from proxy.analyst.shapes import rfc3339
from proxy.analyst.text import render_report
from proxy.errors import UsageError
from proxy.store.records import ScoreRecord, Settlement
from proxy.store.sqlite import SQLiteStore
from tests.analyst.report_builders import DAY, NOW, ONE, T0, config, entry, lose, record, settled, waiting

CONVERSATION = {"unit_kind": "conversation", "unit": "c"}
CONTRACT = {
    "route", "student", "version", "evidence_id", "evidence_number", "evidence_since", "exploratory", "pairs", "units",
    "verdict", "reasons", "pairs_needed", "agreement", "missing", "noise_floor", "difference", "relative_agreement",
    "quality", "segments", "weak_spots", "may_serve", "comparators", "kinds", "student_errors", "latency_ms", "cost",
    "divergence", "drift", "alerts",
}  # fmt: skip


def test_a_good_student_is_promoted_with_every_field_of_the_contract(store):
    record(store, ["agreed"] * 300)

    report = build_report(ONE, store, now=NOW, unsettled=None)
    [only] = report["routes"]

    assert set(report) == {"generated", "since", "routes"}
    assert set(only) >= CONTRACT
    assert only["verdict"] == "promote"
    assert (only["pairs"], only["units"], only["full_days"]) == (300, 300, 8)
    assert (only["evidence_number"], only["version"], only["exploratory"]) == (1, "v1", False)
    assert only["evidence_since"] == "2026-09-21T14:15:00Z"
    assert only["latency_ms"]["teacher"]["p50"] == pytest.approx(800, rel=0.011)
    assert only["latency_ms"]["teacher"]["ttft_p50"] == pytest.approx(200, rel=0.011)
    assert only["latency_ms"]["student"]["p95"] == pytest.approx(50, rel=0.011)
    assert only["comparators"] == {"label": {"mean": 1.0, "agreement": 1.0}}
    assert [(part["key"], part["value"], part["verdict"]) for part in only["segments"]] == [
        ("teacher_version", "t1", "promote")
    ]
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_agreement_is_counted_and_bounded_as_the_reference_does(store):
    record(store, ["agreed"] * 286 + ["disagreed"] * 1033)

    only = entry(store)

    units = UnitCounts.of([(1.0, 1.0, 286), (1.0, 0.0, 1033)])
    assert only["agreement"]["estimate"] == 286 / 1319
    assert only["agreement"]["lower"] == lower_bound(units, 0.05, probability_floor=1.0)
    assert only["agreement"]["upper"] == upper_bound(units, 0.05, probability_floor=1.0)
    assert only["verdict"] == "reject"
    assert only["kinds"] == {"wrong_label": 1033}


def test_a_bad_segment_is_named(store):
    record(store, ["agreed"] * 1000, segments={"language": "en"})
    record(store, ["agreed", "disagreed"] * 50, segments={"language": "de"}, begins=T0 + 1)

    only = entry(store)

    assert only["verdict"] == "reject"
    assert any(reason.startswith("language=de: at most ") for reason in only["reasons"])
    german = next(part for part in only["segments"] if part["value"] == "de")
    assert (german["verdict"], german["units"], german["agreement"]["estimate"]) == ("reject", 100, 0.5)


def test_missing_ones_are_told_by_kind_and_errors_beside_them(store):
    record(store, ["agreed", "unavailable"] * 100)

    only = entry(store)

    assert only["verdict"] == "undecided"
    assert only["missing"] == {"share": 0.5, "kinds": {"unavailable": 100}}
    assert only["student_errors"] == {"timeout": 100}
    assert (only["agreement"]["estimate"], only["agreement"]["upper"]) == (1, 1)
    assert only["agreement"]["lower"] < 0.5


def test_lost_captures_are_missing_in_all_and_stop_segments(store):
    record(store, ["agreed"] * 400)
    lose(store, "too_large", 2)
    lose(store, "journaled", 400)

    only = entry(store)

    assert only["missing"]["kinds"] == {"too_large": 2}
    assert only["units"] == 402
    assert only["agreement"]["estimate"] == 1
    assert only["verdict"] == "promote"
    [segment] = only["segments"]
    assert segment["verdict"] == "undecided"
    assert "captures lost" in segment["reasons"][0]


@pytest.mark.parametrize("outcome", ["shed", "unscored", "expired"])
def test_exchanges_whose_segments_nobody_knows_stop_segments_too(store, outcome):
    """The journal had to shed their bodies, or nobody could read them."""
    record(store, ["agreed"] * 600, segments={"language": "en"})
    known = [settled(index, outcome, at=T0 + 700 + index) for index in range(3)]
    bare = msgspec.structs.replace(known[0].exchange, segments={}, teacher_version=None, teacher=None, request=None)
    store.record([msgspec.structs.replace(known[0], exchange=bare), *known[1:]])

    only = entry(store)

    assert only["missing"]["kinds"] == {outcome: 3}
    assert only["verdict"] == "promote"
    assert {part["verdict"] for part in only["segments"]} == {"undecided"}
    for part in only["segments"]:
        assert "captures lost before their segments were known are 0.17% of the units" in part["reasons"][0]


def test_later_turns_are_pairs_at_once_and_one_unit_once_their_conversation_has_ended(store):
    record(store, ["agreed"] * 99, segments={"turn": "first"})
    record(store, ["agreed", "disagreed"], segments={"turn": "later"}, begins=T0 + 1, spread=60, **CONVERSATION)

    going_on = entry(store)
    assert (going_on["pairs"], going_on["units"], going_on["open_turns"]) == (101, 99, 2)

    while store.close_units(T0 + 7200):
        pass
    ended = entry(store, now=T0 + 7200)
    assert (ended["pairs"], ended["units"], ended["open_turns"]) == (101, 100, 0)
    assert ended["agreement"]["estimate"] == pytest.approx(0.995)


def test_captures_lost_before_the_evidence_began_are_not_its(store):
    record(store, ["agreed"] * 200)
    lose(store, "failed", 50, at=T0 - 600)

    assert entry(store)["missing"] == {"share": 0, "kinds": {}}


def test_a_pause_of_more_than_a_fifth_stops_everything(store):
    record(store, ["agreed"] * 300)
    lose(store, "paused", 100)

    only = entry(store)

    assert only["verdict"] == "undecided"
    assert only["excluded"] == {"share": 0.25, "over_budget_share": 0.0, "kinds": {"paused": 100}}
    assert "left out while paused" in only["reasons"][0]


def test_counts_are_read_up_to_the_oldest_exchange_not_settled(store):
    """Disagreements that take their time must not let the others promote."""
    record(store, ["agreed"] * 100, spread=1000)

    before = entry(store, now=T0 + 1000, unsettled=waiting(T0 + 650))

    assert before["units"] == 60
    assert before["read_until"] == "2026-09-21T14:25:00Z"
    assert entry(store, now=T0 + 1000)["units"] == 100


def test_pairs_that_are_stored_and_not_read_yet_have_a_reason(store):
    record(store, ["agreed"] * 213, spread=200)

    only = entry(store, now=T0 + 250, unsettled=waiting(T0 + 1, entries=12))

    assert (only["pairs"], only["verdict"]) == (0, "undecided")
    assert only["reasons"][0] == (
        "no pairs are read: 12 exchanges are not settled yet, and counts are read up to 2026-09-21T14:15:00Z,"
        " before the oldest of them"
    )


def test_what_the_present_five_minutes_hold_is_no_reason(store):
    record(store, ["agreed"] * 100, spread=1000)

    assert "not settled" not in " ".join(entry(store, now=T0 + 1000, unsettled=waiting(T0 + 950))["reasons"])
    assert "not settled" in " ".join(entry(store, now=T0 + 1000, unsettled=waiting(T0 + 650))["reasons"])


def test_full_days_end_at_the_oldest_exchange_not_settled(store):
    record(store, ["agreed"] * 300)

    assert entry(store, unsettled=waiting(T0 + 3.5 * DAY))["full_days"] == 3


def test_since_is_exploratory_and_never_promotes(store):
    record(store, ["agreed"] * 900)

    only = entry(store, since=T0 + DAY)

    assert only["exploratory"] is True
    assert only["verdict"] == "undecided"
    assert only["reasons"] == ["exploratory: chosen after looking, so it never promotes"]
    assert only["units"] == 780


@pytest.mark.parametrize(("since", "told"), [(-1e15, "1970-01-01T00:00:00Z"), (1e15, "2026-09-29T14:15:00Z")])
def test_since_before_all_time_or_after_it_is_read_as_far_as_there_is_any(store, since, told):
    record(store, ["agreed"] * 10)

    assert build_report(ONE, store, now=NOW, unsettled=None, since=since)["since"] == told


def test_a_renamed_version_begins_new_evidence_and_the_old_stays_readable_by_its_id(store):
    record(store, ["agreed"] * 200)
    first = entry(store)
    renamed = config({"version": "v2"})

    before = entry(store, renamed)
    record(store, ["disagreed"] * 20, version="v2", begins=NOW, spread=100)
    after = entry(store, renamed, now=NOW + 200)
    old = entry(store, renamed, now=NOW + 200, evidence=first["evidence_id"])

    assert (before["version"], before["evidence_id"], before["pairs"]) == ("v2", None, 0)
    assert (before["verdict"], before["reasons"][0]) == ("undecided", "no pairs yet")
    assert (after["version"], after["evidence_number"], after["pairs"]) == ("v2", 2, 20)
    assert (old["version"], old["evidence_number"], old["pairs"]) == ("v1", 1, 200)
    assert "earlier evidence (number 1): number 2 began" in old["reasons"][-1]


def test_a_model_seen_under_a_version_is_part_of_it(store):
    store.observe_model("intents", "small", "v1", "a")
    version = store.observe_model("intents", "small", "v1", "b")
    record(store, ["agreed"] * 10, version=version)

    assert (entry(store)["version"], entry(store)["pairs"]) == ("v1@b", 10)


def test_a_misconfigured_student_is_said_first(store):
    record(store, ["misconfigured"] * 120, error="status_401")

    only = entry(store)

    assert only["verdict"] == "undecided"
    assert only["reasons"][0].startswith(
        "the student is misconfigured, 120 exchanges are missing for it (status_401 120)"
    )


def test_a_student_that_was_mended_is_not_said_to_be_misconfigured_any_more(store):
    record(store, ["misconfigured"] * 20, error="status_404", spread=600)
    record(store, ["agreed"] * 3, begins=T0 + 1800, spread=3)

    during, after = entry(store, now=T0 + 700), entry(store, now=T0 + 1900)

    assert during["reasons"][0].startswith("the student is misconfigured, 20 exchanges")
    assert not after["reasons"][0].startswith("the student")
    assert after["reasons"][-1] == (
        "the student was misconfigured until 2026-09-21T14:40:00Z at the latest, 20 exchanges are missing for it"
        " (status_404 20)"
    )


def test_one_that_is_refused_now_and_then_is_still_misconfigured(store):
    record(store, ["misconfigured", "agreed", "agreed"] * 20, error="status_422", spread=600)

    assert entry(store, now=T0 + 610)["reasons"][0].startswith("the student is misconfigured, 20 exchanges")


@pytest.mark.parametrize(
    ("comparator", "path", "told"),
    [
        ("label", None, True),
        ("label", "/v1/*", True),
        ("label", "/v1/chat/completions", False),
        ("embedding", "/v1/embeddings", False),
    ],
)
def test_surfaces_that_are_never_scored_are_named(store, comparator, path, told):
    route = config({}, comparators=[{"use": comparator}], match={} if path is None else {"path": path})
    record(store, ["agreed"] * 11 + ["unscored"] * 2, spread=100, of=route)

    reasons = " ".join(entry(store, route)["reasons"])

    assert "missing, at most 1% may be (unscored 2)" in reasons
    assert (f"{comparator} does not compare embeddings" in reasons) is told


@pytest.mark.parametrize("paused", ["intents", None])
def test_a_pause_is_told_while_it_lasts(store, paused):
    record(store, ["agreed"] * 300)
    before = entry(store)["paused"]
    store.set_paused(paused, paused=True)

    assert (before, entry(store)["paused"], entry(store, config())["paused"]) == (False, True, True)


def test_a_lower_sample_widens_the_bounds_by_nothing_where_it_is_constant(store):
    record(store, ["agreed"] * 300, probability=0.1)

    only = entry(store, config({}, sample=0.1))

    assert only["agreement"]["lower"] == pytest.approx(
        lower_bound(UnitCounts.of([(1.0, 1.0, 300)]), 0.05, probability_floor=1.0), abs=1e-9
    )


def test_a_saving_needs_the_students_price_and_is_of_the_whole_traffic_over_a_month(store):
    record(store, ["agreed"] * 100, begins=NOW - DAY * 5, spread=DAY, probability=0.5)

    unpriced = entry(store)["cost"]
    priced = entry(store, config({"price": {"input": 0.1, "output": 0.2}}))["cost"]
    hired = entry(store, config({"price": {"per_hour": 0.001}}))["cost"]

    assert unpriced["saving_usd_per_month"] is None
    assert priced["teacher_usd"] == pytest.approx(1.0)
    assert priced["student_usd"] == pytest.approx(0.1)
    assert priced["observed_hours"] == pytest.approx(120)
    assert priced["saving_usd_per_month"] == pytest.approx((2.0 - 0.2) * 730 / 120)
    assert hired["student_usd"] == pytest.approx(0.12)
    assert hired["saving_usd_per_month"] == pytest.approx(2.0 * 730 / 120 - 0.73)


@pytest.mark.parametrize(("hours", "told"), [(0.1, False), (23.5, False), (24.5, True)])
def test_a_month_is_not_told_from_less_than_a_day(store, hours, told):
    record(store, ["agreed"] * 100, begins=NOW - hours * 3600, spread=60)

    cost = entry(store, config({"price": {"input": 0.1, "output": 0.2}}))["cost"]

    assert cost["teacher_usd"] == pytest.approx(1.0)
    assert cost["observed_hours"] == pytest.approx(hours)
    assert (cost["saving_usd_per_month"] is not None) is told


def test_without_pairs_nothing_was_observed(store):
    assert entry(store)["cost"]["observed_hours"] == 0


def test_a_route_without_students_tells_volume_cost_and_latency(store):
    store.record([Settlement(exchange=settled(i, "agreed", at=T0 + i).exchange) for i in range(50)])

    only = entry(store, config())

    assert set(only) >= CONTRACT
    assert (only["student"], only["exchanges"], only["pairs"]) == (None, 50, 0)
    assert only["cost"]["teacher_usd"] == pytest.approx(0.5)
    assert only["latency_ms"]["teacher"]["p50"] == pytest.approx(800, rel=0.011)
    assert only["latency_ms"]["student"]["p50"] is None
    assert (only["first"], only["last"]) == ("2026-09-21T14:15:00Z", "2026-09-21T14:15:49Z")


def test_a_student_without_pairs_has_an_entry(store):
    only = entry(store)

    assert (only["verdict"], only["reasons"][0], only["evidence_id"]) == ("undecided", "no pairs yet", None)
    assert (only["pairs"], only["units"], only["pairs_needed"]) == (0, 0, None)
    assert (only["agreement"]["lower"], only["agreement"]["upper"]) == (0, 1)


def test_each_student_has_an_entry_and_one_may_be_asked_for(store):
    two = config({}, {"name": "smaller"})
    record(store, ["agreed"] * 3)

    both = build_report(two, store, now=NOW, unsettled=None)["routes"]

    assert [(each["student"], each["pairs"]) for each in both] == [("small", 3), ("smaller", 0)]
    assert entry(store, two, student="smaller")["student"] == "smaller"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"route": "intent"}, "there is no route 'intent'; routes: intents"),
        ({"student": "tiny"}, "there is no student 'tiny'; students: small (route intents)"),
        ({"evidence": 77}, "there is no evidence 77; evidence: 1 (intents, small, number 1)"),
    ],
)
def test_what_is_not_there_is_a_users_error_that_names_what_is(store, asked, message):
    record(store, ["agreed"])

    with pytest.raises(UsageError) as raised:
        entry(store, **asked)

    assert str(raised.value) == message


def test_named_segments_are_read_from_the_gate(store):
    named = config({}, gate={"min_pairs": 100, "require": ["tier=gold"]})
    record(store, ["agreed"] * 300, of=named)

    only = entry(store, named)

    assert only["verdict"] == "undecided"
    assert only["reasons"] == ["tier=gold: no pairs yet, and it is required"]


def test_four_replicas_give_the_same_report_as_one(tmp_path, store):
    record(store, ["agreed", "agreed", "disagreed", "unavailable"] * 50)
    four = tmp_path / "four.db"
    for replica in range(4):
        with closing(SQLiteStore(four, replica=str(replica))) as opened:
            step = 7.5 * DAY / 200
            outcomes = ["agreed", "agreed", "disagreed", "unavailable"] * 50
            mine = [settled(i, each, at=T0 + i * step) for i, each in enumerate(outcomes) if i % 4 == replica]
            opened.record(mine)

    with closing(SQLiteStore(four)) as merged:
        assert entry(merged) == entry(store)


def test_required_segments_are_settled_at_the_first_look_that_can_and_stay_required(store):
    tenants = [{"tenant": "a"}, {"tenant": "b"}]
    for number, segments in enumerate(tenants):
        record(store, ["agreed"] * 200, segments=segments, begins=T0 + number)
    entry(store)
    record(store, ["agreed"] * 30_000, segments={"tenant": "a"}, begins=T0 + 2)  # b falls under 1%

    only = entry(store)

    required = {part["value"]: part["required"] for part in only["segments"] if part["key"] == "tenant"}
    assert required == {"a": True, "b": True}
    assert store.settled_segments(only["evidence_id"])[("tenant", "b")] is True


def test_a_look_that_was_chosen_settles_nothing(store):
    record(store, ["agreed"] * 300)

    only = entry(store, since=T0)

    assert store.settled_segments(only["evidence_id"]) == {}


def test_a_changed_definition_of_agreement_is_new_evidence_before_its_first_pair(store):
    record(store, ["agreed"] * 300)

    only = entry(store, config({}, comparators=[{"use": "exact"}]))

    assert (only["evidence_id"], only["pairs"], only["verdict"]) == (None, 0, "undecided")


def test_captures_lost_while_the_sample_was_small_weigh_as_much_when_it_is_raised(store):
    small, raised = config({}, sample=0.1), config({}, sample=1.0)
    record(store, ["agreed"] * 1000, probability=0.1)
    lose(store, "shed", 60, probability=0.1)

    before, after = entry(store, small), entry(store, raised)

    assert after["missing"] == before["missing"]
    assert after["missing"]["share"] == pytest.approx(60 / 1060)
    assert after["agreement"] == before["agreement"]
    assert after["verdict"] != "promote"


def test_an_evidence_asked_for_before_there_is_any_is_said_not_to_be_there(store):
    with pytest.raises(UsageError, match="there is no evidence 99; evidence: none"):
        entry(store, evidence=99)


TWO = config(
    {},
    comparators=[{"use": "label"}, {"use": "exact", "name": "wording"}],
    gate={"min_pairs": 100, "also": {"wording": 0.9}},
)


def also_said(index: int, outcome: str, wording: bool | None, at: float) -> Settlement:
    settlement = settled(index, outcome, at=at, of=TWO)
    [pair] = settlement.pairs
    if wording is None:
        return settlement
    scores = pair.scores | {"wording": ScoreRecord(score=float(wording), agree=wording)}
    return msgspec.structs.replace(settlement, pairs=(msgspec.structs.replace(pair, scores=scores),))


def test_another_comparator_that_the_gate_asks_for_is_shown_with_its_bounds_and_holds_promotion_up(store):
    words = [True] * 800 + [False] * 150 + [None] * 50  # it failed on fifty
    store.record([also_said(i, "agreed", word, T0 + i * 600) for i, word in enumerate(words)])

    only = entry(store, TWO)

    assert only["verdict"] == "reject"
    assert [reason.partition(":")[0] for reason in only["reasons"]] == ["comparator wording"]
    assert only["comparators"]["label"] == {"mean": 1.0, "agreement": 1.0}
    wording = only["comparators"]["wording"]
    assert wording["agreement"] == pytest.approx(800 / 950)
    assert wording["lower"] < 800 / 1000  # those without a score are worst-cased
    assert wording["upper"] > 850 / 1000
    assert wording["target"] == 0.9
    text = render_report({"generated": rfc3339(NOW), "since": None, "routes": [only]})
    assert "wording: 84.2% agree, mean score 0.842, between" in " ".join(text.split())


def test_another_comparator_that_the_gate_asks_for_lets_a_good_student_pass(store):
    store.record([also_said(i, "agreed", True, T0 + i * 600) for i in range(1000)])

    only = entry(store, TWO)

    assert only["verdict"] == "promote"
    assert [reason.partition(":")[0] for reason in only["reasons"]] == ["overall", "comparator wording"]
