"""Finding JSON in a model's answer: the whole text, inside a code fence, or the one object in prose."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from comparators.language.fences import blocks

_OPENING = re.compile(r"[{\[]")
# Places in prose at which JSON is tried: prose with more brackets has no unambiguous JSON.
_MOST_TRIES = 64


class NoJsonError(ValueError):
    """There is no JSON in the text, or more than one to choose from. The message says so, for ``detail``."""

    def __init__(self, problem: str = "no JSON") -> None:
        super().__init__(problem)


class RepeatedKeyError(NoJsonError):
    """An object has a key twice: which of its values is meant, nobody can tell, and readers of JSON differ."""

    def __init__(self) -> None:
        super().__init__("a key twice in one object")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise RepeatedKeyError
    return value


_decoder = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unambiguous)


def parse_json(text: str) -> Any:
    """The text as one JSON value. Raises NoJsonError (NaN and Infinity are none), of a key twice RepeatedKeyError."""
    try:
        return _decoder.decode(text)
    except RepeatedKeyError:
        raise
    except (ValueError, RecursionError):
        raise NoJsonError from None


def find_json(text: str) -> Any:
    """The JSON value that an answer consists of or carries. Raises NoJsonError, of a key twice RepeatedKeyError.

    In this order: the whole text; the one code fence that holds JSON; the one object, or else the one array, in prose.
    """
    try:
        return parse_json(text.strip())
    except RepeatedKeyError:
        raise
    except NoJsonError:
        pass
    fenced = [value for block in blocks(text) if isinstance(value := _parsed(block.text), dict | list)]
    if fenced:
        return _only(fenced)
    found = _in_prose(text)
    objects = [value for value in found if isinstance(value, dict)]
    return _only(objects or found)


def _parsed(text: str) -> Any:
    try:
        return parse_json(text.strip())
    except RepeatedKeyError:
        raise
    except NoJsonError:
        return None


def _only(values: list[Any]) -> Any:
    if len(values) != 1:
        raise NoJsonError
    return values[0]


def _in_prose(text: str) -> list[Any]:
    found: list[Any] = []
    position = 0
    for _ in range(_MOST_TRIES):
        opening = _OPENING.search(text, position)
        if opening is None:
            return found
        try:
            value, position = _decoder.raw_decode(text, opening.start())
            found.append(value)
        except RepeatedKeyError:
            raise
        except RecursionError:
            return []
        except json.JSONDecodeError as error:
            if error.pos >= len(text):  # it never ends, nor will most of what begins within it
                return []
            position = opening.end()
        except ValueError:
            position = opening.end()
    return []
