"""``tool_calls``: the same tools called with the same arguments."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import Field

from comparators.base import TEXT_SURFACES, Answer, Comparator, Request, Run, Runs, Score
from comparators.nesting.options import Nested, runs_of
from comparators.nesting.questions import Question, Steps, asked, compared
from comparators.nesting.using import Using
from comparators.parts import decided_by_refusal
from comparators.structured import rules as json_rules
from comparators.structured.calls import ArgumentsValidity, CallRules, call_steps
from comparators.structured.matching import HEAVY_WORK
from comparators.structured.rules import FieldOptions

_TEXT: Any = "text"  # a comparator by its name


class ToolCallsOptions(FieldOptions):
    """Options of ``tool_calls``. Paths begin with the tool's name: ``search.query``."""

    ordered: bool = Field(False, description="the calls of one answer must come in the teacher's order")
    defaults: bool = Field(True, description="an argument left out is the `default` of the tool's schema")
    check_arguments: bool = Field(True, description="arguments must follow the schema that the request declares")
    words: bool = Field(False, description="words beside calls are compared too, by `otherwise`")
    otherwise: Nested = Field(
        _TEXT, validate_default=True, description="the comparator of answers where neither side calls a tool"
    )


class ToolCalls(Using):
    """The score is the share of tool names and arguments that are equal, calls matched best first."""

    name = "tool_calls"
    version = "3"
    Options = ToolCallsOptions
    options: ToolCallsOptions

    def __init__(self, options: ToolCallsOptions | None = None) -> None:
        options = options if options is not None else ToolCallsOptions()
        self._otherwise = options.otherwise.comparator
        super().__init__(options, [self._otherwise, *json_rules.comparators_of(options.rules)])
        self._rules = CallRules(
            start=json_rules.start(options),
            null_is_missing=options.null_is_missing,
            defaults=options.defaults,
            ordered=options.ordered,
            validity=ArgumentsValidity() if options.check_arguments else None,
            work=HEAVY_WORK,
        )
        self.be_like_them(TEXT_SURFACES)
        if options.ordered or json_rules.matches_arrays(options):
            self.symmetric = False
        # Matching many calls takes more than a look, and a schema may take any time.
        self.runs: Runs = "awaited" if runs_of(self.used) == "awaited" else "heavy"

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        return compared(self._steps(request, teacher, student), request)

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:
        return await asked(self._steps(request, teacher, student), request, run, teacher, student)

    def _steps(self, request: Request, teacher: Answer, student: Answer) -> Steps[Score]:
        decided = decided_by_refusal(teacher, student)
        if decided is not None:
            return decided
        teacher, student = (self._with_calls_that_count(side) for side in (teacher, student))
        if not teacher.tool_calls and not student.tool_calls:
            return _by_other(self._otherwise, (yield Question(self._otherwise, teacher, student)))
        score = yield from call_steps(request, teacher, student, self._rules)
        if score.agree and self.options.words and (teacher.content or student.content):
            said = yield Question(self._otherwise, *(Answer(content=side.content) for side in (teacher, student)))
            return _by_other(self._otherwise, said)
        return score

    def _with_calls_that_count(self, answer: Answer) -> Answer:
        start = self._rules.start
        calls = tuple(call for call in answer.tool_calls if not start.step(call.name).settings.ignore)
        return answer if len(calls) == len(answer.tool_calls) else msgspec.structs.replace(answer, tool_calls=calls)


def _by_other(comparator: Comparator, score: Score) -> Score:
    """Another comparator's word, with its name."""
    return msgspec.structs.replace(score, detail={"use": comparator.name, "detail": score.detail})
