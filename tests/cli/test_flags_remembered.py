"""After `understudy serve --teacher …` the other commands in the same folder know what was served."""

from __future__ import annotations

import json

import pytest

from proxy.cli.app import run
from proxy.errors import UsageError
from proxy.store.sqlite import SQLiteStore

SERVE = ["serve", "--teacher", "http://127.0.0.1:1/v1", "--student", "http://127.0.0.1:2/v1"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNDERSTUDY_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def serving(monkeypatch):
    """What `serve` was called with; it makes the store, as the real one does."""
    served = []

    def serve(source, *_):
        served.append(source)
        SQLiteStore("understudy.db").close()

    monkeypatch.setattr("proxy.main.serve", serve)
    return served


def students(capsys) -> list[tuple[str, str]]:
    capsys.readouterr()
    assert run(["report", "--format", "json"]) == 0
    return [(entry["route"], entry["student"]) for entry in json.loads(capsys.readouterr().out)["routes"]]


def test_report_pairs_pause_and_resume_need_no_configuration(serving, capsys):
    assert run([*SERVE, "--student-model", "tiny", "--comparator", "label"]) == 0

    assert students(capsys) == [("default", "tiny")]
    for command in (["pairs"], ["pairs", "--route", "default"], ["pause"], ["resume", "--route", "default"]):
        assert run(command) == 0, capsys.readouterr().err


def test_the_flags_served_last_are_those_that_count(serving, capsys):
    run(SERVE)
    run([*SERVE, "--student-model", "other"])

    assert students(capsys) == [("default", "other")]


def test_flags_that_could_not_be_served_are_not_remembered(serving, monkeypatch, capsys):
    run(SERVE)

    def port_in_use(*_):
        raise UsageError("listen: cannot listen")

    monkeypatch.setattr("proxy.main.serve", port_in_use)
    assert run([*SERVE, "--student-model", "other"]) == 2

    assert students(capsys) == [("default", "student")]


def test_nothing_is_left_behind_by_flags_that_cannot_be_served(folder, capsys):
    assert run(["serve", "--teacher", "api.openai.com"]) == 2

    assert list(folder.iterdir()) == []
    assert run(["report"]) == 2
    assert "understudy.yaml" in capsys.readouterr().err


def test_a_configuration_comes_first(serving, folder, capsys):
    run(SERVE)
    (folder / "understudy.yaml").write_text("routes: [{name: mine, teacher: {url: 'http://127.0.0.1:1/v1'}}]")

    assert students(capsys) == [("mine", None)]


def test_what_takes_a_file_to_serve_does_not_take_the_flags_of_before(serving):
    run(SERVE)

    assert run(["serve"]) == run(["relay"]) == run(["check"]) == 2
    assert len(serving) == 1


def test_they_are_nobody_elses_to_read(serving, folder):
    run(SERVE)

    [written] = folder.glob("understudy.flags*")
    assert written.stat().st_mode & 0o077 == 0


def test_flags_that_cannot_be_read_are_said_to_be_so(serving, folder, capsys):
    run(SERVE)
    [written] = folder.glob("understudy.flags*")
    written.write_text("{")

    assert run(["report"]) == 2
    assert written.name in capsys.readouterr().err
