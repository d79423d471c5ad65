"""``pairs --kind``: which kinds there are, and what is said of one that is none."""

from __future__ import annotations

from contextlib import closing

import pytest

from proxy.cli.app import run
from proxy.cli.kinds import check_kind
from proxy.errors import UsageError
from proxy.store.sqlite import SQLiteStore
from tests.analyst.report_builders import record


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNDERSTUDY_CONFIG", raising=False)
    (tmp_path / "understudy.yaml").write_text("routes: [{name: a, teacher: {url: 'http://127.0.0.1:1/v1'}}]")
    with closing(SQLiteStore(tmp_path / "understudy.db")) as store:
        record(store, ["agreed"] * 3)


@pytest.mark.parametrize(
    "kind", ["label_changed", "unavailable", "teacher_error", "over_budget", "timeout", "status_418", "empty"]
)
def test_each_kind_can_be_asked_for_though_no_pair_is_of_it(kind, capsys):
    assert run(["pairs", "--kind", kind]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("label_change", "did you mean label_changed?"),
        ("Label-Changed", "did you mean label_changed?"),
        ("unavailabel", "did you mean unavailable?"),
        ("time_out", "did you mean timeout?"),
        ("quux", "understudy pairs --help lists them"),
    ],
)
def test_a_kind_that_is_nobodys_is_refused_with_the_nearest(kind, advice, capsys):
    assert run(["pairs", "--kind", kind]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"understudy: --kind: no pair is of kind {kind!r}; {advice}\n"


def test_a_kind_of_a_comparator_of_ones_own_may_be_asked_for_once_it_occurs():
    check_kind("house_style", lambda: True)
    with pytest.raises(UsageError, match="no pair is of kind 'house_style'"):
        check_kind("house_style", lambda: False)


def test_the_help_names_all_of_them(capsys):
    assert run(["pairs", "--help"]) == 0

    said = " ".join(capsys.readouterr().out.split())
    assert "by the word of any of the route's comparators" in said
    for kind in ("label_changed", "judged_worse", "unscored", "teacher_error", "timeout", "status_429"):
        assert kind in said
