"""``text``: how much of the wording two answers share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Runs, Score
from comparators.language.measures import MEASURES
from comparators.parts import decided_by_form, normalised, short


class TextOptions(ComparatorOptions):
    """Options of ``text``."""

    agree_at: float = Field(0.8, gt=0, le=1, description="similarity from which on two texts agree")
    measure: Literal["rouge_l", "token_f1", "chrf", "edit"] = Field(
        "rouge_l",
        description="words in common and in order (`rouge_l`), or in any order (`token_f1`);"
        " runs of characters (`chrf`); characters left as they are (`edit`)",
    )


class Text(Comparator):
    """Agreement is mostly the same wording, by a measure of one's choice."""

    name = "text"
    version = "3"
    runs: Runs = "light"
    symmetric = True
    Options = TextOptions
    options: TextOptions

    def __init__(self, options: TextOptions | None = None) -> None:
        super().__init__(options)
        if self.options.measure == "chrf":
            self.runs = "heavy"  # milliseconds

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=True, request=request)
        if decided is not None:
            return decided
        wanted, given = teacher.content or "", student.content or ""
        similarity, detail = MEASURES[self.options.measure](wanted, given)
        agree = similarity >= self.options.agree_at
        if not agree:
            detail |= {"teacher": short(normalised(wanted)), "student": short(normalised(given))}
        return Score(score=similarity, agree=agree, kinds=() if agree else ("wording",), detail=detail)
