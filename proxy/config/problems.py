"""What is wrong with a configuration: where, and what to write instead, a line each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from proxy.errors import ConfigurationError

MOST_SHOWN = 5
LONGEST_SHOWN = 60
_SECRET_KEY = re.compile(r"key|token|secret|password|authorization|cookie|header", re.IGNORECASE)
_USERINFO = re.compile(r"//[^/@]*@")

Path = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: the key path where it stands and a text that says what is allowed."""

    path: Path
    text: str


def dotted(path: Path) -> str:
    """``routes[0].students[1].url`` for ("routes", 0, "students", 1, "url")."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def holds_a_secret(path: Path) -> bool:
    """Whether what stands at this path must not be repeated in a message."""
    return any(_SECRET_KEY.search(part) for part in path if isinstance(part, str))


def found(path: Path, written: Any) -> str:
    """What was found, as it was written in the file: variables not replaced, secrets not shown."""
    if written is None:
        return "nothing"
    if isinstance(written, Mapping):
        return "a mapping of keys"
    if isinstance(written, Sequence) and not isinstance(written, str):
        return "a list"
    if holds_a_secret(path):
        return "a value that is not shown here"
    text = str(written).lower() if isinstance(written, bool) else str(written)
    if not text:
        return "an empty text"
    text = _USERINFO.sub("//…@", " ".join(text.split()))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def configuration_error(
    problems: Sequence[Problem], *, file: str | None = None, lines: Mapping[Path, int] | None = None
) -> ConfigurationError:
    """The error that says the first few problems, in the order of the file's lines where these are known."""
    known = lines or {}
    ordered = sorted(problems, key=lambda problem: _line(problem.path, known))
    texts = [_message(problem, file, known) for problem in ordered]
    if len(texts) > MOST_SHOWN:
        texts[MOST_SHOWN - 1 :] = [f"… and {len(texts) - MOST_SHOWN + 1} more problems"]
    return ConfigurationError("\n".join(texts))


def _message(problem: Problem, file: str | None, lines: Mapping[Path, int]) -> str:
    line = _line(problem.path, lines)
    place = "" if file is None else f"{file}:{line}: " if line else f"{file}: "
    key = dotted(problem.path)
    return f"{place}{key}: {problem.text}" if key else f"{place}{problem.text}"


def _line(path: Path, lines: Mapping[Path, int]) -> int:
    """The line of a key, or of the innermost key around it that is written."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)
