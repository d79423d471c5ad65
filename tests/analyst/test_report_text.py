"""The report for people."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from proxy.analyst.report import build_report
from proxy.analyst.text import render_report
from proxy.analyst.text_parts import counts
from proxy.store.records import TEACHER_REPLAY
from tests.analyst.report_builders import NOW, T0, config, entry, lose, record

TWO_PRICED = config({"price": {"input": 1, "output": 2}}, {"name": "smaller"})


@pytest.fixture
def text(store):
    record(store, ["agreed"] * 1000, segments={"language": "en", "tenant": "acme"})
    record(
        store,
        ["agreed", "disagreed", "unavailable"] * 50,
        segments={"language": "de", "tenant": "x" * 90 + "\x1b[31m語"},
    )
    lose(store, "paused", 10)
    return render_report(build_report(TWO_PRICED, store, now=NOW, unsettled=None))


def test_it_fits_100_columns_and_holds_no_control_characters(text):
    assert max(cell_len(line) for line in text.splitlines()) <= 100
    assert all(char == "\n" or char.isprintable() for char in text)


def test_the_verdict_and_why_come_first(text):
    lines = text.splitlines()

    assert lines[2].startswith("intents: small (version v1)")
    assert lines[2].endswith(" REJECT")
    assert any("language=de: at most " in line for line in lines[4:8])


def test_segments_are_listed_worst_first(text):
    places = [text.index(f"\n  {name}") for name in ("language=de", "language=en")]

    assert places == sorted(places)


TOLD = "Agreement|target 95%|Evidence|Missing|Left out|Disagreements|timeout 50|Teacher latency|Student latency|save"


@pytest.mark.parametrize("told", TOLD.split("|"))
def test_it_tells(text, told):
    assert told in text


def test_a_student_without_pairs_is_told_so(text):
    assert "intents: smaller" in text
    assert "- no pairs yet" in text
    assert "none yet for this version" in text


def test_many_segments_are_cut_and_the_rest_is_counted(store):
    for number in range(30):
        record(store, ["agreed"] * 2, segments={"tenant": f"t{number}"}, begins=NOW - 86_400 + number, spread=1)

    shown = render_report(build_report(config({}), store, now=NOW, unsettled=None))

    assert "11 more segments: --format json" in shown


def test_a_route_without_students(store):
    shown = render_report(build_report(config(), store, now=NOW, unsettled=None))

    assert "NO STUDENT" in shown
    assert "Exchanges" in shown


def test_no_routes_at_all():
    shown = render_report({"generated": "2026-11-24T20:30:00Z", "since": None, "routes": []})

    assert "No routes are configured" in shown


def test_bounds_are_never_told_better_than_they_are(store):
    record(store, ["agreed"] * 986 + ["disagreed"] * 14)
    only = entry(store)

    shown = render_report({"generated": "2026-11-24T20:30:00Z", "since": None, "routes": [only]})
    low, high = (
        next(line for line in shown.splitlines() if "Agreement" in line).split("between ")[1].split("%")[0].split("..")
    )

    assert float(low) <= 100 * only["agreement"]["lower"]
    assert float(high) >= 100 * only["agreement"]["upper"]


def shown(entry_: dict) -> str:
    return render_report({"generated": "2026-11-24T20:30:00Z", "since": None, "routes": [entry_]})


def test_long_names_of_segments_are_told_whole(store):
    tenants = ["a-tenant-with-a-very-long-name-one", "a-tenant-with-a-very-long-name-two", "語" * 70]
    for number, tenant in enumerate(tenants):
        record(store, ["agreed"] * 5, segments={"tenant": tenant}, begins=T0 + number)

    text = shown(entry(store))

    assert max(cell_len(line) for line in text.splitlines()) <= 100
    joined = "".join(line.strip() for line in text.splitlines())
    assert [tenant for tenant in tenants if f"tenant={tenant}" not in joined] == []


def test_a_required_segment_that_does_not_promote_alone_is_explained_under_a_promotion(store):
    for number in range(4):
        record(store, ["agreed"] * 100, segments={"tenant": f"t{number}"}, begins=T0 + number)

    only = entry(store)

    assert only["verdict"] == "promote"
    assert "undecided" in {segment["verdict"] for segment in only["segments"] if segment["required"]}
    assert "is for serving it alone" in shown(only)


def test_nothing_is_explained_where_every_segment_promotes(store):
    record(store, ["agreed"] * 400)

    assert "is for serving it alone" not in shown(entry(store))


@pytest.mark.parametrize("student", [{}, None])
def test_a_pause_is_told_while_it_lasts(store, student):
    configured = config(*([student] if student is not None else []))
    record(store, ["agreed"] * 400)
    assert "paused" not in shown(entry(store, configured))

    store.set_paused(None, paused=True)

    assert shown(entry(store, configured)).splitlines()[4] == (
        "  - shadowing is paused: nothing is captured until `understudy resume`"
    )


@pytest.mark.parametrize(("number", "ending"), [(2, "k0 3, k1 3"), (3, "k1 3, 1 more kind"), (4, "k1 3, 2 more kinds")])
def test_kinds_beyond_those_shown_are_counted(number, ending):
    assert counts({f"k{each}": 3 for each in range(number)}, shown=2).endswith(ending)


def test_a_gate_that_goes_by_the_noise_floor_shows_its_margin_and_no_target(store):
    floored = config(
        {},
        teacher={"url": "http://t/v1", "replay_api_key": "sk"},
        noise_floor={"share": 0.5},
        gate={"relative_to": "noise_floor", "margin": 0.1, "agreement": 0.6},
    )
    record(store, ["agreed"] * 50, again=TEACHER_REPLAY, of=floored)
    only = entry(store, floored)

    assert only["margin"] == 0.1
    assert "at least -10 wanted" in shown(only)
    assert "target" not in shown(only)
    assert "|" not in shown(only)


def test_a_route_without_students_tells_how_the_teacher_stands_to_itself_and_what_drifted(store):
    floored = config(teacher={"url": "http://t/v1", "replay_api_key": "sk"}, noise_floor={"share": 0.5})
    record(store, ["agreed", "disagreed"] * 50, again=TEACHER_REPLAY, of=floored)
    drifted = {"side": "input", "feature": "length", "statistic": "js", "value": 0.5, "drifted": True}
    alert = {"reason": "input_drift", "segment": "all", "opened": "2026-09-22T14:15:00Z"}

    text = shown({**entry(store, floored), "drift": [drifted], "alerts": [alert]})

    assert "the teacher agrees with itself on 50.0%" in text
    assert "input length (js 0.500)" in text
    assert "input drift, open since" in text
