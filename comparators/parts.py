"""What every comparator of texts does alike: refusals, tool calls, white space, and cutting text for people."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from typing import Any

from comparators.base import Answer, ComparatorError, Score, ToolCall

# Longer words are left as they are: putting combining marks in order takes time quadratic in their number.
_LONGEST_NORMALISED_WORD = 200
_SHORT = 200


def normalised(text: str) -> str:
    """The text in Unicode NFC, runs of white space as one space, none at the ends."""
    words = text.split()
    if not text.isascii():
        words = [
            word if word.isascii() or len(word) > _LONGEST_NORMALISED_WORD else unicodedata.normalize("NFC", word)
            for word in words
        ]
    return " ".join(words)


def short(text: str, limit: int = _SHORT) -> str:
    """At most ``limit`` characters of a text, for ``detail``.

    It is cut between words and never within one, so that redaction still knows what it sees by its shape.
    """
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= limit:
        return text
    words = text[: limit + 1].rsplit(maxsplit=1)
    kept = words[0][:limit] if len(words) > 1 or text[limit].isspace() else ""
    return f"{kept}… ({len(text)} characters)".lstrip()


def differing(kind: str, teacher: Any, student: Any, *, score: float = 0.0, **more: Any) -> Score:
    """A disagreement of one kind that shows both sides."""
    return Score(score=score, agree=False, kinds=(kind,), detail={"teacher": teacher, "student": student, **more})


def decided_by_form(teacher: Answer, student: Answer, *, words_beside_calls: bool) -> Score | None:
    """The score where refusals or tool calls alone decide; None where the texts are to be compared.

    Equal calls are agreement. With ``words_beside_calls`` the texts beside equal calls are compared too, if there
    are any.
    """
    if teacher.embeddings is not None or student.embeddings is not None:
        raise ComparatorError("a comparator of texts cannot compare embeddings")
    if bool(teacher.refusal) != bool(student.refusal):
        return differing("refusal", *("refused" if side.refusal else "answered" for side in (teacher, student)))
    if teacher.tool_calls or student.tool_calls:
        if _calls(teacher) != _calls(student):
            return differing("tool_calls", _shown(teacher.tool_calls), _shown(student.tool_calls))
        if not words_beside_calls or not (teacher.content or student.content):
            return Score(score=1.0, agree=True)
    elif teacher.refusal:
        return Score(score=1.0, agree=True)
    return None


def _calls(answer: Answer) -> Counter[tuple[str, str]]:
    # The calls of one answer run side by side: their order says nothing.
    return Counter((call.name, _canonical(call.arguments)) for call in answer.tool_calls)


def _canonical(arguments: str) -> str:
    text = arguments.strip()
    try:
        return json.dumps(_whole_numbers(json.loads(text or "{}")), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _whole_numbers(value: Any) -> Any:
    """The same JSON value with 1.0 written as 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return value


def _shown(calls: tuple[ToolCall, ...]) -> list[str]:
    return [short(f"{call.name}({call.arguments})") for call in calls[:10]]
