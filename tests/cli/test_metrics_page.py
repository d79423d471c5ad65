"""docs/metrics.md: its tables are made from the code, and its expressions name metrics and labels that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.cli import reference
from proxy.metric_families import FAMILIES

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
EXPRESSIONS = re.findall(r"```promql\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_page_says_what_the_code_says():
    assert reference.main(["--check"], PAGE) == 0


def test_a_page_that_differs_is_found_and_written_again(tmp_path, capsys):
    page = tmp_path / "metrics.md"
    page.write_text(PAGE.read_text().replace("| gauge |", "| counter |"))

    assert reference.main(["--check"], page) == 1
    assert "run python -m proxy.cli.reference" in capsys.readouterr().err
    assert reference.main([], page) == 0
    assert page.read_text() == PAGE.read_text()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_expressions_name_what_there_is(expression):
    there = {family.exported: family for each in FAMILIES.values() for family in each}

    for name, labels in re.findall(r"(understudy_\w+)(?:\{(.*?)\})?", expression):
        for label, values in re.findall(r'(\w+)[!=~]+"(.*?)"', labels):
            known = there[name].labels[label].known
            assert not known or set(values.split("|")) <= set(known)
