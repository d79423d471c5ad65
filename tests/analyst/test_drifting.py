"""Drift from a real store: sketches of days, rounds of the analyst, alerts, the report, gauges."""

from __future__ import annotations

import json
import random

import pytest

from comparators.base import Answer
from proxy.admin.metrics import report_families
from proxy.analyst.drifting import DAY, Drifting
from proxy.analyst.findings import drift_json
from proxy.analyst.rounds import Rounds
from proxy.journal.base import Depth
from proxy.shadow.features import answer_features, request_features
from proxy.store.folding import day_of
from proxy.store.records import LogprobSums, Settlement
from tests.analyst.report_builders import T0, config, entry, settled

NOTHING_WAITS = Depth(entries=0, bytes=0, oldest=None)
SALT = b"salt"
A_DAY = 210
MIDNIGHT = day_of(T0) + DAY
NO_STUDENT = config()
WITH_STUDENT = config({})
BANK = {
    "balance": "what is the balance of my {} account please",
    "transfer": "send {} dollars from savings to checking",
    "card": "my {} card was stolen, block it",
}
KITCHEN = {
    "recipe": "which spices belong into a lentil soup with {} and coriander, and for how long shall it simmer?",
    "bread": "why does the dough of my {} sourdough loaf not rise overnight in the refrigerator",
}
WORDS = ["old", "joint", "new", "blue", "10", "25", "main", "second"]


def settlement(rng, topics, at, *, student=None, answers=None, number=0, **more):
    """An exchange about one of these topics, and what ``student`` says to it (``answers``: by topic)."""
    topic = rng.choice(list(topics))
    body = {"messages": [{"role": "user", "content": topics[topic].format(rng.choice(WORDS))}]}
    made = settled(
        number,
        "agreed",
        at=at,
        request_features=request_features("chat/completions", body, salt=SALT, identify=lambda _: "en"),
        teacher_features=answer_features(Answer(content=topic), salt=SALT),
        **more,
    )
    if student is None:
        return Settlement(exchange=made.exchange)
    said = answer_features(Answer(content=(answers or {}).get(topic, topic)), salt=SALT)
    [pair] = made.pairs
    sums = LogprobSums(positions=10, js_micros=student, kl_micros=3 * student)
    changed = {"features": said, "logprob_sums": sums}
    pair = type(pair)(**{name: getattr(pair, name) for name in pair.__struct_fields__} | changed)
    return Settlement(exchange=made.exchange, pairs=(pair,))


def day_of_traffic(store, day, topics=BANK, *, n=A_DAY, seed=0, **more):
    rng = random.Random(1000 * seed + day)
    begin = MIDNIGHT + day * DAY
    store.record([settlement(rng, topics, begin + DAY * i / n, number=i, **more) for i in range(n)])


def work(store, day, configured=NO_STUDENT):
    """A round at the end of a day, once all of it is stored."""
    Rounds(store).work(configured, now=MIDNIGHT + (day + 1) * DAY + 120, unsettled=NOTHING_WAITS)


def alerts(store, student=""):
    return [(alert.reason, alert.opened_at) for alert in store.alerts("intents", student)]


def test_a_stable_stream_opens_nothing_and_another_topic_opens_input_drift(store):
    for day in range(8):
        day_of_traffic(store, day)
        work(store, day)
        assert alerts(store) == []
    for day in (8, 9):
        day_of_traffic(store, day, KITCHEN)
        work(store, day)

    assert alerts(store) == [("input_drift", MIDNIGHT + 8 * DAY)]
    [alert] = store.alerts("intents", "")
    told = {(each["feature"], each["statistic"]) for each in alert.detail["features"]}
    assert {("length", "js"), ("length", "psi"), ("words", "mmd"), ("novelty", "novelty")} <= told


def test_a_route_without_students_has_gauges_and_alerts_in_its_report(store):
    for day, topics in enumerate([BANK] * 4 + [KITCHEN] * 2):
        day_of_traffic(store, day, topics)
        work(store, day)

    only = entry(store, NO_STUDENT, now=MIDNIGHT + 6 * DAY + 120)

    assert [alert["reason"] for alert in only["alerts"]] == ["input_drift"]
    samples = {
        (sample.labels["side"], sample.labels["feature"], sample.labels["statistic"], sample.labels["student"])
        for metric in report_families([only])
        for sample in metric.samples
        if sample.name == "understudy_drift"
    }
    assert {("input", "words", "mmd", ""), ("teacher", "label", "js", "")} <= samples


def test_it_ends_when_requests_are_as_before(store):
    for day, topics in enumerate([BANK] * 5 + [KITCHEN] * 2 + [BANK] * 2):
        day_of_traffic(store, day, topics)
        work(store, day)

    assert alerts(store) == []
    [ended] = store.alerts("intents", "", resolved=True)
    assert ended.reason == "input_drift"


def test_what_comes_of_it_is_the_same_however_often_anybody_looked(store, tmp_path):
    for day, topics in enumerate([BANK] * 6 + [KITCHEN] * 2):
        day_of_traffic(store, day, topics)
        work(store, day)
        work(store, day)
    often = store.assessment("intents", "").document

    store._connection._db.execute("DELETE FROM assessments")
    work(store, 7)

    assert store.assessment("intents", "").document == often


def test_a_day_is_looked_at_when_it_is_over_and_stored(store):
    for day in range(4):
        day_of_traffic(store, day)
    end = MIDNIGHT + 4 * DAY

    Rounds(store).work(NO_STUDENT, now=end + 30, unsettled=NOTHING_WAITS)  # may still be on its way to the journal
    assert store.assessment("intents", "").document["drift"] == []
    waits = Depth(entries=1, bytes=1, oldest=end - 1)
    Rounds(store).work(NO_STUDENT, now=end + 3600, unsettled=waits)
    assert store.assessment("intents", "").document["drift"] == []
    Rounds(store).work(NO_STUDENT, now=end + 3600, unsettled=NOTHING_WAITS)
    assert store.assessment("intents", "").document["drift"] != []


def test_a_round_takes_up_one_route_and_reads_nothing_twice(store):
    reads = []

    class Counting:
        def __getattr__(self, name):
            return getattr(store, name)

        def sketches(self, route, **which):
            reads.append(route)
            return store.sketches(route, **which)

    drift = Drifting(Counting(), until=MIDNIGHT)
    first = drift.of_route("one", {})

    assert drift.of_route("two", {}) == {}
    assert set(reads) == {"one"}
    reads.clear()
    assert Drifting(Counting(), until=MIDNIGHT + 3600).of_route("one", first) is first
    assert reads == []


def test_windows_may_be_hours_where_traffic_is_large(store):
    for hour, topics in enumerate([BANK] * 5 + [KITCHEN] * 2):
        rng, begin = random.Random(hour), MIDNIGHT + 3600 * hour
        store.record([settlement(rng, topics, begin + 10 * i, number=i) for i in range(A_DAY)])

    found = Drifting(store, until=MIDNIGHT + 7 * 3600, window=3600.0).of_route("intents", {})

    assert {each["feature"] for each in found["drift"] if each["drifted"]} >= {"length", "novelty", "words"}
    assert found["looked"]["since"]["input"] == MIDNIGHT + 5 * 3600


def test_requests_may_be_like_yesterdays_and_unlike_what_was_exported(store):
    for day, topics in enumerate([BANK] * 4 + [KITCHEN] * 7):
        day_of_traffic(store, day, topics)

    exported = (MIDNIGHT, MIDNIGHT + 4 * DAY)
    drift = Drifting(store, until=MIDNIGHT + 11 * DAY)
    found = drift.of_route("intents", {}, exported=exported)

    told = {(each["reference"], each["drifted"]) for each in found["drift"] if each["feature"] == "novelty"}
    assert told == {("export", True), ("trailing", False)}
    assert set(found["looked"]["since"]) >= {"input since export"}


@pytest.fixture
def parted(store):
    """A student that says what the teacher says for four days, and then calls every card a transfer."""
    for day in range(4):
        day_of_traffic(store, day, student=200_000)
        work(store, day, WITH_STUDENT)
    for day in (4, 5):
        day_of_traffic(store, day, student=900_000, answers={"card": "transfer"})
        work(store, day, WITH_STUDENT)
    return store


def test_a_student_that_parts_from_the_teacher_has_diverged(parted):
    [(reason, opened)] = alerts(parted, "small")

    assert (reason, opened) == ("diverged", MIDNIGHT + 4 * DAY)
    only = entry(parted, WITH_STUDENT, now=MIDNIGHT + 6 * DAY + 120)
    assert {kind: told["diverged"] for kind, told in only["divergence"].items()} == {
        "output_js": True, "js": True, "kl": True,
    }  # fmt: skip
    assert only["divergence"]["js"]["value"] == pytest.approx(0.09)
    assert only["divergence"]["kl"]["value"] == pytest.approx(0.27)
    assert only["divergence"]["output_js"]["value"] > 0.1


def test_the_report_the_gauges_and_the_api_tell_the_same(parted):
    only = entry(parted, WITH_STUDENT, now=MIDNIGHT + 6 * DAY + 120)
    by_side = {(each["side"], each["feature"]): each for each in only["drift"] if each["statistic"] == "js"}
    assert by_side["student", "label"]["drifted"]
    assert not by_side["teacher", "label"]["drifted"]
    assert not by_side["input", "length"]["drifted"]
    assert all("windows" not in each for each in only["drift"])

    samples = {
        (sample.name, sample.labels.get("side") or sample.labels.get("kind"), sample.labels["student"], sample.value)
        for metric in report_families([only])
        for sample in metric.samples
        if sample.name in {"understudy_drift", "understudy_drift_threshold", "understudy_divergence"}
    }
    label = by_side["student", "label"]
    assert ("understudy_drift", "student", "small", label["value"]) in samples
    assert ("understudy_drift_threshold", "input", "", by_side["input", "length"]["threshold"]) in samples
    assert ("understudy_divergence", "output_js", "small", only["divergence"]["output_js"]["value"]) in samples

    told = drift_json(parted, "intents", "small")
    assert told["divergence"] == only["divergence"]
    assert [look["beyond"] for look in told["findings"][0]["windows"]]
    assert {each["side"] for each in drift_json(parted, "intents", None)["findings"]} == {"input", "teacher"}
    json.dumps(told)


def test_another_version_is_another_student(parted):
    begun = MIDNIGHT + 6 * DAY
    rng = random.Random(1)
    another = {"student": 200_000, "version": "v2"}
    parted.record([settlement(rng, BANK, begun + DAY * i / 50, number=i, **another) for i in range(50)])

    work(parted, 6, config({"version": "v2"}))

    assert alerts(parted, "small") == []
    assert drift_json(parted, "intents", "small")["divergence"] is None


def test_input_drift_of_a_route_with_students_is_their_alert(store):
    for day, topics in enumerate([BANK] * 4 + [KITCHEN] * 2):
        day_of_traffic(store, day, topics, student=20_000)
        work(store, day, WITH_STUDENT)

    assert ("input_drift", MIDNIGHT + 4 * DAY) in alerts(store, "small")
    assert alerts(store) == []
