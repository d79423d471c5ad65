"""``by_field``: which comparator, by what the request is."""

from __future__ import annotations

import fnmatch
from typing import Any, Literal, NamedTuple, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from comparators.base import Answer, Comparator, ComparatorError, ComparatorOptions, Request, Run, Runs, Score
from comparators.nesting.options import Nested, runs_of
from comparators.nesting.questions import Question, Steps, asked, compared
from comparators.nesting.using import Using
from comparators.structured.paths import Path, Wild, pattern
from comparators.structured.schema import asked_of
from comparators.structured.tool_schemas import declared

_AUTO: Any = "auto"  # a comparator by its name


class When(BaseModel):
    """What a request must be: all that is given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    surface: Literal["chat/completions", "completions", "responses", "embeddings"] | None = Field(
        None, description="the kind of request"
    )
    model: str | None = Field(None, min_length=1, description="glob: the model that is asked for")
    has_tools: bool | None = Field(None, description="whether it declares tools")
    has_schema: bool | None = Field(None, description="whether it asks for JSON, with a schema or without")
    body: dict[str, str | bool | int | float | None] = Field(
        {}, description="values by their path in the request body, texts as globs: `{metadata.task: 'triage*'}`"
    )

    @field_validator("body")
    @classmethod
    def _are_paths(cls, body: dict[str, Any]) -> dict[str, Any]:
        for path in body:
            if any(isinstance(step, Wild) for step in pattern(path)):
                raise ValueError(f"{path!r} must lead to one value; a glob may stand in the value")
        return body

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("says nothing; what holds for all other requests is `otherwise`")
        return self


class Case(Nested):
    """A comparator, with its options beside these keys, and which requests it is for."""

    when: When


class ByFieldOptions(ComparatorOptions):
    """Options of ``by_field``."""

    cases: list[Case] = Field(
        min_length=1, description="`{when: {…}, use: …}`: the first whose `when` holds has the request"
    )
    otherwise: Nested = Field(_AUTO, validate_default=True, description="the comparator of all other requests")


class _Prepared(NamedTuple):
    when: When
    body: tuple[tuple[Path, Any], ...]
    comparator: Comparator


class ByField(Using):
    """Agreement is what the comparator says that the request's own fields choose."""

    name = "by_field"
    version = "1"
    Options = ByFieldOptions
    options: ByFieldOptions

    def __init__(self, options: ByFieldOptions) -> None:
        self._otherwise = options.otherwise.comparator
        self._cases = [
            _Prepared(case.when, tuple((_path(path), value) for path, value in case.when.body.items()), case.comparator)
            for case in options.cases
        ]
        super().__init__(options, (*(case.comparator for case in self._cases), self._otherwise))
        self.be_like_them(frozenset.union(*(each.surfaces for each in self.used)))
        # Each is run where it has to be: a request that goes to a light one pays for no other.
        self.runs: Runs = "light" if runs_of(self.used) == "light" else "awaited"

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        return compared(self._steps(request, teacher, student), request)

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:
        return await asked(self._steps(request, teacher, student), request, run, teacher, student)

    def _steps(self, request: Request, teacher: Answer, student: Answer) -> Steps[Score]:
        holding = (number for number, case in enumerate(self._cases) if _holds(case, request))
        number = next(holding, None)
        comparator = self._otherwise if number is None else self._cases[number].comparator
        if request.surface not in comparator.surfaces:
            raise ComparatorError(f"{comparator.name} does not compare answers of {request.surface}")
        score = yield Question(comparator, teacher, student)
        chosen = {"use": comparator.name, "case": "otherwise" if number is None else number + 1}
        return msgspec.structs.replace(score, detail=chosen | {"detail": score.detail})


def _path(text: str) -> Path:
    return tuple(step for step in pattern(text) if not isinstance(step, Wild))


def _holds(case: _Prepared, request: Request) -> bool:
    when = case.when
    return (
        when.surface in (None, request.surface)
        and (when.model is None or _is_like(request.body.get("model"), when.model))
        and (when.has_tools is None or when.has_tools == bool(declared(request)))
        and (when.has_schema is None or when.has_schema == (asked_of(request) is not None))
        and all(_is_like(_at(request.body, path), value) for path, value in case.body)
    )


def _at(value: Any, path: Path) -> Any:
    """What stands there; None where nothing does."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value


def _is_like(value: Any, wanted: str | bool | float | None) -> bool:
    if isinstance(wanted, str):
        return isinstance(value, str) and fnmatch.fnmatchcase(value, wanted)
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)
