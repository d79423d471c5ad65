"""What a configuration that was read again cannot change in running processes."""

from __future__ import annotations

import pytest

from proxy.config.model import Config
from proxy.main import needing_restart

RUNNING = {"admin": {"tokens": {"read": "first"}}, "limits": {"journal": "64MiB"}}


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        ({}, []),
        ({"listen": "127.0.0.1:9000"}, ["listen"]),
        ({"admin": {"listen": "127.0.0.1:9001"}}, ["admin.listen"]),
        ({"admin": {"tokens": {"read": "second"}}}, []),
        ({"store": "sqlite:///other.db", "workers": 2}, ["store", "workers"]),
        ({"limits": {"journal": "2MiB"}}, ["limits.journal"]),
        ({"limits": {"journal": "64MiB", "capture": "1MiB"}}, []),
    ],
)
def test_what_needs_a_restart_is_named_by_its_key(changed, keys):
    assert needing_restart(Config.model_validate(RUNNING), Config.model_validate(RUNNING | changed)) == keys
