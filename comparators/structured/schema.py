"""JSON Schemas, those of clients among them: compiled once, bounded, and without asking anyone for anything.

A client's schema must not make us fetch (every reference to outside is refused) nor hang (patterns are matched by an
engine that takes linear time, so those with look-around or back-references cannot be used).  A schema can still be
made to take very long by its references; what validates runs where it may be killed.
"""

from __future__ import annotations

import functools
import json
from typing import Any, NoReturn, Protocol

from comparators.base import Request
from comparators.language.words import short
from comparators.structured.paths import show

_CACHED = 64
_LONGEST = 200_000  # characters
_LONGEST_PROBLEM = 300


class UnusableSchemaError(ValueError):
    """No schema, or one that would need more than itself. The message says why, in a few words."""


class _Validator(Protocol):
    def validate(self, instance: Any) -> None: ...


def check(schema: Any) -> None:
    """Raises UnusableSchemaError."""
    _compiled(_text_of(schema))


def problem_with(value: Any, schema: Any) -> str | None:
    """What is first wrong with a value by a schema, in words; None where nothing is, or where nobody can tell.

    Raises UnusableSchemaError.
    """
    import jsonschema_rs

    validator = _compiled(_text_of(schema))
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return short(f"{show(error.instance_path)}: {error.message}", _LONGEST_PROBLEM)
    except ValueError:  # half of a surrogate pair, or nested deeper than the library goes
        return None
    return None


def asked_of(request: Request) -> Any | None:
    """The schema that the request itself asks the answer to follow; None without one."""
    asked = request.body.get("response_format")
    if request.surface == "responses":
        text = request.body.get("text")
        asked = text.get("format") if isinstance(text, dict) else None
    if not isinstance(asked, dict):
        return None
    if asked.get("type") == "json_object":
        return {"type": "object"}
    named = asked.get("json_schema") if request.surface != "responses" else asked
    return named.get("schema") if asked.get("type") == "json_schema" and isinstance(named, dict) else None


def _text_of(schema: Any) -> str:
    try:
        text = json.dumps(schema, sort_keys=True)
    except (RecursionError, ValueError):
        raise UnusableSchemaError("it is nested too deep") from None
    if len(text) > _LONGEST:
        raise UnusableSchemaError(f"it has more than {_LONGEST:,} characters")
    return text


@functools.lru_cache(maxsize=_CACHED)
def _read(text: str) -> _Validator | str:
    """The validator, or why there is none: what cannot be used is not compiled again and again either."""
    import jsonschema_rs

    try:
        validator: _Validator = jsonschema_rs.validator_for(
            json.loads(text), retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions()
        )
    except jsonschema_rs.ValidationError as error:
        return short(error.message, _LONGEST_PROBLEM)
    except ValueError as error:
        return short(str(error), _LONGEST_PROBLEM)
    return validator


def _compiled(text: str) -> _Validator:
    found = _read(text)
    if isinstance(found, str):
        raise UnusableSchemaError(found)
    return found


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is outside of the schema")
