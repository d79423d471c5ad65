"""Tables in Markdown, as GitHub draws them."""

from __future__ import annotations

import re

from comparators.language.fences import outside

_DELIMITER = re.compile(r"\|?(?:\s*+:?-++:?\s*+\|)*+(?:\s*+:?-++:?\s*+)?+\|?")
_CELL = re.compile(r"(?:[^|\\]|\\.)*+", re.DOTALL)
_MOST_TABLES = 5
_EMPHASIS = "*_`~ \t"


def table_problem(text: str, columns: list[str]) -> str | None:
    """Why there is no table in a text with these columns (any, if none are named); None where there is.

    A header, a line of dashes, and rows, all of as many cells. Columns are told by their names, in their order,
    whatever their case and emphasis. Of a text with very many tables the first 5 are looked at.
    """
    lines = [line.strip() for line in outside(text).splitlines()]
    problems: list[str] = []
    for at in range(1, len(lines)):
        if "-" not in lines[at] or "|" not in lines[at - 1] or not _DELIMITER.fullmatch(lines[at]):
            continue
        header = _cells(lines[at - 1])
        if len(header) != len(_cells(lines[at])):
            continue
        problem = _problem(header, lines[at + 1 :], columns)
        if problem is None:
            return None
        problems.append(problem)
        if len(problems) == _MOST_TABLES:
            break
    return problems[0] if problems else "no table"


def _problem(header: list[str], rest: list[str], columns: list[str]) -> str | None:
    if columns and list(map(_name, header)) != list(map(_name, columns)):
        return f"a table of the columns {', '.join(header)}"
    for at, line in enumerate(rest):
        if "|" not in line:
            return None
        if len(_cells(line)) != len(header):
            return f"row {at + 1} of the table has {len(_cells(line))} cells, not {len(header)}"
    return None


def _cells(line: str) -> list[str]:
    line = line.removeprefix("|")
    cells, at = [], 0
    while True:
        cell = _CELL.match(line, at)
        at = cell.end() if cell else at
        cells.append(cell[0].strip() if cell else "")
        if at >= len(line):
            break
        at += 1  # the bar, or a backslash at the very end
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def _name(column: str) -> str:
    return " ".join(column.strip(_EMPHASIS).casefold().split())
