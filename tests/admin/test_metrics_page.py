"""``/metrics``: what is there before anything happened, what a relay alone tells, and what is said to be lacking."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from proxy import metric_families as families
from proxy.admin.metrics import counted_families
from proxy.store.base import PairFilter
from proxy.store.records import RescoredPair
from tests.admin.planes import client
from tests.analyst.report_builders import NOW, ONE, config, definition_of, record
from tests.fakes.journal import MemoryJournal
from tests.journal.making import exchange


def samples(answer) -> dict[tuple[str, frozenset], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def values(told: dict[tuple[str, frozenset], float], name: str, label: str) -> dict[str, float]:
    return {dict(labels)[label]: value for (found, labels), value in told.items() if found == name}


@pytest.mark.parametrize("roles", [{"relay"}, {"shadow"}, {"relay", "shadow"}])
def test_every_role_tells_what_waits_in_the_journal(tmp_path, store, roles):
    journal = MemoryJournal()
    journal.add(exchange(1, at=NOW - 90))

    told = samples(client(tmp_path, roles=frozenset(roles), open_journal=journal.reader).get("/metrics"))

    assert told["understudy_journal_depth", frozenset()] == 1
    assert told["understudy_journal_oldest_seconds", frozenset()] == 90


def test_counters_whose_labels_are_known_are_0_before_the_first_event(tmp_path, store):
    told = samples(client(tmp_path).get("/metrics"))

    assert values(told, "understudy_pairs_total", "outcome") == dict.fromkeys(
        [
            "agreed",
            "disagreed",
            "unavailable",
            "misconfigured",
            "shed",
            "expired",
            "unscored",
            "teacher_error",
            "paused",
            "sampled_out",
        ],
        0.0,
    )
    assert values(told, "understudy_captures_total", "outcome")["journaled"] == 0
    assert values(told, "understudy_not_shadowable_total", "reason")["hosted_tool"] == 0
    assert values(told, "understudy_student_errors_total", "kind")["timeout"] == 0
    assert values(told, "understudy_disagreements_total", "kind")["truncated"] == 0
    assert (
        "understudy_pairs_total",
        frozenset({"route": "intents", "student": "small", "outcome": "agreed"}.items()),
    ) in (told)


@pytest.mark.parametrize(
    ("roles", "there", "not_there"),
    [
        ({"relay"}, "understudy_captures_total", "understudy_pairs_total"),
        ({"shadow"}, "understudy_pairs_total", "understudy_captures_total"),
    ],
)
def test_a_role_tells_what_it_counts_itself(tmp_path, store, roles, there, not_there):
    names = {name for name, _ in samples(client(tmp_path, roles=frozenset(roles)).get("/metrics"))}

    assert there in names
    assert not_there not in names


def test_what_was_counted_is_told_once_and_not_begun_anew(tmp_path, store):
    counting = """
from prometheus_client import CollectorRegistry
from proxy.metrics import ShadowMetrics
metrics = ShadowMetrics(CollectorRegistry())
metrics.pairs.labels("intents", "small", "agreed").inc(3)
metrics.pairs.labels("gone", "small", "agreed").inc(2)
"""
    asking = client(tmp_path)
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "runtime" / "metrics")}
    root = Path(__file__).parents[2]
    for _ in range(2):  # two processes, added up
        subprocess.run([sys.executable, "-c", counting], env=environment, cwd=root, check=True)

    text = asking.get("/metrics").text

    line = 'understudy_pairs_total{outcome="agreed",route="intents",student="small"} '
    assert [each for each in text.splitlines() if each.startswith(line)] == [f"{line}6.0"]
    assert 'understudy_pairs_total{outcome="agreed",route="gone",student="small"} 4.0' in text
    assert text.count("# TYPE understudy_pairs_total counter") == 1


def test_a_route_without_students_has_no_pairs_to_come(tmp_path, store):
    told = samples(client(tmp_path, config=config()).get("/metrics"))

    assert values(told, "understudy_captures_total", "outcome")["journaled"] == 0
    assert values(told, "understudy_pairs_total", "outcome") == {}


def test_it_is_open_metrics_too(tmp_path, store):
    answer = client(tmp_path).get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})

    assert "understudy_pairs" in {family.name for family in open_metrics(answer.text)}


def test_what_is_lacking_is_named(tmp_path, store):
    journal = MemoryJournal()
    journal.broken = "relay-1.db is damaged\nrestore it \u2013 or move it away"

    answer = client(tmp_path, config=ONE, open_journal=journal.reader).get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["x-understudy-incomplete"] == (
        "JournalError: relay-1.db is damaged restore it ? or move it away"
    )
    assert "understudy_journal_depth" not in {name for name, _ in samples(answer)}


def test_gauges_are_of_live_evidence_and_not_of_pairs_scored_again(tmp_path, store):
    record(store, ["agreed"] * 30)
    definition = definition_of(ONE)
    rescoring = store.begin_rescoring("intents", "small", "v1", definition=definition, decides="label")
    disagreed = [
        RescoredPair(
            exchange=stored.exchange, pair=msgspec.structs.replace(stored.pair, outcome="disagreed", scores={})
        )
        for stored in store.pairs(PairFilter())
    ]
    assert store.record_rescored(rescoring, disagreed) == 30

    told = samples(client(tmp_path).get("/metrics"))

    ratios = {labels: value for (name, labels), value in told.items() if name == "understudy_agreement_ratio"}
    assert set(ratios.values()) == {1.0}
    assert ratios[frozenset({"route": "intents", "student": "small", "segment": "all"}.items())] == 1.0


def test_a_file_that_a_killed_process_left_empty_costs_no_scrape(tmp_path):
    (tmp_path / "counter_1.db").touch()

    assert counted_families(tmp_path, [(families.CAPTURES, {"route": "r", "outcome": "shed"})])
