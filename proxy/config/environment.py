"""``${VAR}`` and ``${VAR:-text}`` in the texts of a configuration; ``$${`` is a literal ``${``.

A text that is nothing but ``$VAR`` is refused: whoever wrote it meant the variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from proxy.config.problems import Path, Problem
from proxy.config.values import is_key

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_BARE = re.compile(r"\$[A-Z][A-Z0-9_]*", re.ASCII)  # as variables are named; a lower-case one may be a pattern
_REFERENCE = re.compile(rf"\$\$\{{|\$\{{(?:(?P<name>{_NAME})(?::-(?P<default>[^}}]*))?\}})?", re.ASCII)


def substitute(
    value: Any, env: Mapping[str, str], *, may_stay: Callable[[Path], bool] = lambda _: False
) -> tuple[Any, list[Problem]]:
    """The value with every reference replaced, and what is wrong with those that cannot be.

    A variable that is set, though empty, is what it is for ``${VAR}``; ``${VAR:-text}`` takes the text then, as
    shells do.  Where something is wrong the text stays as it was written.

    Args:
        value: What was read from the file.
        env: The environment.
        may_stay: Where a text stays without a word when no key comes of it.
    """
    problems: list[Problem] = []

    def replaced(part: Any, place: Path) -> Any:
        if isinstance(part, dict):
            return {key: replaced(item, (*place, key)) for key, item in part.items()}
        if isinstance(part, list):
            return [replaced(item, (*place, index)) for index, item in enumerate(part)]
        if not isinstance(part, str) or "$" not in part:
            return part
        wrong, stays = _wrong(part, env), may_stay(place)
        if wrong:
            problems.extend([] if stays else [Problem(path=place, text=wrong)])
            return part
        text = _REFERENCE.sub(lambda match: _text_of(match, env), part)
        return part if stays and not is_key(text) else text

    return replaced(value, ()), problems


def _wrong(text: str, env: Mapping[str, str]) -> str | None:
    if _BARE.fullmatch(text):
        return f"a variable is written with braces: ${{{text[1:]}}}"
    for match in _REFERENCE.finditer(text):
        name = match["name"]
        if match[0] == "$${":
            continue
        if name is None:
            return "a reference that cannot be read; write ${NAME} or ${NAME:-text}, and $${ for a literal ${"
        if match["default"] is None and name not in env:
            return f"the variable {name} is not set; set it, or give a default: ${{{name}:-text}}"
    return None


def _text_of(match: re.Match[str], env: Mapping[str, str]) -> str:
    name, default = match["name"], match["default"]
    if name is None:
        return "${"
    return env[name] if default is None else env.get(name) or default
