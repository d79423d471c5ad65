"""``comparators``: what there is to compare by."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from comparators.base import Comparator

_WIDTH = 100  # columns
_TYPES = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "string": "text",
}
_BOUNDS = {
    "exclusiveMinimum": "more than {:g}",
    "minimum": "{:g} or more",
    "exclusiveMaximum": "less than {:g}",
    "maximum": "{:g} or less",
}


class Format(StrEnum):
    """How the list is written."""

    TEXT = "text"
    JSON = "json"


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(comparators)


def comparators(
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TEXT,
) -> None:
    """List the comparators and their options."""
    listed = list(_listed())
    if form is Format.JSON:
        print(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(map(_text, listed)))


def _listed() -> Iterator[dict[str, Any]]:
    from comparators.registry import available, names

    found = available()
    for name in names():
        yield _told(name, found[name]) if name in found else {"name": name, "error": _trouble(name)}


def _told(name: str, comparator: type[Comparator]) -> dict[str, Any]:
    runs, surfaces = _serving(name, comparator)
    return {
        "name": name,
        "description": (comparator.__doc__ or "").strip().partition("\n")[0],
        "version": comparator.version,
        "runs": runs,
        "surfaces": sorted(surfaces),
        "options": _options(comparator),
    }


def _serving(name: str, comparator: type[Comparator]) -> tuple[str | None, frozenset[str]]:
    """Where it runs and what it compares; without any options, if it can do without.

    None: that is for those to say that it uses.
    """
    from comparators.nesting.using import Using
    from comparators.registry import ComparatorError, build

    try:
        built = build(name, {})
    except ComparatorError:
        return None if issubclass(comparator, Using) else comparator.runs, comparator.surfaces
    return built.runs, built.surfaces


def _trouble(name: str) -> str:
    from comparators.registry import ComparatorError, build

    try:
        build(name, {})
    except ComparatorError as error:
        return " ".join(str(error).split())
    return ""


def _options(comparator: type[Comparator]) -> list[dict[str, Any]]:
    from pydantic.errors import PydanticUserError

    try:
        schema = comparator.Options.model_json_schema()
    except PydanticUserError:  # a type of somebody's own
        schema = {"properties": {name: {} for name in comparator.Options.model_fields}}
    needed = schema.get("required", [])
    return [
        {
            "name": name,
            "type": _type(option, schema.get("$defs", {})),
            "needed": name in needed,
            "default": option.get("default"),
            "description": option.get("description", ""),
        }
        for name, option in schema.get("properties", {}).items()
    ]


def _type(schema: dict[str, Any], named: dict[str, Any]) -> str:
    """What may be written there, in words."""
    if "$ref" in schema:
        return _type(named.get(schema["$ref"].rpartition("/")[2], {}), named)
    if "anyOf" in schema:
        words = [_type(each, named) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if "enum" in schema or "const" in schema:
        return " or ".join(map(str, schema.get("enum", [schema.get("const")])))
    word = _TYPES.get(schema.get("type", ""), "anything")
    if schema.get("type") == "array" and schema.get("items"):
        word = f"list of {_type(schema['items'], named)}".replace("list of mapping", "list of mappings")
    return ", ".join([word, *(said.format(schema[key]) for key, said in _BOUNDS.items() if key in schema)])


def _text(listed: dict[str, Any]) -> str:
    if "error" in listed:
        return "\n".join([listed["name"], *_indented(f"cannot be used: {listed['error']}", 2)])
    return "\n".join(
        [
            listed["name"],
            *_indented(listed["description"], 2),
            *_indented(f"Runs: {listed['runs'] or 'as what it uses'}. Surfaces: {', '.join(listed['surfaces'])}.", 2),
            *(line for option in listed["options"] for line in _option(option)),
        ]
    )


def _option(option: dict[str, Any]) -> Iterator[str]:
    default = option["default"]
    if option["needed"]:
        said = "; needed"
    elif default is None:
        said = ""
    else:
        said = f"; default {default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)}"
    yield from _indented(f"{option['name']}: {option['type']}{said}", 4)
    yield from _indented(option["description"], 8)


def _indented(text: str, by: int) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * by, subsequent_indent=" " * by, break_on_hyphens=False)
