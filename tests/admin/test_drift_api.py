"""``GET /api/drift``: a route and then its students, whether or not anything is known of them yet."""

from __future__ import annotations

import pytest

from proxy.store.records import Assessment
from tests.admin.planes import client
from tests.analyst.report_builders import T0

FINDING = {
    "side": "input",
    "feature": "length",
    "statistic": "js",
    "reference": "trailing",
    "value": 0.02,
    "threshold": 0.01,
    "drifted": False,
    "windows": [{"start": T0, "value": 0.02, "beyond": True}],
}


def test_a_route_and_its_students_each_have_an_entry(tmp_path, store):
    document = {"drift": [FINDING], "looked": {"until": 1_790_208_000.0, "since": {}}}
    store.assess(Assessment(route="intents", student="", at=T0, evidence_id=None, document=document), [])

    told = client(tmp_path).get("/api/drift").json()

    assert told == {
        "drift": [
            {
                "route": "intents",
                "student": None,
                "until": "2026-09-24T00:00:00Z",
                "findings": [FINDING],
                "divergence": None,
            },
            {"route": "intents", "student": "small", "until": None, "findings": [], "divergence": None},
        ]
    }


def test_a_student_alone_is_asked_for_by_name(tmp_path, store):
    told = client(tmp_path).get("/api/drift?route=intents&student=small").json()

    assert [each["student"] for each in told["drift"]] == ["small"]


@pytest.mark.parametrize("query", ["route=nope", "student=nope"])
def test_names_that_are_not_there_are_a_400(tmp_path, store, query):
    assert client(tmp_path).get(f"/api/drift?{query}").status_code == 400
