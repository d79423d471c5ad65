"""An option given twice is refused: which of the two was meant nobody can tell."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer

from proxy.cli.app import app, run
from proxy.cli.once import App


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNDERSTUDY_CONFIG", raising=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("pairs --segment language=de --segment length=short", "--segment: is given 2 times; give it once"),
        ("pairs --segment language=de --limit 3 --segment=a=b --segment c=d", "--segment: is given 3 times"),
        ("pairs --route a --route a", "--route: is given 2 times"),
        ("report --route a --route b", "--route: is given 2 times"),
        ("pause --route a --route b", "--route: is given 2 times"),
        ("serve --teacher http://a --teacher http://b", "--teacher: is given 2 times"),
        ("report --config a.yaml --config b.yaml", "--config: is given 2 times"),
    ],
)
def test_an_option_given_twice_is_refused_in_a_line(arguments, said, capsys):
    assert run(arguments.split()) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"understudy: {said}")
    assert len(err.splitlines()) == 1


def test_flags_and_options_that_are_lists_may_be_repeated():
    small, given = App(), []

    @small.command()
    def one(
        *, many: Annotated[list[str], typer.Option()], loud: Annotated[bool, typer.Option("--loud")] = False
    ) -> None:
        given.append((many, loud))

    small(["--many", "a", "--loud", "--many", "b", "--loud"], standalone_mode=False)
    assert given == [(["a", "b"], True)]


def test_every_command_has_it():
    assert isinstance(app, App)
