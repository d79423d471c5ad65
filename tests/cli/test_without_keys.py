"""Commands that need no key work where none is in the environment: pausing is what one does in an emergency."""

from __future__ import annotations

import pytest

from proxy.cli.app import run
from proxy.definition import build_comparators, definition_hash
from proxy.runtime import ConfigSource
from proxy.store.sqlite import SQLiteStore

FILE = """
admin: {tokens: {admin: "${ADMIN_TOKEN}"}}
access: {keys: ["${FIRST_KEY}", "${SECOND_KEY}"]}
teacher: {url: "http://127.0.0.1:1/v1", api_key: "${T_KEY}"}
routes:
  - name: a
    teacher: {url: "http://127.0.0.1:1/v1", api_key: "${T_KEY}"}
    students: [{name: s, url: "http://127.0.0.1:2/v1", model: m, api_key: "${S_KEY}"}]
    comparators: [{use: exact}, {use: judge, url: "http://127.0.0.1:3/v1", model: j, api_key: "${J_KEY}"}]
    segments: [{header: x-t, as: "${SEGMENT}"}]
"""
KEYS = ("ADMIN_TOKEN", "FIRST_KEY", "SECOND_KEY", "T_KEY", "S_KEY", "J_KEY")
NEEDING_NONE = ("report", "report --format json", "pairs", "pause", "resume", "pause --route a", "resume --route a")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNDERSTUDY_CONFIG", raising=False)
    monkeypatch.setenv("SEGMENT", "tenant")
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    (tmp_path / "understudy.yaml").write_text(FILE)
    SQLiteStore(tmp_path / "understudy.db").close()


@pytest.mark.parametrize("command", NEEDING_NONE)
def test_what_needs_no_key_works_without(command, capsys):
    assert run(command.split()) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("value", ["", "two words", "sk-1\n"])
def test_a_key_that_is_none_does_not_stop_them_either(value, monkeypatch):
    for key in KEYS:
        monkeypatch.setenv(key, value)
    assert run(["pause"]) == 0


def test_what_is_no_key_is_needed(monkeypatch, capsys):
    monkeypatch.delenv("SEGMENT")
    assert run(["report"]) == 2
    assert "routes[0].segments[0].as: the variable SEGMENT is not set" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "serve"])
def test_what_needs_the_keys_says_which(command, capsys):
    assert run([command]) == 2
    assert "the variable T_KEY is not set" in capsys.readouterr().err


def test_keys_make_no_difference_to_what_agreement_and_versions_are(monkeypatch):
    def what_evidence_rests_on() -> tuple[str, str]:
        route = ConfigSource(file="understudy.yaml").load(with_keys=False).routes[0]
        return definition_hash(route, build_comparators(route)), route.students[0].base_version

    without = what_evidence_rests_on()
    for key in KEYS:
        monkeypatch.setenv(key, f"sk-{key}")
    assert what_evidence_rests_on() == without
