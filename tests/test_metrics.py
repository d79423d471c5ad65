"""Labels that others make up are bounded; those that the code makes up are known."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from proxy import metric_families as families
from proxy.metrics import ModelLabels, RelayMetrics
from proxy.openai.shadowable import not_shadowable
from proxy.relay.telemetry import Telemetry
from proxy.store.records import OUTCOMES


def test_the_first_hundred_names_keep_theirs_and_all_later_ones_share_one():
    labels = ModelLabels()
    made_up = [f"client-says-{number}" for number in range(300)]

    given = [labels.of("intents", "teacher", name) for name in made_up]

    assert given == [*made_up[:100], *["other"] * 200]
    assert labels.of("intents", "teacher", made_up[99]) == made_up[99]


def test_what_clients_make_up_takes_no_name_from_another_route_nor_from_a_student():
    labels = ModelLabels()
    for number in range(300):
        labels.of("intents", "teacher", f"client-says-{number}")

    assert labels.of("intents", "student", "small") == "small"
    assert labels.of("support", "teacher", "gpt-4o") == "gpt-4o"


@pytest.mark.parametrize(
    ("name", "label"), [("x" * 1000, "x" * 128), ("half a \ud83d pair", "half a ? pair"), ("", "")]
)
def test_a_name_is_short_and_can_be_written(name, label):
    assert ModelLabels().of("intents", "teacher", name) == label


def test_the_relay_bounds_its_times_by_them():
    registry = CollectorRegistry()
    telemetry = Telemetry(RelayMetrics(registry))

    for number in range(150):
        telemetry.timed("intents", f"client-says-{number}", 0.5, 0.1)

    page = generate_latest(registry).decode()
    assert page.count("understudy_upstream_duration_seconds_count{") == 101
    assert 'understudy_upstream_duration_seconds_count{model="other",role="teacher",route="intents"} 50.0' in page


def known(family: families.Family, label: str) -> set[str]:
    return set(family.labels[label].known)


def test_what_is_known_of_labels_is_what_the_code_counts():
    words = set(re.findall(r"``(\w+)``", not_shadowable.__doc__))
    elsewhere = {"other_path", "unknown_coding", "unreadable_coding", "invalid_json", "not_an_object"}

    assert known(families.PAIRS, "outcome") == OUTCOMES
    assert known(families.NOT_SHADOWABLE, "reason") == words | elsewhere


CONTRACT = """
requests_total relay_overhead_seconds upstream_duration_seconds time_to_first_token_seconds tokens_total cost_usd_total
captures_total not_shadowable_total pairs_total student_errors_total disagreements_total score agreement_ratio
agreement_lower agreement_upper missing_ratio noise_floor_ratio divergence drift drift_threshold redistill_needed
verdict journal_depth journal_oldest_seconds rollout_share
"""
OURS = {"understudy_comparator_failures_total", "understudy_child_restarts_total"}


def test_every_metric_of_the_contract_is_there_or_said_to_come_later():
    there = {family.exported for each in families.FAMILIES.values() for family in each}

    assert (there - OURS) | set(families.LATER) == {f"understudy_{name}" for name in CONTRACT.split()}
    assert there.isdisjoint(families.LATER)
