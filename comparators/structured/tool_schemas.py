"""What a request declares of its tools, and what their schemas say of each place in the arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from comparators.base import Request
from comparators.structured import rules as json_rules
from comparators.structured.differences import NOTHING
from comparators.structured.paths import Step

_MOST_NODES = 32  # parts of a schema that hold at one place; those may refer to each other for ever
_MOST_NAMESPACES = 3  # tools within tools within tools
_IN_PLACE = ("allOf", "anyOf", "oneOf")


class Tool(NamedTuple):
    """A tool that may be called."""

    schema: Any = None  # JSON Schema of its arguments; None where it declares none
    custom: bool = False  # called with a text, not with JSON


def declared(request: Request) -> dict[str, Tool]:
    """The tools of a request by name, on every surface; what has not their shape is left out."""
    functions = request.body.get("functions")  # the older form of chat completions
    old = [{"type": "function", "function": each} for each in functions] if isinstance(functions, list) else []
    return dict(_tools([*old, *_list(request.body.get("tools"))], _MOST_NAMESPACES))


def _tools(tools: Iterable[Any], depth: int) -> Iterator[tuple[str, Tool]]:
    for tool in tools:
        if not isinstance(tool, dict):
            continue
        kind = tool.get("type")
        said = tool.get(kind, tool) if isinstance(kind, str) else tool  # chat completions say it one level deeper
        if not isinstance(said, dict):
            continue
        if depth and "tools" in tool:
            yield from _tools(_list(tool["tools"]), depth - 1)
        elif isinstance(said.get("name"), str):
            yield said["name"], Tool(schema=said.get("parameters"), custom=kind == "custom")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class Place:
    """A place in the arguments of a tool: what the rules say of it, and what the tool's schema does."""

    __slots__ = ("_first_items", "_next", "_nodes", "_place", "_root", "_with_defaults", "default", "settings")

    def __init__(
        self, place: json_rules.Place, nodes: Iterable[Any], root: Any, *, with_defaults: bool, is_root: bool = False
    ) -> None:
        self.settings = place.settings
        self._place = place
        self._root = root
        self._nodes = _holding(nodes, root)
        self._first_items = max((len(_list(node.get("prefixItems"))) for node in self._nodes), default=0)
        self._next: dict[tuple[json_rules.Place, Step | None], Place] = {}
        self._with_defaults = with_defaults
        said = (node["default"] for node in self._nodes if "default" in node) if with_defaults and not is_root else ()
        self.default: Any = next(iter(said), NOTHING)

    def step(self, step: Step) -> Place:
        rules = self._place.step(step)
        if rules is self._place and not self._nodes:
            return self
        known = (rules, self._told_apart(step))
        place = self._next.get(known)
        if place is None:
            nodes = [below for node in self._nodes for below in _below(node, step)]
            place = self._next[known] = Place(rules, nodes, self._root, with_defaults=self._with_defaults)
        return place

    def _told_apart(self, step: Step) -> Step | None:
        """The step, or one that leads to the same; None is any key that the schema does not name."""
        if isinstance(step, int):
            return min(step, self._first_items)
        return step if any(step in _named(node) for node in self._nodes) else None

    def tells_apart(self, ours: Any, theirs: Any) -> bool:
        """Whether the schema allows one of both types here: where it says nothing, "5" is as good as 5."""
        types = {name for node in self._nodes for name in _types(node)}
        return bool(types) and _is_of(ours, types) != _is_of(theirs, types)


def start(place: json_rules.Place, schema: Any, *, with_defaults: bool) -> Place:
    """The place of all arguments of a tool."""
    return Place(place, (schema,), schema, with_defaults=with_defaults, is_root=True)


def _holding(nodes: Iterable[Any], root: Any) -> list[dict[str, Any]]:
    """These parts of a schema and those that hold at the same place: what they refer to, and their alternatives."""
    holding: list[dict[str, Any]] = []
    todo = list(nodes)
    for node in todo:  # grows on the way
        if len(holding) == _MOST_NODES:
            break
        if not isinstance(node, dict):
            continue
        holding.append(node)
        if "$ref" in node:
            todo.append(_referred(node["$ref"], root))
        for key in _IN_PLACE:
            todo.extend(_list(node.get(key))[:_MOST_NODES])
    return holding


def _referred(reference: Any, root: Any) -> Any:
    """What a reference within the schema refers to; None for any other."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _below(node: dict[str, Any], step: Step) -> Iterator[Any]:
    if isinstance(step, str):
        if step in _named(node):
            yield node["properties"][step]
        else:
            yield node.get("additionalProperties")
    else:
        first = _list(node.get("prefixItems"))
        yield first[step] if step < len(first) else node.get("items")


def _named(node: dict[str, Any]) -> dict[str, Any]:
    properties = node.get("properties")
    return properties if isinstance(properties, dict) else {}


def _types(node: dict[str, Any]) -> Iterator[str]:
    said = node.get("type")
    yield from (each for each in (said if isinstance(said, list) else [said]) if isinstance(each, str))
    values = [node["const"]] if "const" in node else _list(node.get("enum"))
    yield from (name for value in values for name in _names(value))


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("boolean",)
    if isinstance(value, int | float):
        return ("number", "integer")
    return ("string",) if isinstance(value, str) else ()


def _is_of(value: Any, types: set[str]) -> bool:
    return not types.isdisjoint(_names(value))
