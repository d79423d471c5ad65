"""A figure beside its goal, and tables of them for terminals and for docs/statistics.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy.analysis.simulation import share_of as share

__all__ = ["Figure", "as_markdown", "as_text", "at_least", "at_most", "share", "with_section"]

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, with the goal that it is held against."""

    name: str
    goal: str  # empty: shown for comparison, nothing is asked of it
    measured: str
    passed: bool = True
    error: str = ""  # standard error of a simulated figure; empty: exact, or a time
    command: str = ""  # that makes it, where it is not the topic's


def at_most(name: str, goal: float, measured: float, error: float | None = None) -> Figure:
    """A probability that may be ``goal`` at most."""
    return Figure(name, f"<= {goal:g}", f"{measured:.4f}", measured <= goal, "" if error is None else f"{error:.4f}")


def at_least(name: str, goal: float, measured: float, error: float | None = None) -> Figure:
    """A probability that is to be ``goal`` at least: of a control that must fail."""
    return Figure(name, f">= {goal:g}", f"{measured:.4f}", measured >= goal, "" if error is None else f"{error:.4f}")


HEAD = ("figure", "goal", "measured", "error", "met")


def _cells(figure: Figure) -> tuple[str, ...]:
    met = ("yes" if figure.passed else "NO") if figure.goal else ""
    return figure.name, figure.goal, figure.measured, figure.error and f"±{figure.error}", met


def as_text(figures: Sequence[Figure]) -> str:
    """Aligned columns."""
    rows = [HEAD, *map(_cells, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def as_markdown(figures: Sequence[Figure]) -> str:
    """The same for docs."""
    rows = [HEAD, ("---",) * len(HEAD), *map(_cells, figures)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def with_section(page: str, name: str, text: str) -> str:
    """The page with this text under the heading of a topic; a new topic comes last.

    Raises:
        ValueError: the page has no place for figures.
    """
    begin, end, last = f"<!-- figures: {name} -->", f"<!-- end: {name} -->", "<!-- end of figures -->"
    section = f"{begin}\n\n{text.strip()}\n\n{end}"
    before, found, rest = page.partition(begin)
    if found:
        return f"{before}{section}{rest.partition(end)[2]}"
    before, found, rest = page.partition(last)
    if not found:
        raise ValueError(f"the page lacks {last}")
    return f"{before}### Figures of {name}\n\n{section}\n\n{last}{rest}"
