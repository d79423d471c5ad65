"""The analyst's rounds over a real store: alarms open, say since when, hold promotion back, and end."""

from __future__ import annotations

import random

import pytest

from proxy.analyst.rounds import Rounds
from proxy.journal.base import Depth
from proxy.store.records import TEACHER_REPLAY
from tests.analyst.report_builders import DAY, ONE, T0, config, entry, record

NOTHING_WAITS = Depth(entries=0, bytes=0, oldest=None)
BEFORE = 8 * DAY


def outcomes(number, agreement, seed):
    draw = random.Random(seed)
    return ["agreed" if draw.random() < agreement else "disagreed" for _ in range(number)]


def work(store, now, configured=ONE):
    Rounds(store).work(configured, now=now, unsettled=NOTHING_WAITS)


@pytest.fixture
def dropped(store):
    """Eight good days, then a day at 60%."""
    record(store, outcomes(2400, 0.99, 1), spread=BEFORE, segments={"language": "en"})
    work(store, T0 + BEFORE)
    record(store, outcomes(300, 0.6, 2), begins=T0 + BEFORE, spread=DAY, segments={"language": "en"})
    return store


def test_a_good_student_raises_nothing(store):
    record(store, outcomes(2400, 0.99, 1), spread=BEFORE)

    work(store, T0 + BEFORE)

    only = entry(store, now=T0 + BEFORE)
    assert only["alerts"] == []
    assert only["verdict"] == "promote"


def test_a_drop_opens_an_alert_that_names_the_moment_and_holds_promotion_back(dropped):
    assert entry(dropped, now=T0 + BEFORE + DAY)["alerts"] == []

    work(dropped, T0 + BEFORE + DAY)

    only = entry(dropped, now=T0 + BEFORE + DAY)
    alerts = {alert["segment"]: alert for alert in only["alerts"] if alert["reason"] == "agreement_dropped"}
    assert "all" in alerts
    assert alerts["all"]["earliest"] <= "2026-09-29T14:15:00Z" <= alerts["all"]["latest"]
    assert alerts["all"]["before"]["estimate"] > 0.98
    assert alerts["all"]["after"]["estimate"] < 0.8
    assert only["verdict"] != "promote"
    assert "agreement dropped, likely since 2026-09-29" in " ".join(only["reasons"])


def test_round_after_round_or_begun_anew_it_comes_to_the_same(dropped, tmp_path):
    for hour in range(0, 25, 3):
        work(dropped, T0 + BEFORE + hour * 3600)
    stepwise = entry(dropped, now=T0 + BEFORE + DAY)["alerts"]

    dropped._connection._db.execute("DELETE FROM assessments")
    dropped._connection._db.execute("DELETE FROM alerts")
    work(dropped, T0 + BEFORE + DAY)

    assert entry(dropped, now=T0 + BEFORE + DAY)["alerts"] == stepwise != []


def test_it_ends_once_agreement_is_back(dropped):
    work(dropped, T0 + BEFORE + DAY)
    record(dropped, outcomes(2400, 0.99, 3), begins=T0 + BEFORE + DAY + 1, spread=8 * DAY, segments={"language": "en"})

    work(dropped, T0 + BEFORE + 9 * DAY + 600)

    reasons = {alert["reason"] for alert in entry(dropped, now=T0 + BEFORE + 9 * DAY + 600)["alerts"]}
    assert "agreement_dropped" not in reasons
    assert [alert.reason for alert in dropped.alerts("intents", "small", resolved=True)].count("agreement_dropped")


def test_a_student_that_never_was_good_enough_says_so(store):
    record(store, outcomes(600, 0.7, 1), spread=BEFORE)

    work(store, T0 + BEFORE)

    only = entry(store, now=T0 + BEFORE)
    assert [alert["reason"] for alert in only["alerts"]] == ["never_good_enough"]
    assert only["verdict"] == "reject"


def test_a_student_that_fails_for_an_hour_says_so_until_it_is_back(store):
    record(store, outcomes(600, 0.99, 1), spread=BEFORE)
    record(store, ["unavailable"] * 30, begins=T0 + BEFORE, spread=1800)
    work(store, T0 + BEFORE + 1800)
    told = entry(store, now=T0 + BEFORE + 1800)["alerts"]
    assert [(alert["reason"], alert["kinds"]) for alert in told] == [("student_errors", {"timeout": 30})]

    record(store, ["agreed"] * 30, begins=T0 + BEFORE + 6 * 3600, spread=1800)
    work(store, T0 + BEFORE + 6 * 3600 + 1800)

    assert entry(store, now=T0 + BEFORE + 7 * 3600)["alerts"] == []


def test_where_the_teacher_became_another_it_says_so(store):
    record(store, outcomes(300, 0.99, 1), spread=DAY)
    record(store, outcomes(20, 0.99, 2), begins=T0 + DAY, spread=3600, teacher_version="t2")

    work(store, T0 + 2 * DAY)

    [alert] = entry(store, now=T0 + 2 * DAY)["alerts"]
    assert (alert["reason"], alert["opened"]) == ("teacher_changed", "2026-09-22T14:15:00Z")


def test_one_that_has_no_evidence_yet_is_passed_over(store):
    work(store, T0)
    work(store, T0, config({}, {"name": "other"}))

    assert entry(store, now=T0)["alerts"] == []


def test_a_teacher_that_no_longer_agrees_with_itself_is_told_from_a_student_that_became_worse(store):
    """Agreement drops, and so does the teacher's own: it is the teacher."""
    floored = config({}, teacher={"url": "http://t/v1", "replay_api_key": "sk"}, noise_floor={"share": 0.5})
    both = {"again": TEACHER_REPLAY, "of": floored}
    record(store, outcomes(2400, 0.99, 1), spread=BEFORE, **both)
    work(store, T0 + BEFORE, floored)
    record(store, outcomes(300, 0.6, 2), begins=T0 + BEFORE, spread=DAY, **both)

    work(store, T0 + BEFORE + DAY, floored)

    alerts = {alert["reason"]: alert for alert in entry(store, floored, now=T0 + BEFORE + DAY)["alerts"]}
    assert set(alerts) >= {"agreement_dropped", "teacher_changed"}
    assert alerts["teacher_changed"]["with_itself"]["before"]["estimate"] > 0.95


def test_a_sample_made_smaller_while_evidence_gathers_ends_no_watching(store):
    record(store, outcomes(2400, 0.99, 1), spread=BEFORE)
    work(store, T0 + BEFORE)
    record(store, outcomes(300, 0.6, 2), begins=T0 + BEFORE, spread=DAY, probability=0.2)

    for hours in (12, 24):
        work(store, T0 + BEFORE + hours * 3600)

    assert "agreement_dropped" in {alert["reason"] for alert in entry(store, now=T0 + BEFORE + DAY)["alerts"]}


def down_half_of_the_time(draw):
    return ["agreed" if (index // 100) % 2 else "unavailable" for index in range(2400)]


def timing_out_on_what_is_hard(draw):
    """One in twenty is hard: it would disagree there, and times out instead."""
    return ["unavailable" if draw.random() < 0.05 else "agreed" for _ in range(2400)]


def timing_out_on_few(draw):
    """As many as may be missing, and just good enough on the others: the missing ones count as disagreements."""
    return [
        "unavailable" if draw.random() < 0.009 else "agreed" if draw.random() < 0.96 else "disagreed"
        for _ in range(2400)
    ]


def swapped_under_the_same_name(draw):
    return outcomes(2000, 0.999, 1) + outcomes(400, 0.7, 2)


@pytest.mark.parametrize(
    "student", [down_half_of_the_time, timing_out_on_what_is_hard, timing_out_on_few, swapped_under_the_same_name]
)
def test_whom_the_missing_or_the_past_would_flatter_is_not_promoted(store, student):
    record(store, student(random.Random(1)), spread=BEFORE)

    for hours in range(0, 8 * 24 + 1, 12):
        work(store, T0 + hours * 3600)

    assert entry(store, now=T0 + BEFORE)["verdict"] != "promote"


def test_one_routes_trouble_keeps_no_other_from_being_watched(dropped, monkeypatch):
    both = config({}).routes[0]
    broken = both.model_copy(update={"name": "broken"})
    configured = ONE.model_copy(update={"routes": [broken, *ONE.routes]})
    watched = Rounds._watch_teacher

    def failing(self, route, *rest):
        if route.name == "broken":
            raise ArithmeticError
        return watched(self, route, *rest)

    monkeypatch.setattr(Rounds, "_watch_teacher", failing)
    work(dropped, T0 + BEFORE + DAY, configured)

    assert "agreement_dropped" in {alert["reason"] for alert in entry(dropped, now=T0 + BEFORE + DAY)["alerts"]}


def test_what_another_version_kept_is_found_again(dropped):
    dropped._connection._db.execute(
        """UPDATE assessments SET document = json_set(document, '$.monitors', json('{"all": {"other": 1}}'))"""
    )

    work(dropped, T0 + BEFORE + DAY)

    assert "agreement_dropped" in {alert["reason"] for alert in entry(dropped, now=T0 + BEFORE + DAY)["alerts"]}
