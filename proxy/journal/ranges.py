"""Sets of numbers as sorted, disjoint, inclusive ranges: what is settled, in a few rows."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]


def merge(ranges: Iterable[Range], numbers: Iterable[int]) -> list[Range]:
    """The fewest ranges that hold what ``ranges`` hold, and ``numbers``."""
    merged: list[Range] = []
    for first, last in sorted([*ranges, *((number, number) for number in numbers)]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
