"""What the command line says when it is used wrongly: what is wrong, what was found, what is allowed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from proxy.cli.app import app, run
from proxy.store.sqlite import SQLiteStore
from tests.analyst.report_builders import record

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNDERSTUDY_CONFIG", raising=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("report --format xml", "--format: 'xml' is not one of 'text', 'json', 'html'"),
        ("pairs --limit x", "--limit: must be a whole number; found x"),
        ("pairs --limit 0", "--limit: must be 1 or more; found 0"),
        ("report --evidence x", "--evidence: must be a whole number; found x"),
        ("demo --requests 5", "--requests: must be 100 or more; found 5"),
        ("demo --requests 1000000", "--requests: must be 100000 or less; found 1000000"),
        ("check --config /", "/ is a directory; give --config FILE"),
        ("check --config /dev/null", "/dev/null is no file; give --config FILE"),
        ("check --config nowhere.yaml", "no configuration at nowhere.yaml; give --config FILE"),
        ("serve --config nowhere.yaml", "no configuration at nowhere.yaml; give --config FILE, or start without one:"),
        (
            "serve",
            "no configuration at understudy.yaml; give --config FILE, or start without one: understudy serve --tea",
        ),
        ("report --since", "Option '--since' requires an argument."),
        ("report --bogus", "No such option: --bogus"),
        ("reprot", "No such command 'reprot'"),
    ],
)
def test_a_wrong_use_is_a_line_or_two_and_status_2(arguments, said, capsys):
    assert run(arguments.split()) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"understudy: {said}")
    assert len(err.splitlines()) <= 2


def test_the_second_line_says_where_to_read_on(capsys):
    run(["pairs", "--limit", "x"])
    assert capsys.readouterr().err.splitlines()[1] == "understudy pairs --help says more"

    run(["reprot"])
    assert capsys.readouterr().err.splitlines()[1] == "understudy --help says more"


def test_alone_it_prints_its_help_and_no_error(capsys):
    assert run([]) == 2

    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("Usage: understudy [OPTIONS] COMMAND [ARGS]...")


def test_the_help_says_every_command_in_a_whole_sentence(capsys):
    assert run(["--help"]) == 0

    commands = capsys.readouterr().out.partition("Commands:")[2].strip().splitlines()
    assert len(commands) == len([each for each in app.registered_commands if not each.hidden])
    assert [line for line in commands if "..." in line] == []


def piped(tmp_path, into: str) -> tuple[str, str]:
    """Status and stderr of a command whose output goes ``into``."""
    (tmp_path / "understudy.yaml").write_text("routes: [{name: a, teacher: {url: 'http://127.0.0.1:1/v1'}}]")
    with closing(SQLiteStore(tmp_path / "understudy.db")) as store:
        record(store, ["agreed"] * 300)
    command = f"{sys.executable} -m proxy.cli pairs {into}"
    done = subprocess.run(
        ["bash", "-c", command],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()[-1], done.stderr


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path):
    assert piped(tmp_path, "| head -c 1 >/dev/null; echo ${PIPESTATUS[0]}") == ("0", "")


def test_a_full_disk_behind_the_output_is_said_in_a_line(tmp_path):
    assert piped(tmp_path, ">/dev/full; echo $?") == ("1", "understudy: output: No space left on device\n")
