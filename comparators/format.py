"""``format``: the student keeps the form that is asked for, wherever the teacher does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Runs, Score
from comparators.language import fences
from comparators.language.detection import LANGUAGES, language_of
from comparators.language.markdown_table import table_problem
from comparators.parts import decided_by_refusal, differing, normalised, short
from comparators.structured.schema import UnusableSchemaError, asked_of, check, problem_with
from comparators.structured.text import NoJsonError, parse_json

Form = Literal["asked", "json", "json_schema", "regex", "markdown_table", "language", "length"]
Problem = str | None  # what is wrong with an answer; None where nothing is
Check = Callable[[Request, str], Problem]
# Form: the options that are for it alone.
_OF_FORM = {
    "json_schema": {"json_schema"},
    "regex": {"pattern"},
    "markdown_table": {"columns"},
    "language": {"languages"},
    "length": {"unit", "least", "most"},
}
# What may take long, or needs a model that takes a second to load.
_HEAVY = frozenset({"asked", "json_schema", "regex", "language"})


class FormatOptions(ComparatorOptions):
    """Options of ``format``."""

    form: Form = Field(
        "asked",
        description="`json`, `json_schema`, `regex`, `markdown_table`, `language` or `length`; "
        "`asked` is the request's own `response_format`",
    )
    json_schema: dict[str, Any] | None = Field(None, description="the schema of form `json_schema`")
    pattern: str | None = Field(None, description="regular expression that the whole answer must match")
    columns: list[str] = Field([], description="names of the table's columns, in their order; any if there are none")
    languages: list[str] = Field([], description="ISO 639-1 codes of the languages allowed; the teacher's if none are")
    unit: Literal["characters", "words", "lines"] = Field("words", description="what `least` and `most` count")
    least: int | None = Field(None, ge=0, description="the shortest answer allowed")
    most: int | None = Field(None, ge=0, description="the longest answer allowed")
    fence: bool = Field(False, description="one code fence around the whole answer does not count")
    teacher_invalid: Literal["student_valid", "alike", "disagreement"] = Field(
        "student_valid",
        description="what agrees where the teacher's answer is not valid: a valid one (`student_valid`), "
        "an invalid one too and no other (`alike`), none (`disagreement`)",
    )

    @field_validator("languages")
    @classmethod
    def _are_known(cls, languages: list[str]) -> list[str]:
        unknown = [code for code in languages if code not in LANGUAGES]
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is none of the languages told apart: {' '.join(sorted(LANGUAGES))}")
        return languages

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    @field_validator("json_schema")
    @classmethod
    def _is_usable(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            if schema is not None:
                check(schema)
        except UnusableSchemaError as error:
            raise ValueError(f"cannot be used: {error}") from None
        return schema

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        own = _OF_FORM.get(self.form, set())
        for form, options in _OF_FORM.items():
            foreign = sorted(each for each in options - own if getattr(self, each) != _default(each))
            if foreign:
                raise ValueError(f"`{foreign[0]}` is for `form: {form}`")
        if self.form == "json_schema" and self.json_schema is None:
            raise ValueError("`form: json_schema` needs `json_schema`")
        if self.form == "regex" and self.pattern is None:
            raise ValueError("`form: regex` needs `pattern`")
        if self.form == "length":
            if self.least is None and self.most is None:
                raise ValueError("`form: length` needs `least`, `most` or both")
            if self.least is not None and self.most is not None and self.least > self.most:
                raise ValueError("`least` is more than `most`")
        return self


def _default(option: str) -> Any:
    return FormatOptions.model_fields[option].default


class Format(Comparator):
    """Agreement is a student's answer of the form asked for, wherever the teacher's has it."""

    name = "format"
    version = "2"
    Options = FormatOptions
    options: FormatOptions

    def __init__(self, options: FormatOptions | None = None) -> None:
        super().__init__(options)
        self.runs: Runs = "heavy" if self.options.form in _HEAVY else "light"
        self._check = _CHECKS[self.options.form](self.options)

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_refusal(teacher, student)
        if decided is not None:
            return decided
        if teacher.tool_calls or student.tool_calls:
            return _by_calls(teacher, student)
        wanted, given = (self._text(side) for side in (teacher, student))
        if self.options.form == "language" and not self.options.languages:
            return _same_language(wanted, given)
        ours = self._check(request, wanted)
        theirs = ours if wanted == given else self._check(request, given)
        return self._score(ours, theirs, same=normalised(wanted) == normalised(given))

    def _text(self, answer: Answer) -> str:
        text = (answer.content or "").strip()
        if self.options.fence:
            fenced = fences.only(text)
            return text if fenced is None else fenced
        return text

    def _score(self, ours: Problem, theirs: Problem, *, same: bool) -> Score:
        detail: dict[str, Any] = {"form": self.options.form}
        detail |= {side: "valid" if problem is None else problem for side, problem in _sides(ours, theirs)}
        if same or (ours is None and theirs is None):
            return Score(score=1.0, agree=True, detail=detail)
        if ours is not None:
            rule = self.options.teacher_invalid
            if (rule == "student_valid" and theirs is None) or (rule == "alike" and theirs is not None):
                return Score(score=1.0, agree=True, detail=detail)
        bad = "length" if self.options.form == "length" else "invalid_format"
        kinds = [kind for kind, problem in (("teacher_invalid_format", ours), (bad, theirs)) if problem is not None]
        return Score(score=0.0, agree=False, kinds=tuple(kinds), detail=detail)


def _sides(ours: Any, theirs: Any) -> tuple[tuple[str, Any], tuple[str, Any]]:
    return ("teacher", ours), ("student", theirs)


def _by_calls(teacher: Answer, student: Answer) -> Score:
    """Calls have no form of a text: whether there are any is all that counts here."""
    if bool(teacher.tool_calls) == bool(student.tool_calls):
        return Score(score=1.0, agree=True)
    kind = "not_called" if teacher.tool_calls else "called"
    return differing(kind, *("a call" if side.tool_calls else "words" for side in (teacher, student)))


def _same_language(wanted: str, given: str) -> Score:
    """Whatever is too short to tell is of any language."""
    ours, theirs = language_of(wanted), language_of(given)
    if ours == theirs or ours is None or theirs is None:
        return Score(score=1.0, agree=True, detail={"teacher": ours, "student": theirs})
    return differing("invalid_format", ours, theirs, form="language")


def _json_problem(text: str) -> tuple[Any, Problem]:
    try:
        return parse_json(text), None
    except NoJsonError as error:
        return None, str(error)


def _json(_options: FormatOptions) -> Check:
    return lambda _, text: _json_problem(text)[1]


def _json_schema(options: FormatOptions) -> Check:
    return lambda _, text: _schema_problem(text, options.json_schema)


def _schema_problem(text: str, schema: Any) -> Problem:
    value, problem = _json_problem(text)
    return problem if problem is not None else problem_with(value, schema)


def _asked(_options: FormatOptions) -> Check:
    def problem_in(request: Request, text: str) -> Problem:
        schema = asked_of(request)
        if schema is None:  # any form will do
            return None
        try:
            return _schema_problem(text, schema)
        except UnusableSchemaError:  # the model's server could use it, we cannot: that it is JSON is what can be told
            return _json_problem(text)[1]

    return problem_in


def _regex(options: FormatOptions) -> Check:
    pattern = re.compile(options.pattern or "")
    return lambda _, text: None if pattern.fullmatch(text) else short(f"no match: {text}")


def _table(options: FormatOptions) -> Check:
    return lambda _, text: _shortened(table_problem(text, options.columns))


def _language(options: FormatOptions) -> Check:
    def problem_in(_request: Request, text: str) -> Problem:
        found = language_of(text)
        return None if found is None or found in options.languages else found

    return problem_in


def _length(options: FormatOptions) -> Check:
    count: Callable[[str], int] = {
        "characters": len,
        "words": lambda text: len(text.split()),
        "lines": lambda text: len(text.splitlines()),
    }[options.unit]

    def problem_in(_request: Request, text: str) -> Problem:
        length = count(text)
        fits = (options.least or 0) <= length and (options.most is None or length <= options.most)
        return None if fits else f"{length} {options.unit}"

    return problem_in


def _shortened(problem: Problem) -> Problem:
    return None if problem is None else short(problem)


_CHECKS: dict[Form, Callable[[FormatOptions], Check]] = {
    "asked": _asked,
    "json": _json,
    "json_schema": _json_schema,
    "regex": _regex,
    "markdown_table": _table,
    "language": _language,
    "length": _length,
}
