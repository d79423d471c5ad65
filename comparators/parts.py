"""What every comparator of texts does alike: refusals, tool calls, white space, and cutting text for people."""

from __future__ import annotations

from typing import Any

import msgspec

from comparators.base import Answer, ComparatorError, Request, Score
from comparators.language.words import normalised, short
from comparators.structured.calls import plainly_compared

__all__ = ["decided_by_form", "decided_by_refusal", "differing", "normalised", "short"]


def differing(kind: str, teacher: Any, student: Any, *, score: float = 0.0, **more: Any) -> Score:
    """A disagreement of one kind that shows both sides."""
    return Score(score=score, agree=False, kinds=(kind,), detail={"teacher": teacher, "student": student, **more})


def decided_by_form(
    teacher: Answer, student: Answer, *, words_beside_calls: bool, request: Request | None = None
) -> Score | None:
    """The score where refusals or tool calls alone decide; None where the texts are to be compared.

    Equal calls, by the rules of ``tool_calls``, are agreement; other calls score 0. With ``words_beside_calls`` the
    texts beside equal calls are compared too, if there are any. With the ``request`` its tools' schemas tell which
    types are different and which arguments are the default anyway.
    """
    decided = decided_by_refusal(teacher, student)
    if decided is not None or not (teacher.tool_calls or student.tool_calls):
        return decided
    calls = plainly_compared(request, teacher, student)
    if not calls.agree:
        return msgspec.structs.replace(calls, score=0.0)
    return None if words_beside_calls and (teacher.content or student.content) else calls


def decided_by_refusal(teacher: Answer, student: Answer) -> Score | None:
    """The score where one side refused, or both did and called nothing; None where neither refused.

    Raises ComparatorError: these are embeddings.
    """
    if teacher.embeddings is not None or student.embeddings is not None:
        raise ComparatorError("a comparator of texts cannot compare embeddings")
    if bool(teacher.refusal) != bool(student.refusal):
        said = ("refused" if side.refusal else "answered" for side in (teacher, student))
        return differing("refused" if student.refusal else "not_refused", *said)
    if teacher.refusal and not (teacher.tool_calls or student.tool_calls):
        return Score(score=1.0, agree=True)
    return None
