"""The table of ``auto``: what the request asks for and the teacher answered, and which comparator that takes.

Rows are tried in their order.  The student's answer chooses nothing; it has to keep the teacher's form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from comparators.auto_choice import announced, both, chosen
from comparators.auto_form import Form
from comparators.base import Answer, Request
from comparators.structured.schema import asked_of


class Side:
    """An answer, what it answers, and the form of its text."""

    def __init__(self, request: Request, answer: Answer) -> None:
        self.request = request
        self.answer = answer
        self.form = Form(answer.content or "")

    @property
    def says_nothing(self) -> bool:
        answer = self.answer
        return not (self.form.text or answer.tool_calls or answer.refusal) and answer.embeddings is None


class Row(NamedTuple):
    """A row of the table."""

    because: str  # what is asked for or answered
    use: str  # the comparator, by its name
    fits: Callable[[Side], bool]  # whether the row is for this answer of the teacher's
    kept: Callable[[Side, Side], bool] = lambda _, __: True  # whether the student (second) keeps the teacher's form
    texts: Callable[[Side, Side], tuple[str, str]] | None = None  # what is compared, where that is not the answers


def row_for(teacher: Side) -> Row:
    """The first row that fits."""
    return next(row for row in TABLE if row.fits(teacher))


def other_form(row: Row, teacher: Side, student: Side) -> tuple[str, ...]:
    """The kinds of disagreement of a student that answers in another form; none where it keeps the teacher's."""
    if bool(teacher.answer.tool_calls) != bool(student.answer.tool_calls):
        return ("not_called" if teacher.answer.tool_calls else "called", "other_form")
    if student.says_nothing and not teacher.says_nothing:
        return ("empty", "other_form")
    same = (teacher.answer.embeddings is None) == (student.answer.embeddings is None) and row.kept(teacher, student)
    return () if same else ("other_form",)


def _keeps_json(teacher: Side, student: Side) -> bool:
    if teacher.form.json == "bare":
        return student.form.json == "bare"
    return bool(student.form.json) or not teacher.form.json  # what is no JSON itself asks for none


def _keeps_number(teacher: Side, student: Side) -> bool:
    """A number alone, a percentage like the teacher's, and in the same currency where both name one."""
    ours, theirs = teacher.form.number, student.form.number
    if theirs is None or (ours == "%") != (theirs == "%"):
        return False
    return ours == theirs or not (ours and theirs)


def _keeps_measure(teacher: Side, student: Side) -> bool:
    """A percentage like the teacher's, and of the same unit, currency and variable where both name one."""
    ours, theirs = teacher.form.measure, student.form.measure
    if ours is not None and theirs is not None:
        if ours.percent != theirs.percent:
            return False
        named = ((ours.unit, theirs.unit), (ours.currency, theirs.currency), (ours.name, theirs.name))
        if any(one and other and one != other for one, other in named):
            return False
    return _keeps_prose(teacher, student)


def _chosen(teacher: Side, student: Side) -> tuple[str, str]:
    wanted, given = chosen(teacher.form), chosen(student.form)
    return both(wanted, given) if wanted and given else ("", "")


def _keeps_label(teacher: Side, student: Side) -> bool:
    return student.form.is_label(student.request, teacher.form.words or 0)


def _keeps_code(teacher: Side, student: Side) -> bool:
    return bool(student.form.fences) or not teacher.form.fences


def _keeps_sql(teacher: Side, student: Side) -> bool:
    return student.form.is_sql and student.form.is_mostly_fenced == teacher.form.is_mostly_fenced


def _keeps_prose(teacher: Side, student: Side) -> bool:
    code_alone = student.form.is_one_fence and student.form.is_code and not teacher.form.fences
    return student.form.json != "bare" and not code_alone


TABLE: tuple[Row, ...] = (
    Row(
        "embeddings",
        "embedding",
        lambda teacher: teacher.request.surface == "embeddings" or teacher.answer.embeddings is not None,
    ),
    Row("tools called", "tool_calls", lambda teacher: bool(teacher.answer.tool_calls)),
    Row("nothing said", "exact", lambda teacher: teacher.says_nothing, lambda _, student: student.says_nothing),
    Row("JSON asked for", "json", lambda teacher: asked_of(teacher.request) is not None, _keeps_json),
    Row("JSON", "json", lambda teacher: bool(teacher.form.json), _keeps_json),
    Row("SQL", "sql", lambda teacher: teacher.form.is_sql, _keeps_sql),
    Row("Python", "code", lambda teacher: teacher.form.is_python, _keeps_code),
    Row("code", "code", lambda teacher: teacher.form.is_code, _keeps_code),
    Row("a number", "number", lambda teacher: teacher.form.number is not None, _keeps_number),
    Row("a number announced", "number", lambda teacher: teacher.form.announces_number, _keeps_measure),
    Row(
        "a choice announced",
        "label",
        lambda teacher: announced(teacher.form) is not None,
        lambda _, student: chosen(student.form) is not None,
        _chosen,
    ),
    Row("a label", "label", lambda teacher: teacher.form.is_label(teacher.request), _keeps_label),
    Row("prose", "text", lambda _: True, _keeps_prose),
)
