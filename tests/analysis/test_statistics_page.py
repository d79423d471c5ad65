"""What docs/statistics.md shows is what the code does, and its tables come from the benchmark."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from benchmarks.statistics.__main__ import main, topics
from benchmarks.statistics.figures import Figure, as_markdown, as_text, at_least, at_most, with_section
from proxy.cli.app import run

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
FIGURES = [
    at_most("promoted at the target", 0.05, 0.0419),
    at_least("control: by one look", 0.4, 0.1, 0.01),
    Figure("for comparison", "", "3 | 4"),
]


def test_the_example_on_the_page_about_statistics_gives_what_it_shows():
    text = PAGE.read_text(encoding="utf-8")
    example = doctest.DocTestParser().get_doctest(text, {}, "statistics.md", str(PAGE), 0)

    result = doctest.DocTestRunner().run(example)

    assert result.attempted > 0
    assert result.failed == 0


def test_every_simulation_on_the_page_can_be_run(capsys):
    commands = re.findall(r"^understudy (simulate .+?)(?: +#.*)?$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert len(commands) > 3
    for command in commands:
        assert run([*command.replace("--runs 1000", "--runs 2").split(), *(["--pairs", "10000"])]) == 0
        assert capsys.readouterr().out.startswith(("all traffic:", "tenant=acme:"))


def test_every_topic_has_its_place_on_the_page_and_met_its_goals():
    text = PAGE.read_text(encoding="utf-8")

    for topic in topics():
        begin, end = f"<!-- figures: {topic} -->", f"<!-- end: {topic} -->"
        section = text.partition(begin)[2].partition(end)[0]
        command = f"python -m benchmarks.statistics {topic} --write"
        assert f"`{command}`, 20" in section, f"run {command}"
        assert "| NO |" not in section


def test_a_table_says_which_goals_are_met():
    assert as_text(FIGURES).splitlines() == [
        "figure                  goal     measured  error    met",
        "promoted at the target  <= 0.05  0.0419             yes",
        "control: by one look    >= 0.4   0.1000    ±0.0100  NO",
        "for comparison                   3 | 4",
    ]
    assert as_markdown(FIGURES).splitlines()[2:] == [
        "| promoted at the target | <= 0.05 | 0.0419 |  | yes |",
        "| control: by one look | >= 0.4 | 0.1000 | ±0.0100 | NO |",
        "| for comparison |  | 3 \\| 4 |  |  |",
    ]


def test_a_table_takes_the_place_of_the_one_before_and_a_new_topic_comes_last():
    page = "# A\n\n<!-- figures: a -->\nold\n<!-- end: a -->\n\n<!-- end of figures -->\n\nB\n"

    once = with_section(page, "a", "new")
    assert once == page.replace("\nold\n", "\n\nnew\n\n")
    assert with_section(once, "a", "new") == once
    assert with_section(page, "b", "new").partition("### Figures of b")[2] == (
        "\n\n<!-- figures: b -->\n\nnew\n\n<!-- end: b -->\n\n<!-- end of figures -->\n\nB\n"
    )
    with pytest.raises(ValueError, match="end of figures"):
        with_section("# A\n", "a", "new")


def test_a_topic_can_be_run_alone(capsys):
    assert main(["replicas", "--quick"]) == 0

    out = capsys.readouterr().out
    assert out.startswith("replicas (")
    assert "the same bits" in out
    assert out.endswith("all goals met\n")


@pytest.mark.parametrize("arguments", [["nothing"], ["gate", "--quick", "--write"]])
def test_what_cannot_be_run_is_refused(arguments):
    with pytest.raises(SystemExit):
        main(arguments)
