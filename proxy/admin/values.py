"""What is wrong with the value of a flag or query parameter, said so that a person knows what to give instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

LONGEST_SHOWN = 60
_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "int_parsing": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "bool_parsing": lambda _: "must be true or false",
    "greater_than_equal": lambda context: f"must be {context['ge']} or more",
    "less_than_equal": lambda context: f"must be {context['le']} or less",
}


def explained(name: str, problem: Mapping[str, Any]) -> str:
    """One line for one of pydantic's errors."""
    context = problem.get("ctx", {})
    if problem["type"] == "value_error":  # says itself what was found and what is allowed
        return f"{name}: {str(context['error']).removesuffix('.')}"
    text = _TEXTS.get(problem["type"])
    said = text(context) if text else problem["msg"]
    return f"{name}: {said}; found {str(problem['input'])[:LONGEST_SHOWN]}"
