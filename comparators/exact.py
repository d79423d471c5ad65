"""``exact``: the same text, white space aside."""

from __future__ import annotations

from comparators.base import Answer, Comparator, Request, Score
from comparators.parts import decided_by_form, differing, normalised, short


class Exact(Comparator):
    """Agreement is equality once white space and the Unicode form are normalised."""

    name = "exact"
    version = "1"
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
        return differing("wording", short(wanted[same:]), short(given[same:]), same_characters=same)


def _common_prefix(one: str, other: str) -> int:
    """How many characters the two begin with alike, back to the start of a word."""
    length = next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return one.rfind(" ", 0, length) + 1
