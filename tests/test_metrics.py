"""Labels that others make up are bounded."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from proxy.metrics import ModelLabels, RelayMetrics
from proxy.relay.telemetry import Telemetry


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
