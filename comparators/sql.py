"""``sql``: the same query, once normalised, or one with the same result."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Runs, Score
from comparators.extras import need
from comparators.language.fences import blocks
from comparators.language.sequences import similarity
from comparators.parts import decided_by_form, differing, short
from comparators.source.database import Database, QueryFailedError, Result, check, fingerprint
from comparators.source.query import Query, read

_MOST_SHOWN = 3
_NEEDED = "comparator 'sql' parses with sqlglot"


class SqlOptions(ComparatorOptions):
    """Options of ``sql``."""

    dialect: str | None = Field(
        None, description="the database's dialect, as sqlglot calls it (`postgres`, `mysql`, `tsql`, …)"
    )
    agree_at: float = Field(1.0, gt=0, le=1, description="similarity from which on two queries agree")
    column_names: bool = Field(False, description="whether the names of the result's columns count too")
    database: Path | None = Field(None, description="SQLite file in which both are run; nothing may write to it")
    steps: int = Field(50_000_000, ge=1000, description="instructions of SQLite that a query may take there")
    rows: int = Field(10_000, ge=1, description="rows that a query may give there")
    seconds: float = Field(
        10.0, gt=0, le=3600, description="time that a query may take there; the pair is not scored if it takes longer"
    )

    @field_validator("dialect")
    @classmethod
    def _is_known(cls, dialect: str | None) -> str | None:
        if dialect is not None:
            need("sql", ["sqlglot"], so_that=_NEEDED)
            from sqlglot import Dialect

            known = sorted(name for name in Dialect.classes if name)
            if dialect not in known:
                raise ValueError(f"must be one of {', '.join(known)}")
        return dialect

    @field_validator("database")
    @classmethod
    def _is_readable(cls, database: Path | None) -> Path | None:
        problem = check(database) if database is not None else None
        if problem is not None:
            raise PydanticCustomError("database", "must be a SQLite file that can be read: {why}", {"why": problem})
        return database


class Sql(Comparator):
    """Agreement is the same query once normalised, or, in a database that is given, one with the same result."""

    name = "sql"
    version = "4"
    runs: Runs = "heavy"
    Options = SqlOptions
    options: SqlOptions

    def __init__(self, options: SqlOptions | None = None) -> None:
        super().__init__(options)
        need("sql", ["sqlglot"], so_that=_NEEDED)
        path = self.options.database
        self._database: Database | None = None
        if path is not None:
            options = self.options
            self._database = Database(path, steps=options.steps, rows=options.rows, seconds=options.seconds)
            self.version = f"{type(self).version}(database {fingerprint(path)})"
        self._dialect = self.options.dialect or ("sqlite" if path is not None else "")

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=False, request=request)
        if decided is not None:
            return decided
        wanted, given = (_sql_in(side.content or "") for side in (teacher, student))
        if wanted == given:  # would have done just as well, SQL or not
            return Score(score=1.0, agree=True)
        ours, theirs = (read(text, self._dialect, column_names=self.options.column_names) for text in (wanted, given))
        if ours.valid is theirs.valid is True and ours.tokens == theirs.tokens:
            return Score(score=1.0, agree=True, detail={"same": "query"})
        score, why = self._by_results(wanted, given, ours, theirs)
        return score if score is not None else self._by_queries(wanted, given, ours, theirs, why)

    def _by_queries(self, wanted: str, given: str, ours: Query, theirs: Query, why: dict[str, str]) -> Score:
        comparable = ours.valid is theirs.valid is True
        words: tuple[list[Hashable], ...] = (list(wanted.split()), list(given.split()))
        alike = similarity(*((ours.tokens, theirs.tokens) if comparable else words))
        kinds = tuple(
            kind
            for kind, query in (("teacher_invalid_format", ours), ("invalid_format", theirs))
            if query.valid is False
        )
        if alike >= self.options.agree_at and (not kinds or words[0] == words[1]):
            return Score(score=alike, agree=True, detail={"same": "query, nearly", **why})
        detail = {"teacher": short(wanted), "student": short(given), **why}
        return Score(score=alike, agree=False, kinds=kinds or ("query_changed",), detail=detail)

    def _by_results(self, wanted: str, given: str, ours: Query, theirs: Query) -> tuple[Score | None, dict[str, str]]:
        """The score by what the database gives; None, and why, where it cannot tell."""
        if self._database is None:
            return None, {}
        try:
            expected = self._database.run(wanted)
        except QueryFailedError as error:
            return None, {"not_run": short(f"the teacher's: {error}")}
        try:
            found = self._database.run(given)
        except QueryFailedError as error:
            kind = "invalid_format" if theirs.valid is False else "result_changed"
            return differing(kind, short(wanted), short(given), error=short(str(error))), {}
        is_ordered = ours.is_ordered or (not ours.valid and "order by" in wanted.casefold())
        alike = _similarity(expected, found, is_ordered=is_ordered, column_names=self.options.column_names)
        counts = {"teacher": len(expected.rows), "student": len(found.rows)}
        if alike == 1 and not expected.rows:
            return None, {"not_told": "both results are empty, which many queries are"}
        if alike == 1:
            return Score(score=1.0, agree=True, detail={"same": "result", "rows": counts["teacher"]}), {}
        detail = {"rows": counts, "lacking": _only_in(expected, found), "added": _only_in(found, expected)}
        return differing("result_changed", short(wanted), short(given), score=alike, **detail), {}


def _sql_in(text: str) -> str:
    """The SQL that an answer consists of or carries in fenced blocks."""
    found = blocks(text)
    inside = [block.text for block in found if "sql" in block.language]
    inside = inside or [block.text for block in found if not block.language]
    return "\n;\n".join(each.strip().rstrip(";") for each in inside or [text])


def _similarity(expected: Result, found: Result, *, is_ordered: bool, column_names: bool) -> float:
    """The share of rows that both have, of the rows of both; 1 for equal results alone."""
    if len(expected.columns) != len(found.columns) or (column_names and _folded(expected) != _folded(found)):
        return 0.0
    if is_ordered:
        return similarity(list(expected.rows), list(found.rows))
    ours, theirs = expected.counted(), found.counted()
    total = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / total if total else 1.0


def _folded(result: Result) -> list[str]:
    return [column.casefold() for column in result.columns]


def _only_in(one: Result, other: Result) -> list[str]:
    rest = one.counted() - other.counted()
    return [short(str(row)) for _, row in zip(range(_MOST_SHOWN), rest.elements(), strict=False)]
