"""Reading a judge's word: JSON alone, JSON within prose or a code fence, or a line that says it.

A judge that says nothing, something else, or two different things has said nothing that counts.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any, Literal, get_args

import msgspec

from comparators.base import ComparatorError

Word = Literal["A", "B", "equal", "cannot tell"]

_LONGEST = 2**16  # characters: a verdict with its reason is far shorter
_MOST_OBJECTS = 100
_THOUGHTS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_OBJECT = re.compile(r'\{\s*"')
_MARKS = r"[^a-zA-Z0-9\n]{0,20}"
_LINE = re.compile(
    rf"^[^a-zA-Z0-9\n{{\"]{{0,20}}(?:(?:my|the|final) ){{0,2}}verdict{_MARKS}?(?:[:=]|is\b){_MARKS}"
    rf"(?:answer )?(A|B|equal|cannot[ _]tell){_MARKS}$",
    re.IGNORECASE | re.MULTILINE,
)
_WORDS: dict[str, Word] = {
    **{word.lower(): word for word in get_args(Word)},
    "answer a": "A",
    "answer b": "B",
    "cannot_tell": "cannot tell",
}


class VerdictUnreadableError(ComparatorError):
    """The judge's answer has no verdict, or more than one. Holds nothing of its text."""


class Verdict(msgspec.Struct, frozen=True):
    """What the judge said, in terms of the order in which it saw the answers."""

    word: Word
    reason: str = ""


def read_verdict(text: Any) -> Verdict:
    """The verdict in a judge's answer.

    Raises:
        VerdictUnreadableError
    """
    if not isinstance(text, str):
        raise VerdictUnreadableError("the judge's answer has no text")
    text = _THOUGHTS.split(text)[-1].strip()
    if len(text) > _LONGEST:
        raise VerdictUnreadableError("the judge's answer is too long for a verdict")
    alone = _word(text)
    found = [alone and Verdict(alone)] if alone else [*map(_of_object, _objects_in(text)), *_lines_in(text)]
    if not found or found[0] is None or any(each is None or each.word != found[0].word for each in found):
        raise VerdictUnreadableError("the judge's answer has no verdict, or more than one")
    return found[0]


def _objects_in(text: str) -> list[dict[str, Any]]:
    """JSON objects that have a verdict, in the order in which they stand."""
    decoder, position = json.JSONDecoder(strict=False), 0
    objects: list[dict[str, Any]] = []
    for _ in range(_MOST_OBJECTS):
        match = _OBJECT.search(text, position)
        if match is None:
            return objects
        position = match.end()
        with contextlib.suppress(ValueError, RecursionError):
            value, end = decoder.raw_decode(text, match.start())
            if "verdict" in value:
                objects.append(value)
                position = end
    raise VerdictUnreadableError("the judge's answer has too many parts")


def _of_object(value: dict[str, Any]) -> Verdict | None:
    said, reason = value["verdict"], value.get("reason")
    word = _word(said) if isinstance(said, str) else None
    return word and Verdict(word, reason if isinstance(reason, str) else "")


def _lines_in(text: str) -> list[Verdict]:
    return [Verdict(word, text) for match in _LINE.finditer(text) if (word := _word(match[1]))]


def _word(text: str) -> Word | None:
    return _WORDS.get(text.strip(" \t\r\n.*_`'\"[]()").lower())
