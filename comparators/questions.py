"""Comparing in steps that put questions to other comparators, whether these are called here or asked elsewhere.

A comparator that uses others writes its logic once, as a generator that yields questions and is sent their scores;
its ``compare`` and ``ask`` are one line each.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeVar

from comparators.base import Answer, Comparator, Request, Run, Score

T = TypeVar("T")


class Question(NamedTuple):
    """Two answers that another comparator is to score."""

    comparator: Comparator
    teacher: Answer
    student: Answer


Steps = Generator[Question, Score, T]


def compared(steps: Steps[T], request: Request) -> T:
    """What the steps come to, with every comparator called where we are."""
    try:
        question = next(steps)
        while True:
            question = steps.send(question.comparator.compare(request, question.teacher, question.student))
    except StopIteration as end:
        result: T = end.value
        return result


async def asked(steps: Steps[T], request: Request, run: Run) -> T:
    """What the steps come to, with every comparator run wherever it has to."""
    try:
        question = next(steps)
        while True:
            question = steps.send(await run(question.comparator, request, question.teacher, question.student))
    except StopIteration as end:
        result: T = end.value
        return result
