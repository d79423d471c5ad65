"""Pydantic's errors, said so that a person knows what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.config.problems import Path, Problem, found
from proxy.config.schema import every_field, known_keys

_NEAR = 0.7
_TEXT = "must be text"

_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_type": lambda _: _TEXT,
    "string_too_short": lambda _: "must not be empty",
    "too_short": lambda context: f"must have {context['min_length']} or more entries",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be a mapping of keys",
    "model_type": lambda _: "must be a mapping of keys",
    "greater_than": lambda context: f"must be more than {context['gt']:g}",
    "greater_than_equal": lambda context: f"must be {context['ge']:g} or more",
    "less_than": lambda context: f"must be less than {context['lt']:g}",
    "less_than_equal": lambda context: f"must be {context['le']:g} or less",
    "literal_error": lambda context: f"must be {context['expected']}".replace("'", ""),
    "value_error": lambda context: str(context["error"]),
}

_PATTERNS: Mapping[str, str] = {
    "path": "must begin with / (or with *)",
    "store": "must be sqlite:///FILE",
    "header": "must be the name of a header",
}
_NAME_PATTERN = "must be letters, digits, dots, dashes and underscores, a letter or digit first"


def explain(error: ValidationError, written: Any) -> list[Problem]:
    """A problem for each thing that the models refuse; ``written`` is the value as it stands in the file."""
    return [_problem(detail, written) for detail in error.errors(include_url=False, include_input=False)]


def _problem(detail: ErrorDetails, written: Any) -> Problem:
    path, kind = _keys(detail["loc"]), detail["type"]
    if kind == "missing":
        return Problem(path=path, text="is needed")
    if kind == "extra_forbidden":
        path = (*_keys(detail["loc"][:-1]), detail["loc"][-1])  # what nobody knows may look like a branch
        return Problem(path=path, text=_unknown(path, detail["loc"]))
    if detail["loc"] and detail["loc"][-1] == "[key]":
        text = str(detail["ctx"]["error"]) if kind == "value_error" else _PATTERNS["header"]
        return Problem(path=path, text=text)
    value = _at(written, path)
    text = f"{_allowed(detail, path)}; found {found(path, value)}"
    if kind == "string_type" and isinstance(value, bool | int | float):
        text += ": put it in quotes"
    return Problem(path=path, text=text)


def _keys(location: tuple[int | str, ...]) -> Path:
    # Pydantic adds the branch of a union (tagged <…> in the models) and [key] to what are keys otherwise.
    return tuple(part for part in location if not (isinstance(part, str) and part[:1] in ("<", "[")))


def _allowed(detail: ErrorDetails, path: Path) -> str:
    if detail["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(str(path[-1]), _NAME_PATTERN)
    if detail["type"] in ("model_type", "dict_type") and "comparators" in path:
        return "must be a mapping such as {use: label}"
    if detail["type"] in _TEXTS:
        return _TEXTS[detail["type"]](detail.get("ctx", {}))
    return detail["msg"]


def _unknown(path: Path, location: tuple[int | str, ...]) -> str:
    key, known = str(path[-1]), known_keys(path[:-1])
    if key in known:  # of another form of the same mapping
        return f"cannot stand beside {str(location[-2]).strip('<>')}; give one of them"
    folded = {name.replace("_", "").lower(): name for name in known}
    near = difflib.get_close_matches(key.replace("_", "").replace("-", "").lower(), folded, n=1, cutoff=_NEAR)
    if near:
        return f"unknown key; did you mean {folded[near[0]]}?"
    homes = sorted({other.rpartition(".")[0] or "the top" for other, _ in every_field() if other.split(".")[-1] == key})
    if homes:
        return f"unknown key here; {key} belongs into {' or '.join(homes)}"
    return f"unknown key; known here are {', '.join(known)}"


def _at(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value
