"""What docs/statistics.md shows is what the code does."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_the_example_on_the_page_about_statistics_gives_what_it_shows():
    text = PAGE.read_text(encoding="utf-8")
    example = doctest.DocTestParser().get_doctest(text, {}, "statistics.md", str(PAGE), 0)

    result = doctest.DocTestRunner().run(example)

    assert result.attempted > 0
    assert result.failed == 0
