"""``json``: the same fields with the same values, compared path by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, field_validator

from comparators.base import TEXT_SURFACES, Answer, ComparatorOptions, Request, Run, Runs, Score
from comparators.nesting.options import runs_of
from comparators.nesting.questions import Question, Steps, asked, compared
from comparators.nesting.using import Using
from comparators.parts import decided_by_form, normalised, short
from comparators.structured import rules as json_rules
from comparators.structured.differences import Difference, HowDifferent, Open, differences
from comparators.structured.matching import HEAVY_WORK, Matching
from comparators.structured.rules import FieldOptions
from comparators.structured.schema import UnusableSchemaError, asked_of, check, problem_with
from comparators.structured.tally import Tally
from comparators.structured.text import NoJsonError, find_json
from comparators.structured.validity import Validity

_KINDS: Mapping[HowDifferent, str] = {
    "missing": "field_missing",
    "invented": "field_invented",
    "changed": "field_changed",
    "type_changed": "field_type_changed",
}
_INVALID = {"teacher": "teacher_invalid_format", "student": "invalid_format"}


class SchemaOptions(ComparatorOptions):
    """Which schema an answer is to follow."""

    json_schema: dict[str, Any] | None = Field(
        None, description="a JSON Schema that answers are to follow, in place of the request's own"
    )
    response_format: bool = Field(
        True,
        description="answers are to follow the schema that the request asks for (`response_format`, `text.format`)",
    )

    @field_validator("json_schema")
    @classmethod
    def _is_usable(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            try:
                check(schema)
            except UnusableSchemaError as error:
                raise ValueError(f"the schema cannot be used: {error}") from None
        return schema


class JsonOptions(FieldOptions, SchemaOptions):
    """Options of ``json``."""

    agree_at: float = Field(1.0, gt=0, le=1, description="share of equal fields from which on two answers agree")


class JsonValidity(Validity):
    """Agreement is that both answers follow the schema, or neither."""

    name = "json_validity"
    version = "2"
    kinds = _INVALID
    Options = SchemaOptions
    options: SchemaOptions

    def problem(self, request: Request, answer: Answer) -> str | None:
        schema: Any = self.options.json_schema
        if schema is None and self.options.response_format:
            schema = asked_of(request)
        if schema is None:
            return None
        try:
            return problem_with(find_json(answer.content or ""), schema)
        except NoJsonError as error:
            return str(error)


class Json(Using):
    """The score is the share of fields (all that either side has) with equal values; 0 where one alone is invalid."""

    name = "json"
    version = "5"
    Options = JsonOptions
    options: JsonOptions

    def __init__(self, options: JsonOptions | None = None) -> None:
        options = options if options is not None else JsonOptions()
        super().__init__(options, json_rules.comparators_of(options.rules))
        self._start = json_rules.start(options)
        self._validity: JsonValidity | None = None
        if options.json_schema is not None or options.response_format:
            said = {key: getattr(options, key) for key in SchemaOptions.model_fields}
            self._validity = JsonValidity(SchemaOptions.model_construct(**said))
        if not self.used:
            self.version = type(self).version
        self.be_like_them(TEXT_SURFACES)
        self.runs: Runs = runs_of([*self.used, *([self._validity] if self._validity else ())])
        if json_rules.matches_arrays(options):
            self.symmetric = False
            self.runs = "heavy" if self.runs == "light" else self.runs

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        return compared(self._steps(request, teacher, student), request)

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:
        return await asked(self._steps(request, teacher, student), request, run, teacher, student)

    def _steps(self, request: Request, teacher: Answer, student: Answer) -> Steps[Score]:
        decided = decided_by_form(teacher, student, words_beside_calls=False, request=request)
        if decided is not None:
            return decided
        wanted, given = teacher.content or "", student.content or ""
        values: list[Any] = []
        lacking: dict[str, str] = {}
        for side, text in (("teacher", wanted), ("student", given)):
            try:
                values.append(find_json(text))
            except NoJsonError as error:
                lacking[side] = str(error)
        if lacking:
            return _without_json(wanted, given, lacking)
        tally = Tally()
        yield from tally.count(self._differences(*values), _KINDS)
        invalid: dict[str, str] = {}
        if self._validity is not None and wanted != given:
            invalid = (yield Question(self._validity, teacher, student)).detail
        return self._score(tally, invalid)

    def _differences(self, wanted: Any, given: Any) -> Iterator[Difference | Open | None]:
        null_is_missing = self.options.null_is_missing
        matching = Matching(null_is_missing=null_is_missing, work=HEAVY_WORK)
        return differences(wanted, given, self._start, null_is_missing=null_is_missing, aligned=matching.aligned)

    def _score(self, tally: Tally, invalid: dict[str, str]) -> Score:
        sides = [side for side in _INVALID if side in invalid]
        agree = tally.score >= self.options.agree_at and len(sides) != 1
        return Score(
            score=0.0 if len(sides) == 1 else tally.score,
            agree=agree,
            kinds=() if agree else tuple(sorted(tally.kinds | {_INVALID[side] for side in sides})),
            detail=tally.detail() | ({"schema": invalid} if invalid else {}),
        )


def _without_json(wanted: str, given: str, lacking: dict[str, str]) -> Score:
    if normalised(wanted) == normalised(given):  # word for word the same would have done, JSON or not
        return Score(score=1.0, agree=True)
    kinds = tuple(sorted(_INVALID[side] for side in lacking))
    detail = {"teacher": short(wanted), "student": short(given), "no_json": list(lacking), "problems": lacking}
    return Score(score=0.0, agree=False, kinds=kinds, detail=detail)
