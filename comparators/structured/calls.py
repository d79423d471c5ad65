"""Comparing the tool calls of two answers: which calls meet, and how their arguments differ."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from comparators.base import Answer, Request, Score, ToolCall
from comparators.language.words import short
from comparators.nesting.questions import Question, Steps, compared
from comparators.structured import rules as json_rules
from comparators.structured import tool_schemas
from comparators.structured.differences import Difference, HowDifferent, Open, differences, leaves
from comparators.structured.matching import LIGHT_WORK, Matching
from comparators.structured.rules import FieldOptions
from comparators.structured.schema import UnusableSchemaError, problem_with
from comparators.structured.tally import Tally
from comparators.structured.text import NoJsonError, parse_json
from comparators.structured.tool_schemas import Tool, declared
from comparators.structured.validity import Validity

_KINDS: Mapping[HowDifferent, str] = {
    "missing": "argument_missing",
    "invented": "argument_invented",
    "changed": "argument_changed",
    "type_changed": "argument_changed",
}
_INVALID = {"teacher": "teacher_invalid_format", "student": "arguments_invalid"}
_MOST_SHOWN = 10
_PLAIN = json_rules.start(FieldOptions())


class _Call(NamedTuple):
    at: int  # which of its answer's calls
    name: str
    arguments: Any  # read from JSON, or the text as it is
    problem: str = ""  # why it could not be read

    @property
    def is_json(self) -> bool:
        return not self.problem


class ArgumentsValidity(Validity):
    """Agreement is that the calls of both follow their tools' schemas, or of neither."""

    name = "arguments_validity"
    version = "1"
    kinds = _INVALID

    def problem(self, request: Request, answer: Answer) -> dict[str, str]:
        """What is wrong with which call by its tool's schema. Schemas that cannot be used say nothing."""
        tools = declared(request)
        problems = {}
        for call in _read(answer, tools):
            tool = tools.get(call.name, Tool())
            if tool.schema is None or tool.custom or not call.is_json:
                continue
            try:
                problem = problem_with(call.arguments, tool.schema)
            except UnusableSchemaError:
                continue
            if problem is not None:
                problems[str(call.at)] = problem
        return problems


class CallRules(NamedTuple):
    """How calls are compared."""

    start: json_rules.Place = _PLAIN  # of the rules, whose paths begin with the tool's name
    null_is_missing: bool = False
    defaults: bool = True  # an argument left out is what its schema says it is then
    ordered: bool = False
    validity: ArgumentsValidity | None = None
    work: int = LIGHT_WORK


def plainly_compared(request: Request | None, teacher: Answer, student: Answer) -> Score:
    """What is said of the calls of two answers, of which one has some, where nothing is configured."""
    request = request or Request(surface="chat/completions", body={})
    return compared(call_steps(request, teacher, student, CallRules()), request)


def call_steps(request: Request, teacher: Answer, student: Answer, rules: CallRules) -> Steps[Score]:
    """Compare the calls of two answers, of which one has some."""
    sides = {"teacher": _shown(teacher), "student": _shown(student)}
    if not teacher.tool_calls or not student.tool_calls:
        kind = "not_called" if teacher.tool_calls else "called"
        return Score(score=0.0, agree=False, kinds=(kind,), detail=sides)
    if _written(teacher) == _written(student):
        return Score(score=1.0, agree=True, detail={"calls": len(teacher.tool_calls)})
    comparison = _Comparison(declared(request), rules)
    invalid: dict[str, dict[str, str]] = {}
    if rules.validity is not None:
        invalid = (yield Question(rules.validity, teacher, student)).detail
    tally = yield from comparison.steps(teacher, student, invalid)
    agree = tally.equal == tally.fields
    return Score(
        score=tally.score,
        agree=agree,
        kinds=() if agree else tuple(sorted(tally.kinds)),
        detail={"calls": len(teacher.tool_calls)} if agree else sides | tally.detail(),
    )


class _Comparison:
    def __init__(self, tools: Mapping[str, Tool], rules: CallRules) -> None:
        self._tools = tools
        self._rules = rules
        self._matching = Matching(null_is_missing=rules.null_is_missing, work=rules.work)
        self._places: dict[str, tool_schemas.Place] = {}

    def steps(self, teacher: Answer, student: Answer, invalid: Mapping[str, Mapping[str, str]]) -> Steps[Tally]:
        ours, theirs = (_read(side, self._tools) for side in (teacher, student))
        met = sorted(self._met(ours, theirs))
        tally = Tally()
        for wanted, given in met:
            yield from self._pair(wanted, given, invalid, tally)
        self._lone(ours, {wanted.at for wanted, _ in met}, "teacher", tally)
        self._lone(theirs, {given.at for _, given in met}, "student", tally)
        if self._rules.ordered:
            moved = len(met) - _longest_in_order([given.at for _, given in met])
            if moved:
                tally.different("tools_reordered", moved, partial(_in_order, met))
        return tally

    def _met(self, ours: Sequence[_Call], theirs: Sequence[_Call]) -> Iterator[tuple[_Call, _Call]]:
        """Which call meets which: those of one tool, best first."""
        calling, called = _by_tool(ours), _by_tool(theirs)
        for name in sorted(calling.keys() & called.keys()):  # whoever is the teacher, the work goes to the same
            wanted, given = calling[name], called[name]
            places = [self._place(name)] * max(len(wanted), len(given))
            values = [[call.arguments for call in side] for side in (wanted, given)]
            for i, j in self._matching.pairs(values[0], values[1], places):
                yield wanted[i], given[j]

    def _pair(self, wanted: _Call, given: _Call, invalid: Mapping[str, Mapping[str, str]], tally: Tally) -> Steps[None]:
        place = self._place(wanted.name)
        problems: dict[str, str] = {}
        for side, call, other in (("teacher", wanted, given), ("student", given, wanted)):
            if not call.is_json and (other.is_json or wanted.name in self._tools):
                problems[side] = call.problem
            elif str(call.at) in invalid.get(side, {}):
                problems[side] = invalid[side][str(call.at)]
        before = tally.equal, tally.fields
        if wanted.is_json == given.is_json:
            yield from tally.count(self._differences(wanted, given), _KINDS, call=short(wanted.name))
        else:
            tally.fields += leaves((wanted if wanted.is_json else given).arguments, place)
        differ = tally.fields - before[1] != tally.equal - before[0]
        # Arguments that are invalid on one side alone make two calls, whatever the rules leave out.
        if len(problems) == 1 or (problems and differ):
            for fields, (side, problem) in zip((1, 0), problems.items(), strict=False):
                kind = _INVALID[side]
                tally.different(kind, fields, partial(dict, {"call": short(wanted.name), "kind": kind, side: problem}))
        else:
            tally.same()

    def _differences(self, wanted: _Call, given: _Call) -> Iterator[Difference | Open | None]:
        return differences(
            wanted.arguments,
            given.arguments,
            self._place(wanted.name),
            null_is_missing=self._rules.null_is_missing,
            aligned=self._matching.aligned,
        )

    def _lone(self, calls: Sequence[_Call], met: set[int], side: str, tally: Tally) -> None:
        kind = "tool_missing" if side == "teacher" else "tool_extra"
        for call in calls:
            if call.at not in met:
                fields = 1 + leaves(call.arguments, self._place(call.name))
                tally.different(kind, fields, partial(dict, {"call": short(call.name), "kind": kind}))

    def _place(self, name: str) -> tool_schemas.Place:
        place = self._places.get(name)
        if place is None:
            rules, tool = self._rules.start.step(name), self._tools.get(name, Tool())
            place = tool_schemas.start(rules, tool.schema, with_defaults=self._rules.defaults)
            self._places[name] = place
        return place


def _read(answer: Answer, tools: Mapping[str, Tool]) -> list[_Call]:
    return [_call(at, call, tools.get(call.name, Tool())) for at, call in enumerate(answer.tool_calls)]


def _call(at: int, call: ToolCall, tool: Tool) -> _Call:
    if tool.custom:
        return _Call(at, call.name, call.arguments)  # whatever it is, it is as asked for
    try:
        return _Call(at, call.name, parse_json(call.arguments.strip() or "{}"))
    except NoJsonError as error:
        return _Call(at, call.name, call.arguments, str(error))


def _by_tool(calls: Sequence[_Call]) -> dict[str, list[_Call]]:
    by_tool: dict[str, list[_Call]] = {}
    for call in calls:
        by_tool.setdefault(call.name, []).append(call)
    return by_tool


def _longest_in_order(numbers: Sequence[int]) -> int:
    """How many of these numbers, at most, stand in ascending order."""
    ends: list[int] = []  # the least number that a run of each length ends in
    for number in numbers:
        at = bisect_left(ends, number)
        ends[at : at + 1] = [number]
    return len(ends)


def _in_order(met: Sequence[tuple[_Call, _Call]]) -> dict[str, Any]:
    given = sorted(given for _, given in met)
    sides = {"teacher": [wanted.name for wanted, _ in met], "student": [call.name for call in given]}
    shown = {side: [short(name) for name in names[:_MOST_SHOWN]] for side, names in sides.items()}
    return {"kind": "tools_reordered", **shown}


def _written(answer: Answer) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in answer.tool_calls]


def _shown(answer: Answer) -> Any:
    """The calls for people, or the words where there is none."""
    if not answer.tool_calls:
        return short(answer.content or "")
    return [short(f"{call.name}({call.arguments})") for call in answer.tool_calls[:_MOST_SHOWN]]
