"""Each rule of the verdict, with the reason it gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.bounds import UnitCounts, lower_bound, upper_bound
from proxy.analysis.records import Circumstances, Differences, Gate, Slice
from proxy.analysis.verdict import decide

GATE = Gate(target=0.95, alpha=0.05, min_pairs=300, min_days=7)
CIRCUMSTANCES = Circumstances(probability_floor=1.0, full_days=7)


def counted(agreed: int, disagreed: int = 0, missing: int = 0, *, key: str = "all", value: str = "") -> Slice:
    units = agreed + disagreed + missing
    return Slice(
        key=key,
        value=value,
        units=units,
        low=UnitCounts.of([(1.0, 1.0, agreed), (1.0, 0.0, disagreed + missing)]),
        high=UnitCounts.of([(1.0, 1.0, agreed + missing), (1.0, 0.0, disagreed)]),
        valid=UnitCounts.of([(1.0, 1.0, agreed), (1.0, 0.0, disagreed)]),
        missing={"unavailable": missing} if missing else {},
        missing_share=missing / max(1, units),
    )


GOOD = counted(990, 10)
ENGLISH = counted(790, 10, key="language", value="en")
GERMAN = counted(198, 2, key="language", value="de")
BAD_GERMAN = counted(120, 80, key="language", value="de")
GOOD_GERMAN = counted(400, 0, key="language", value="de")


def test_a_good_student_is_promoted_with_the_bound_that_says_so():
    decision = decide(GOOD, [ENGLISH, GOOD_GERMAN], GATE, CIRCUMSTANCES)

    assert decision.verdict == "promote"
    assert decision.reasons == (
        "overall: at least 97.8% agree (alpha 0.05), 95% wanted; in each of 2 required segments too",
    )
    assert decision.units_needed is None
    assert {segment.verdict for segment in decision.segments} == {"promote"}


def test_replays_that_were_thinned_are_judged_by_what_they_were_sampled_with():
    """The noise floor has a budget of its own: less may be asked again than the students are asked about."""
    equal = UnitCounts.of([(0.5, 0.5, 600), (1.0, 0.5, 600)])
    overall = replace(GOOD, difference=Differences(low=equal, high=equal, valid=equal))

    absolute = decide(overall, [], GATE, CIRCUMSTANCES)
    relative = decide(overall, [], replace(GATE, margin=0.1), CIRCUMSTANCES)

    assert absolute.verdict == relative.verdict == "promote"
    assert absolute.difference.lower == relative.difference.lower
    assert -0.1 < relative.difference.lower < relative.difference.estimate == 0.0
    assert absolute.agreement == decide(GOOD, [], GATE, CIRCUMSTANCES).agreement


def test_a_bad_student_is_rejected():
    decision = decide(counted(900, 100), [], GATE, CIRCUMSTANCES)

    assert decision.verdict == "reject"
    assert decision.reasons[0].startswith("overall: at most 93.0% agree")
    assert "under the target of 95% (90.0% of 1,000 units)" in decision.reasons[0]


def test_a_bad_required_segment_rejects_by_its_name_however_good_the_rest_is():
    decision = decide(
        counted(4900, 100), [counted(4780, 20, key="language", value="en"), BAD_GERMAN], GATE, CIRCUMSTANCES
    )

    assert decision.verdict == "reject"
    assert len(decision.reasons) == 1
    assert decision.reasons[0].startswith("language=de: at most ")
    assert [segment.verdict for segment in decision.segments] == ["promote", "reject"]


def test_a_bad_segment_under_one_percent_of_the_units_is_not_asked_for():
    overall, rare = counted(49_900, 100), counted(60, 100, key="tenant", value="tiny")

    decision = decide(overall, [rare], GATE, CIRCUMSTANCES)

    assert decision.verdict == "promote"
    assert [segment.required for segment in decision.segments] == [False]
    assert [segment.verdict for segment in decision.segments] == ["reject"]


def test_named_segments_are_asked_for_and_no_others():
    gate = replace(GATE, require=(("language", "en"),))

    decision = decide(
        counted(4900, 100), [counted(4780, 20, key="language", value="en"), BAD_GERMAN], gate, CIRCUMSTANCES
    )

    assert decision.verdict == "promote"


def test_a_named_segment_that_never_came_keeps_it_undecided():
    gate = replace(GATE, require=(("tier", "gold"),))

    decision = decide(GOOD, [ENGLISH], gate, CIRCUMSTANCES)

    assert decision.verdict == "undecided"
    assert decision.reasons == ("tier=gold: no pairs yet, and it is required",)
    assert decision.units_needed is None


def test_a_required_segment_with_few_units_keeps_it_undecided_and_sets_the_forecast():
    few = counted(40, 0, key="language", value="fr")

    decision = decide(GOOD, [ENGLISH, GOOD_GERMAN, few], GATE, CIRCUMSTANCES)

    assert decision.verdict == "undecided"
    assert decision.reasons == (decision.reasons[0],)
    assert decision.reasons[0].startswith("language=fr: at least ")
    assert decision.units_needed == pytest.approx(60 * 1000 / 40, rel=0.5)


@pytest.mark.parametrize(
    ("overall", "circumstances", "reason"),
    [
        (counted(299), {}, "overall: 299 of 300 units so far"),
        (GOOD, {"full_days": 6}, "6 of 7 full days so far"),
        (GOOD, {"exploratory": True}, "exploratory: chosen after looking, so it never promotes"),
        (
            counted(2000, 0, 25),
            {},
            "overall: 1.3% missing, at most 1% may be (unavailable 25)",
        ),
        (
            replace(GOOD, excluded_share=0.21),
            {},
            "overall: 21.0% of the exchanges were left out while paused, at most 20% may be",
        ),
        (
            replace(GOOD, excluded_share=0.3, over_budget_share=0.3),
            {},
            "overall: 30.0% of the exchanges were left out as the student was beyond its budget, at most 20% may be",
        ),
        (
            replace(GOOD, excluded_share=0.21, over_budget_share=0.15),
            {},
            (
                "overall: 21.0% of the exchanges were left out (15.0% as the student was beyond its budget,"
                " 6.0% while paused), at most 20% may be"
            ),
        ),
    ],
)
def test_what_keeps_an_agreeing_student_undecided(overall, circumstances, reason):
    decision = decide(overall, [], GATE, replace(CIRCUMSTANCES, **circumstances))

    assert decision.verdict == "undecided"
    assert decision.reasons == (reason,)


@pytest.mark.parametrize(
    ("overall", "circumstances"),
    [
        (counted(2000, 0, 20), {}),  # 1% missing exactly
        (replace(GOOD, excluded_share=0.2), {}),
        (counted(300), {}),
        (GOOD, {"lost_share": 0.5}),
    ],
)
def test_what_does_not(overall, circumstances):
    assert decide(overall, [], GATE, replace(CIRCUMSTANCES, **circumstances)).verdict == "promote"


def test_nothing_is_rejected_before_the_least_number_of_units():
    decision = decide(counted(100, 199), [], GATE, CIRCUMSTANCES)

    assert decision.verdict == "undecided"
    assert "overall: 299 of 300 units so far" in decision.reasons


def test_no_pairs_at_all():
    decision = decide(Slice(), [], GATE, replace(CIRCUMSTANCES, full_days=0))

    assert decision.verdict == "undecided"
    assert decision.reasons == ("no pairs yet", "0 of 7 full days so far")
    assert (decision.agreement.estimate, decision.agreement.lower, decision.agreement.upper) == (None, 0, 1)


def test_a_student_that_is_down_is_neither_promoted_nor_rejected_and_the_estimate_leaves_it_out():
    decision = decide(counted(300, 0, 300), [], GATE, CIRCUMSTANCES)

    assert decision.verdict == "undecided"
    assert decision.agreement.estimate == 1
    assert decision.agreement.lower < 0.5
    assert decision.agreement.upper == 1
    assert decision.reasons[0] == "overall: 50.0% missing, at most 1% may be (unavailable 300)"


def test_a_misconfigured_student_is_said_first():
    overall = replace(counted(0, 0, 400), missing={"misconfigured": 400})
    circumstances = replace(
        CIRCUMSTANCES, full_days=0, student_errors={"status_401": 390, "status_404": 10, "timeout": 3}
    )

    decision = decide(overall, [], GATE, circumstances)

    assert decision.verdict == "undecided"
    assert decision.reasons[0] == (
        "the student is misconfigured, 400 exchanges are missing for it (status_401 390, status_404 10): check its"
        " url, api_key, model, set and drop"
    )


def test_a_student_that_was_mended_is_said_last_and_since_when():
    overall = replace(counted(390, 0), units=400, missing={"misconfigured": 10}, missing_share=0.025)
    mended = replace(CIRCUMSTANCES, student_errors={"status_404": 10}, mended_by="2026-11-20T05:30:00Z")

    decision = decide(overall, [], GATE, mended)

    assert decision.reasons[0].startswith("overall: 2.5% missing")
    assert decision.reasons[-1] == (
        "the student was misconfigured until 2026-11-20T05:30:00Z at the latest, 10 exchanges are missing for it"
        " (status_404 10)"
    )


def test_exchanges_that_are_not_settled_are_the_reason_where_nothing_can_be_read():
    waiting = replace(CIRCUMSTANCES, unsettled=213, read_until="2026-11-20T05:30:00Z")

    decision = decide(Slice(), [], GATE, waiting)

    [reason] = decision.reasons
    assert reason == (
        "no pairs are read: 213 exchanges are not settled yet, and counts are read up to 2026-11-20T05:30:00Z, before"
        " the oldest of them"
    )


def test_exchanges_that_are_not_settled_are_named_where_more_could_be_read_but_stop_no_promotion():
    waiting = replace(CIRCUMSTANCES, unsettled=1, read_until="2026-11-20T05:30:00Z")

    assert decide(counted(100, 0), [], GATE, waiting).reasons[-1] == (
        "1 exchange is not settled yet, and counts are read up to 2026-11-20T05:30:00Z, before the oldest of them"
    )
    assert decide(GOOD, [], GATE, waiting) == decide(GOOD, [], GATE, CIRCUMSTANCES)


@pytest.mark.parametrize(
    ("missing", "told"),
    [({"unscored": 2}, True), ({"unavailable": 2}, False)],
)
def test_requests_that_the_deciding_comparator_does_not_compare_are_named_where_some_are_unscored(missing, told):
    overall = replace(counted(11, 0), units=13, missing=missing, missing_share=2 / 13)
    circumstances = replace(CIRCUMSTANCES, decides="label", not_compared=("embeddings",))

    reasons = " ".join(decide(overall, [], GATE, circumstances).reasons)

    sentence = "label does not compare embeddings: requests for these that this route matches are unscored"
    assert (sentence in reasons) is told


def test_lost_captures_stop_segments_from_being_promoted_alone():
    lost = replace(CIRCUMSTANCES, lost_share=0.0011)

    decision = decide(GOOD, [ENGLISH, GOOD_GERMAN], GATE, lost)

    assert decision.verdict == "promote"
    assert {segment.verdict for segment in decision.segments} == {"undecided"}
    assert "captures lost before their segments were known are 0.11% of the units" in decision.segments[0].reasons[-1]


def test_a_pause_stops_segments_too():
    decision = decide(replace(GOOD, excluded_share=0.3), [ENGLISH], GATE, CIRCUMSTANCES)

    assert decision.segments[0].verdict == "undecided"
    assert "left out while paused" in decision.segments[0].reasons[0]


def test_a_segment_alone_needs_its_own_least_number_of_units():
    decision = decide(GOOD, [GERMAN], GATE, CIRCUMSTANCES)

    assert decision.segments[0].verdict == "undecided"
    assert decision.segments[0].reasons[0] == "language=de: 200 of 300 units so far"


def test_segments_share_alpha_where_each_might_be_promoted_alone():
    """Enough for one segment at alpha, and not for one among twenty."""
    just = counted(400, 8, key="tenant", value="a")
    others = [counted(400, 8, key="tenant", value=f"b{i}") for i in range(19)]

    alone = decide(GOOD, [just], GATE, CIRCUMSTANCES)
    among = decide(counted(9900, 100), [just, *others], GATE, CIRCUMSTANCES)

    assert alone.segments[0].verdict == "promote"
    assert among.segments[0].verdict == "undecided"
    assert among.segments[0].agreement == alone.segments[0].agreement  # what is shown is its own, at alpha
    assert among.verdict == "promote"  # all of them together need no correction


def test_overall_rejects_at_half_of_alpha():
    """Between the bound at alpha and the one at alpha/2 nothing is rejected yet."""
    between = next(
        slice_
        for slice_ in (counted(930 - wrong, 70 + wrong) for wrong in range(100))
        if upper_bound(slice_.high, 0.05, probability_floor=1.0) < 0.95
    )

    assert upper_bound(between.high, 0.025, probability_floor=1.0) > 0.95
    assert decide(between, [], GATE, CIRCUMSTANCES).verdict == "undecided"


def test_more_pairs_do_not_help_where_agreement_is_under_the_target():
    decision = decide(counted(945, 55), [], GATE, CIRCUMSTANCES)

    assert decision.units_needed is None
    assert decision.reasons[0].endswith("more pairs alone will not get it there")


def test_many_lacking_segments_are_summed_up():
    segments = [counted(20, 0, key="tenant", value=str(i)) for i in range(12)]

    decision = decide(
        counted(2990, 10), segments, replace(GATE, require=tuple(("tenant", str(i)) for i in range(12))), CIRCUMSTANCES
    )

    assert len(decision.reasons) == 6
    assert decision.reasons[-1] == "and 7 more required segments"


@given(st.integers(0, 3000), st.integers(0, 300), st.integers(0, 60))
def test_promote_and_reject_are_what_the_bounds_say(agreed, disagreed, missing):
    slice_ = counted(agreed, disagreed, missing)

    decision = decide(slice_, [], GATE, CIRCUMSTANCES)

    enough = slice_.units >= 300
    holds = lower_bound(slice_.low, 0.05, probability_floor=1.0) >= 0.95
    fails = upper_bound(slice_.high, 0.025, probability_floor=1.0) < 0.95
    assert (decision.verdict == "promote") == (enough and holds and slice_.missing_share <= 0.01)
    assert (decision.verdict == "reject") == (enough and fails)
    assert decision.reasons


FORMAT = replace(GATE, also={"format": 0.99})


def by(comparator: str, slice_: Slice) -> Slice:
    return replace(slice_, comparator=comparator)


def with_format(slice_: Slice, said: Slice) -> Slice:
    return replace(slice_, also={"format": by("format", said)})


def test_another_comparator_that_is_asked_for_must_reach_its_own_target_too():
    good = decide(with_format(GOOD, counted(1000)), [], FORMAT, CIRCUMSTANCES)
    short = decide(with_format(GOOD, counted(995, 5)), [], FORMAT, CIRCUMSTANCES)

    assert good.verdict == "promote"
    assert [reason.partition(" (")[0] for reason in good.reasons] == [
        "overall: at least 97.8% agree",
        "comparator format: at least 99.5% agree",
    ]
    assert short.verdict == "undecided"
    assert [reason.partition(":")[0] for reason in short.reasons] == ["comparator format"]
    assert "99% wanted (99.5% of 1,000 units)" in short.reasons[0]
    assert short.units_needed > 0
    assert short.also["format"].lower < 0.99 < short.also["format"].estimate


def test_another_comparator_that_fails_rejects_by_its_name():
    decision = decide(with_format(GOOD, counted(900, 100)), [], FORMAT, CIRCUMSTANCES)

    assert decision.verdict == "reject"
    [reason] = decision.reasons
    assert reason.startswith("comparator format: at most ")
    assert "(alpha 0.025), under the target of 99%" in reason


def test_required_segments_and_other_comparators_share_half_of_alpha():
    overall = with_format(counted(4900, 100), counted(4500, 500))

    decision = decide(overall, [with_format(BAD_GERMAN, counted(200))], FORMAT, CIRCUMSTANCES)

    assert decision.verdict == "reject"
    assert [reason.partition(":")[0] for reason in decision.reasons] == ["language=de", "comparator format"]
    assert all("(alpha 0.013)" in reason or "(alpha 0.012)" in reason for reason in decision.reasons)
    assert "(alpha 0.013)" in decision.segments[0].reasons[0] or "(alpha 0.012)" in decision.segments[0].reasons[0]


def test_a_segment_is_served_alone_only_where_the_other_comparators_agree_there():
    overall = with_format(counted(4900, 100), counted(5000))
    german = with_format(GOOD_GERMAN, by("format", replace(counted(390, 10), key="language", value="de")))

    decision = decide(overall, [german], FORMAT, CIRCUMSTANCES)

    assert decision.verdict == "promote"  # of a required segment the deciding comparator's word is asked for
    [segment] = decision.segments
    assert segment.verdict == "undecided"
    assert [reason.partition(":")[0] for reason in segment.reasons] == ["language=de by comparator format"]


def test_one_that_never_scored_keeps_it_undecided_and_says_so():
    decision = decide(GOOD, [], FORMAT, CIRCUMSTANCES)

    assert decision.verdict == "undecided"
    assert decision.reasons[0].startswith("comparator format: at least 0.0% agree")
    assert (decision.also["format"].estimate, decision.also["format"].upper) == (None, 1.0)


def test_what_is_asked_of_one_comparator_changes_nothing_of_another():
    plain = decide(GOOD, [ENGLISH], GATE, CIRCUMSTANCES)
    asked = decide(with_format(GOOD, counted(1000)), [with_format(ENGLISH, counted(800))], FORMAT, CIRCUMSTANCES)

    assert (asked.verdict, asked.agreement) == (plain.verdict, plain.agreement)


def test_pairs_on_which_the_teacher_was_never_asked_again_are_not_called_none():
    relative = replace(GATE, margin=0.1)
    waiting = replace(CIRCUMSTANCES, open_turns=3)

    decision = decide(GOOD, [replace(GOOD, key="language", value="de")], relative, waiting)

    assert decision.verdict == "undecided"
    assert decision.reasons[0].startswith("overall: on none of these pairs was the teacher asked again")
    assert decision.segments[0].reasons[0].startswith("language=de: on none of these pairs")
    assert "no pairs yet" in decide(counted(0), [], relative, CIRCUMSTANCES).reasons
