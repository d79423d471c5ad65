"""``auto``: the comparator for what the request asks for and the teacher answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pydantic import Field

from comparators.auto_prose import turns
from comparators.auto_table import TABLE, Row, Side, other_form, row_for
from comparators.base import (
    Answer,
    Comparator,
    ComparatorError,
    ComparatorOptions,
    Request,
    Run,
    Runs,
    Score,
)
from comparators.combined import AllOf
from comparators.nesting.options import Nested
from comparators.nesting.questions import Question, Steps, asked, compared
from comparators.nesting.using import Using
from comparators.parts import decided_by_refusal, short
from comparators.registry import build

_TEXT: Any = "text"  # a comparator by its name
_PROSE = "prose"
_WORDING = frozenset({"text", "exact"})
_READING = frozenset({"judge", "semantic"})
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "JSON": {"response_format": False},  # nobody gave a schema to check it by, which would take a process of its own
    "Python": {"language": "python"},  # takes no extra
}


class AutoOptions(ComparatorOptions):
    """Options of ``auto``."""

    prose: Nested = Field(_TEXT, validate_default=True, description="the comparator of prose")


class _Taken:
    """What a row takes: its comparator, or the same wording where that cannot be had."""

    def __init__(self, row: Row, prose: Comparator) -> None:
        self.detail: dict[str, Any] = {}
        try:
            self.comparator = prose if row.because == _PROSE else build(row.use, _OPTIONS.get(row.because, {}))
        except ComparatorError as error:
            self.comparator = build(_TEXT, {"agree_at": 1.0})  # nearly the same query is another one
            self.detail = {"instead_of": row.use, "lacking": str(error)}
        self.detail = {"use": self.comparator.name, "because": row.because, **self.detail}
        self.by_wording = row.because == _PROSE and self.comparator.name == _TEXT


class Auto(Using):
    """Agreement is what the comparator says that suits what the request asks for and the teacher answered."""

    name = "auto"
    version = "4"
    # Each comparator that it takes runs where that has to; what is large it reads beside the event loop.
    runs: Runs = "awaited"
    Options = AutoOptions
    options: AutoOptions

    def __init__(self, options: AutoOptions | None = None) -> None:
        options = options or AutoOptions()
        self._taken = {row.because: _Taken(row, options.prose.comparator) for row in TABLE}
        super().__init__(options, (taken.comparator for taken in self._taken.values()))

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        return compared(self._steps(request, teacher, student), request)

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:
        return await asked(self._steps(request, teacher, student), request, run, teacher, student)

    def _steps(self, request: Request, teacher: Answer, student: Answer) -> Steps[Score]:
        wanted, given = Side(request, teacher), Side(request, student)
        row = row_for(wanted)
        taken = self._taken[row.because]
        if _say_the_same(teacher, student):
            return Score(score=1.0, agree=True, detail=taken.detail)
        if teacher.embeddings is None and student.embeddings is None:
            decided = decided_by_refusal(teacher, student)
            if decided is not None:
                refusing = {"use": "refusal", "because": "a refusal", "detail": decided.detail}
                return msgspec.structs.replace(decided, detail=refusing)
        kinds = other_form(row, wanted, given)
        if kinds:
            return Score(
                score=0.0,
                agree=False,
                kinds=kinds,
                detail=taken.detail | {"teacher": _shown(wanted), "student": _shown(given)},
            )
        sides = (teacher, student) if row.texts is None else map(_saying, row.texts(wanted, given))
        score = yield Question(taken.comparator, *sides)
        if score.agree and taken.by_wording and turns(wanted.form.text, given.form.text):
            shown = {"teacher": _shown(wanted), "student": _shown(given)}
            score = Score(score=0.0, agree=False, kinds=("meaning",), detail=shown)
        return msgspec.structs.replace(score, detail=taken.detail | {"detail": score.detail})


def by_wording(comparator: Comparator) -> bool:
    """Whether prose could agree by what it shares of its words alone: ``auto`` has it, and no model is asked."""
    if isinstance(comparator, Auto):
        return set(_leaves(comparator.options.prose.comparator)) <= _WORDING
    if isinstance(comparator, AllOf) and not _READING.isdisjoint(_leaves(comparator)):
        return False  # all must agree: one that reads is enough
    used: Sequence[Comparator] = getattr(comparator, "used", ())
    return any(map(by_wording, used))


def _leaves(comparator: Comparator) -> list[str]:
    used: Sequence[Comparator] = getattr(comparator, "used", ())
    return [name for each in used for name in _leaves(each)] if used else [comparator.name]


def _say_the_same(teacher: Answer, student: Answer) -> bool:
    if (teacher.content, teacher.refusal, teacher.embeddings) != (student.content, student.refusal, student.embeddings):
        return False
    ours, theirs = ([(call.name, call.arguments) for call in side.tool_calls] for side in (teacher, student))
    return ours == theirs


def _saying(text: str) -> Answer:
    return Answer(content=text)


def _shown(side: Side) -> str:
    """The answer for people."""
    answer = side.answer
    if answer.tool_calls:
        return short(" ".join(f"{call.name}({call.arguments})" for call in answer.tool_calls))
    if answer.embeddings is not None:
        return "embeddings"
    return short(side.form.text)
