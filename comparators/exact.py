"""``exact``: the same text, white space aside."""

from __future__ import annotations

from comparators.base import Answer, Comparator, Request, Score
from comparators.parts import decided_by_form, differing, normalised, short

# Characters shown before and after the place where the two part.
_LONGEST_BEFORE = 2_000
_LONGEST_AFTER = 200


class Exact(Comparator):
    """Agreement is equality once white space and the Unicode form are normalised."""

    name = "exact"
    version = "2"
    runs = "light"
    symmetric = True

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=True, request=request)
        if decided is not None:
            return decided
        wanted, given = normalised(teacher.content or ""), normalised(student.content or "")
        if wanted == given:
            return Score(score=1.0, agree=True)
        same = _common_prefix(wanted, given)
        # From the start of the line: redaction must see a number of several words whole to know it.
        start = min(_line_start(side.content or "", same) for side in (teacher, student))
        limit = min(same - start, _LONGEST_BEFORE) + _LONGEST_AFTER
        return differing("wording", short(wanted[start:], limit), short(given[start:], limit), same_characters=same)


def _common_prefix(one: str, other: str) -> int:
    """How many characters the two begin with alike, back to the start of a word."""
    length = next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return one.rfind(" ", 0, length) + 1


def _line_start(text: str, place: int) -> int:
    """Where the line begins in which a place is: both are places in the normalised text, where lines are joined."""
    start = 0
    for line in text.splitlines():
        length = len(normalised(line))
        if place <= start + length:
            break
        start += length + bool(length)
    return start
