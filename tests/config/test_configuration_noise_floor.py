"""Asking the teacher a second time: what it needs."""

from __future__ import annotations

import pytest

from proxy.config.checks import check_config
from proxy.config.model import Config
from proxy.errors import ConfigurationError

KEYED = {"url": "http://t/v1", "replay_api_key": "sk-ours"}
FLOOR = {"share": 0.02}


def config(top=None, **route) -> Config:
    given = {"name": "a", "teacher": {"url": "http://t/v1"}} | route
    return Config.model_validate({"routes": [given], **(top or {})})


def said(configured: Config) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_config(configured)
    assert "sk-ours" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("off", [False, "off", None])
def test_it_is_off_when_that_is_what_is_written(off):
    assert config(noise_floor=off).routes[0].noise_floor is None


def test_with_a_key_of_ours_it_may_be_asked():
    configured = config(teacher=KEYED, noise_floor=FLOOR, gate={"relative_to": "noise_floor", "margin": 0.0})
    check_config(configured)
    assert configured.routes[0].noise_floor.share == 0.02


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"noise_floor": FLOOR}, "routes[0].noise_floor: needs teacher.replay_api_key, a key of your own"),
        (
            {"noise_floor": FLOOR, "teacher": {"url": "http://t/v1", "replay_api_key": "passthrough"}},
            "routes[0].teacher.replay_api_key: passthrough cannot be",
        ),
        ({"gate": {"relative_to": "noise_floor"}}, "routes[0].gate.relative_to: needs noise_floor"),
        (
            {"students": [{"name": "teacher_replay", "url": "http://s/v1"}]},
            "routes[0].students[0].name: teacher_replay is what the teacher's second answers are called",
        ),
        ({"comparators": [{"use": "exact", "name": "noise_floor"}]}, "routes[0].comparators[0]: noise_floor is what"),
    ],
)
def test_what_cannot_work_is_refused(route, expected):
    assert expected in said(config(**route))


def test_where_anyone_may_listen_nobody_spends_the_replay_key():
    text = said(config({"listen": "0.0.0.0:8080"}, teacher=KEYED, noise_floor=FLOOR))
    assert "lets anyone spend our own teacher key" in text
