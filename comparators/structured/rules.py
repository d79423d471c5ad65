"""Rules by path: what of a JSON value is compared how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from comparators.base import TEXT_SURFACES, Comparator, ComparatorOptions
from comparators.nesting.options import Nested
from comparators.structured.dates import DateRule
from comparators.structured.paths import Pattern, Step, Wild, pattern

# What was worked out once is kept, up to here: patterns with many `**` may lead to any number of places.
_MOST_PLACES = 1_000


class Rule(BaseModel):
    """How the values at some paths are compared. Of several rules for a path the last one that says it counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(
        description="`id`, `customer.id`, `items[].id`, `items[0]`, `*.id` (any key), `**.id` (any depth)"
    )
    ignore: bool | None = Field(None, description="left out, with all that is under it")
    tolerance: float | None = Field(None, ge=0, allow_inf_nan=False, description="by how much equal numbers may differ")
    relative: float | None = Field(
        None, ge=0, lt=1, allow_inf_nan=False, description="the same, as a share of the larger number"
    )
    unordered: bool | None = Field(None, description="the order of the array does not matter")
    ignore_case: bool | None = Field(None, description="capital and small letters are the same")
    date: DateRule | None = Field(
        None, description="`day`: the same calendar day, `instant`: the same moment, however written"
    )
    compare: Nested | None = Field(None, description="a comparator for the value, with its options: `{use: text}`")

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        pattern(path)
        return path

    @field_validator("compare")
    @classmethod
    def _of_texts(cls, nested: Nested | None) -> Nested | None:
        if nested is not None and not nested.comparator.surfaces & TEXT_SURFACES:
            raise ValueError(f"comparator {nested.use!r} does not compare texts")
        return nested

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"path"}:
            raise ValueError(f"the rule lacks what holds at its path: {', '.join(list(Rule.model_fields)[1:])}")
        return self


class FieldOptions(ComparatorOptions):
    """Options of every comparator that compares JSON values field by field."""

    ignore: list[str] = Field([], description="paths left out of the comparison: `id`, `items[].id`, `*.created`")
    unordered: bool | list[str] = Field(
        False, description="`true`: the order of no array matters; or the paths of arrays whose order does not"
    )
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False, description="by how much equal numbers may differ")
    relative: float = Field(
        0.0, ge=0, lt=1, allow_inf_nan=False, description="the same, as a share of the larger number"
    )
    null_is_missing: bool = Field(False, description="a field that is null counts as one that is not there")
    rules: list[Rule] = Field([], description="how the values at some paths are compared")

    @field_validator("ignore", "unordered")
    @classmethod
    def _are_paths(cls, value: bool | list[str]) -> bool | list[str]:
        for path in value if isinstance(value, list) else ():
            pattern(path)
        return value


class Settings(NamedTuple):
    """What holds at one place."""

    ignore: bool = False
    tolerance: float = 0.0
    relative: float = 0.0
    unordered: bool = False
    ignore_case: bool = False
    date: DateRule | None = None
    compare: Comparator | None = None


class Place:
    """Where one is on the way into a value: what holds there, and where each step leads.

    Places are the states of an automaton that reads a path step by step and knows every rule that may still match.
    """

    __slots__ = ("_automaton", "_next", "_positions", "settings")

    default: Any = msgspec.UNSET  # what stands for a value that is not there

    def __init__(self, automaton: _Automaton, positions: frozenset[tuple[int, int]], settings: Settings) -> None:
        self._automaton = automaton
        self._positions = positions  # (rule, how many steps of its pattern are done)
        self._next: dict[Step | Wild, Place] = {}
        self.settings = settings

    def step(self, step: Step) -> Place:
        if not self._positions and self is self._automaton.elsewhere:
            return self
        known: Step | Wild = step
        if step not in self._automaton.named:
            known = Wild.KEY if isinstance(step, str) else Wild.INDEX
        place = self._next.get(known)
        if place is None:
            place = self._next[known] = self._automaton.after(self._positions, known)
        return place

    def tells_apart(self, ours: Any, theirs: Any) -> bool:  # noqa: ARG002 - a schema may not
        """Whether a text and the number or truth value that it spells are different here."""
        return True


class _Automaton:
    def __init__(self, rules: Sequence[tuple[Pattern, dict[str, Any]]], everywhere: Settings) -> None:
        self._rules = rules
        self._everywhere = everywhere
        self._places: dict[frozenset[tuple[int, int]], Place] = {}
        self.named = {step for steps, _ in rules for step in steps if not isinstance(step, Wild)}
        self.elsewhere = self._place(frozenset())
        self.start = self._place(self._closed((rule, 0) for rule in range(len(rules))))

    def after(self, positions: frozenset[tuple[int, int]], step: Step | Wild) -> Place:
        return self._place(self._closed(self._advanced(positions, step)))

    def _advanced(self, positions: Iterable[tuple[int, int]], step: Step | Wild) -> Iterable[tuple[int, int]]:
        any_of_its_kind = Wild.KEY if isinstance(step, str) or step is Wild.KEY else Wild.INDEX
        for rule, done in positions:
            steps = self._rules[rule][0]
            if done == len(steps):
                continue
            if steps[done] is Wild.DEEP:
                yield rule, done
            elif steps[done] in (step, any_of_its_kind):
                yield rule, done + 1

    def _closed(self, positions: Iterable[tuple[int, int]]) -> frozenset[tuple[int, int]]:
        closed = set()
        for rule, done in positions:
            steps = self._rules[rule][0]
            closed.add((rule, done))
            while done < len(steps) and steps[done] is Wild.DEEP:
                done += 1  # noqa: PLW2901 - no step at all is a depth too
                closed.add((rule, done))
        return frozenset(closed)

    def _place(self, positions: frozenset[tuple[int, int]]) -> Place:
        place = self._places.get(positions)
        if place is None:
            said: dict[str, Any] = {}
            for rule, done in sorted(positions):
                steps, says = self._rules[rule]
                if done == len(steps):
                    said |= says
            place = Place(self, positions, self._everywhere._replace(**said))
            if len(self._places) < _MOST_PLACES:
                self._places[positions] = place
        return place


def start(options: FieldOptions) -> Place:
    """The place of a whole value under these options."""
    unordered = options.unordered
    rules: list[tuple[Pattern, dict[str, Any]]] = [
        *((pattern(path), {"ignore": True}) for path in options.ignore),
        *((pattern(path), {"unordered": True}) for path in (unordered if isinstance(unordered, list) else ())),
        *((pattern(rule.path), _said(rule)) for rule in options.rules),
    ]
    everywhere = Settings(tolerance=options.tolerance, relative=options.relative, unordered=unordered is True)
    return _Automaton(rules, everywhere).start


def matches_arrays(options: FieldOptions) -> bool:
    """Whether there are arrays whose order does not matter: those take more than a look."""
    return bool(options.unordered) or any(rule.unordered for rule in options.rules)


def comparators_of(rules: Iterable[Rule]) -> list[Comparator]:
    """Every comparator that rules use."""
    return [rule.compare.comparator for rule in rules if rule.compare is not None]


def _said(rule: Rule) -> dict[str, Any]:
    said = {key: getattr(rule, key) for key in Settings._fields if getattr(rule, key) is not None}
    if rule.compare is not None:
        said["compare"] = rule.compare.comparator
    return said
