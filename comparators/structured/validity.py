"""Whether both answers are as asked for, or neither: what may take any time, and so is a comparator of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from comparators.base import Answer, Comparator, Request, Score
from comparators.structured.schema import UnusableSchemaError


class Validity(Comparator):
    """Agreement is that both answers are valid, or neither. Its detail says what is wrong with which side, if any."""

    symmetric = True
    kinds: ClassVar[Mapping[str, str]]  # of a difference, by the side that is invalid alone

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        detail: dict[str, Any] = {}
        try:
            for side, answer in (("teacher", teacher), ("student", student)):
                if problem := self.problem(request, answer):
                    detail[side] = problem
        except UnusableSchemaError as error:
            return Score(score=1.0, agree=True, detail={"unchecked": str(error)})
        agree = len(detail) != 1
        return Score(
            score=float(agree),
            agree=agree,
            kinds=() if agree else tuple(self.kinds[side] for side in detail),
            detail=detail,
        )

    def problem(self, request: Request, answer: Answer) -> Any:
        """What is wrong with an answer, JSON-able; nothing where it is valid. May raise UnusableSchemaError."""
        raise NotImplementedError
