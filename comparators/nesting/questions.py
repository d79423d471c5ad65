"""Comparing in steps that put questions to other comparators, whether these are called here or asked elsewhere.

A comparator that uses others writes its logic once, as a generator that yields questions and is sent their scores;
its ``compare`` and ``ask`` are one line each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

import msgspec

from comparators.base import Answer, Comparator, Request, Run, Score
from comparators.language.words import SMALL, size_of

T = TypeVar("T")


class Question(msgspec.Struct, frozen=True):
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


async def asked(steps: Steps[T], request: Request, run: Run, *answers: Answer) -> T:
    """What the steps come to, with every comparator run wherever it has to.

    Where the ``answers`` that are looked at are large, that happens beside the event loop.
    """
    large = sum(map(size_of, answers)) > SMALL
    score: Score | None = None
    while True:
        taken = await asyncio.to_thread(_step, steps, score) if large else _step(steps, score)
        if not isinstance(taken, Question):
            return taken[0]
        score = await run(taken.comparator, request, taken.teacher, taken.student)


def _step(steps: Steps[T], score: Score | None) -> Question | tuple[T]:
    """The next question; at the end the result, alone in a tuple (no thread can hand over a StopIteration)."""
    try:
        return next(steps) if score is None else steps.send(score)
    except StopIteration as end:
        return (end.value,)
