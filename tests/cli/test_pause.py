"""Pausing and resuming, of one route and of all, in any order."""

from __future__ import annotations

from contextlib import closing

import pytest

from proxy.cli.app import run
from proxy.store.sqlite import SQLiteStore

ROUTES = """routes:
  - {name: a, teacher: {url: "http://127.0.0.1:1/v1"}}
  - {name: b, teacher: {url: "http://127.0.0.1:1/v1"}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNDERSTUDY_CONFIG", raising=False)
    (tmp_path / "understudy.yaml").write_text(ROUTES)
    SQLiteStore(tmp_path / "understudy.db").close()


def paused_after(*commands: str) -> set[str]:
    for command in commands:
        assert run(command.split()) == 0
    with closing(SQLiteStore("understudy.db")) as store:
        paused = store.paused()
    return {route for route in ("a", "b") if route in paused or None in paused}


@pytest.mark.parametrize(
    ("commands", "paused"),
    [
        (["pause"], {"a", "b"}),
        (["pause --route a"], {"a"}),
        (["pause", "resume"], set()),
        (["pause --route a", "resume"], set()),
        (["pause", "pause --route a", "resume"], set()),
        (["pause", "resume --route a"], {"b"}),
        (["pause --route a", "resume --route b"], {"a"}),
        (["pause", "resume --route a", "resume --route b"], set()),
        (["resume"], set()),
    ],
)
def test_what_was_said_last_holds(commands, paused):
    assert paused_after(*commands) == paused


def test_a_route_that_is_not_there_is_refused(capsys):
    assert run(["pause", "--route", "c"]) == 2
    assert "there is no route 'c'; routes: a, b" in capsys.readouterr().err
