"""A configuration that cannot be used when it is read again is refused, logged, and the old one stays."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from proxy.config.reload import keeping_the_one_before
from proxy.errors import ConfigurationError, StoreError


@pytest.mark.parametrize(
    "error", [ConfigurationError("routes[0].sample: must be 1 or less"), StoreError("gone"), OSError("no such file")]
)
def test_what_cannot_be_used_is_logged_and_the_old_one_stays(error):
    running = {"config": "old"}

    def load() -> str:
        raise error

    with capture_logs() as logged, keeping_the_one_before():
        running["config"] = load()

    assert running == {"config": "old"}
    assert logged == [
        {"event": "configuration_refused", "error": str(error), "kept": "the one before", "log_level": "error"}
    ]


def test_what_can_be_used_is_taken_over_without_a_word():
    running = {}

    with capture_logs() as logged, keeping_the_one_before():
        running["config"] = "new"

    assert (running, logged) == ({"config": "new"}, [])


def test_a_defect_is_survived_too_and_logged_with_its_place_but_without_its_words():
    with capture_logs() as logged, keeping_the_one_before():
        raise ValueError("sk-planted")

    (entry,) = logged
    assert entry["event"] == "configuration_refused"
    assert entry["error"].startswith("a defect of Understudy: ValueError in test_configuration_reload.py, line ")
    assert "sk-planted" not in str(entry)


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_ends_the_process_or_task_passes(ending):
    with pytest.raises(ending), keeping_the_one_before():
        raise ending
