"""``/api``: what is asked wrongly is refused in one way, and nothing that was asked is ignored."""

from __future__ import annotations

import pytest

from tests.admin.planes import client
from tests.analyst.report_builders import T0, record
from tests.fakes.journal import MemoryJournal


@pytest.fixture
def asking(tmp_path, store):
    record(store, ["agreed", "disagreed"] * 3, begins=T0)
    return client(tmp_path)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("report?route=nope", "there is no route 'nope'; routes: intents"),
        ("pairs?route=nope", "there is no route 'nope'; routes: intents"),
        ("pairs?student=nope", "there is no student 'nope'; students: small (route intents)"),
        ("report?evidence=77", "there is no evidence 77; evidence: 1 (intents, small, number 1)"),
        ("report?evidence=x", "evidence: must be a whole number; found x"),
        ("pairs?limit=0", "limit: must be 1 or more; found 0"),
        ("pairs?limit=1001", "limit: must be 1000 or less; found 1001"),
        ("pairs?disagreements=perhaps", "disagreements: must be true or false; found perhaps"),
        ("pairs?segment=de", "segment 'de': write key=value, such as language=de"),
        ("pairs?rout=intents", "rout: unknown parameter; did you mean route?"),
        ("pairs?zzz=1", "zzz: unknown parameter; known here are route, student, disagreements, kind, segment, since, "),
        ("routes?route=intents", "route: unknown parameter; this takes none"),
        ("pairs?limit=1&limit=2", "limit: is given 2 times; give it once"),
        ("pairs?since=2026-11-20T08:00:00+01:00", "since: a + in a URL is read as a space; write it as %2B"),
        ("report?since=2026-11-20T08:00:00.5+0100", "since: a + in a URL is read as a space; write it as %2B"),
        ("report?since=2026-11-20T08:00", "'2026-11-20T08:00' is no time"),
    ],
)
def test_what_is_asked_wrongly_is_a_400_of_one_line_that_says_what_is_allowed(asking, query, said):
    answer = asking.get(f"/api/{query}")

    assert answer.status_code == 400
    assert set(answer.json()) == {"detail"}
    assert answer.json()["detail"].startswith(said)
    assert "\n" not in answer.json()["detail"]


def test_pairs_are_those_asked_for(asking):
    def found(query: str) -> list[bool]:
        return [pair["agree"] for pair in asking.get(f"/api/pairs?{query}").json()["pairs"]]

    assert found("route=intents&limit=2") == [False, True]
    assert found("disagreements=true") == [False, False, False]
    assert found("kind=wrong_label&student=small&limit=1") == [False]
    assert found("segment=teacher_version%3Dt1&limit=1000") == [False, True] * 3
    assert found("segment=teacher_version%3Dother") == []


def test_a_pair_that_is_not_there_is_a_404_of_the_same_shape(asking):
    answer = asking.get("/api/pairs/nope")

    assert (answer.status_code, answer.json()) == (404, {"detail": "no pair 'nope'"})


def test_a_journal_that_cannot_be_read_is_no_report(tmp_path, store):
    record(store, ["agreed"])
    journal = MemoryJournal()
    journal.broken = "relay-1.db cannot be read"

    answer = client(tmp_path, open_journal=journal.reader).get("/api/report")

    assert (answer.status_code, answer.json()) == (503, {"detail": "relay-1.db cannot be read"})


def test_the_description_names_the_errors_that_are_answered(asking):
    described = asking.get("/openapi.json").json()["paths"]["/api/pairs"]["get"]

    assert {"200", "4XX", "503"} == set(described["responses"])
    limit = next(each for each in described["parameters"] if each["name"] == "limit")
    assert limit["schema"]["maximum"] == 1000
