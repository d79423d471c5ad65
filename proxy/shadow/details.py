"""What is stored of a score's detail: nothing that redaction takes out of the answers that it tells of.

A detail shows pieces of the answers: cut, in lower case, spaced otherwise, out of the JSON that named them.  Redaction
by itself would not know what it sees.  So the answers are redacted first, and what that took out is taken out of the
detail too, whole or in pieces: words in a row of four characters together, eight characters wherever they stand, and,
at a cut or where a text says nothing else, any of its words and digits.  Letters and digits are compared, in one case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from comparators.base import Answer
from proxy.shadow.redaction import MARK, Redactor, Taken

_PIECE = 4  # characters of words in a row that are taken out wherever they stand
_RUN = 8  # likewise, within words
_CUT = re.compile(r"\W*…")
_WORD = re.compile(r"[^\W_]+")


class DetailRedaction:
    """Takes out of the details of a pair's scores what redaction takes out of its answers, and out of any text.

    Making one reads the answers, and is slow for large ones: not for an event loop.
    """

    def __init__(self, redact: Redactor, *answers: Answer) -> None:
        self._redact = redact
        taken = dict.fromkeys(each for answer in answers for each in redact.taken_out(_texts(answer)))
        self._known = _Known(taken) if taken else None

    def __call__(self, detail: Any) -> Any:
        """A copy of the detail (a JSON value); its keys stay."""
        return self._redact(detail if self._known is None else _without(detail, self._known))


def _texts(answer: Answer) -> list[Any]:
    return [answer.content, answer.refusal, *({"arguments": call.arguments} for call in answer.tool_calls)]


class _Word(NamedTuple):
    letters: str  # as they are compared
    start: int  # where it stands
    end: int


def _words(text: str) -> list[_Word]:
    compared = ((_letters(match[0]), *match.span()) for match in _WORD.finditer(text))
    return [_Word(*word) for word in compared if word[0]]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text).casefold()))


class _Known:
    """What was taken out, by its pieces; each with its mark."""

    def __init__(self, taken: Iterable[Taken]) -> None:
        self._pieces: dict[str, str] = {}  # words in a row
        self._scraps: dict[str, str] = {}  # the same, too few characters to be taken out wherever they stand
        self._runs: dict[str, str] = {}
        self._numbers: dict[str, str] = {}  # whose digits may be read as a number
        self._bare: dict[str, str] = {}  # what has hardly any letters, as it is written
        for text, mark in taken:
            words = [word.letters for word in _words(text)]
            whole = "".join(words)
            if len(whole) < _PIECE:
                self._bare.setdefault(text.strip().casefold(), mark)
            for first in range(len(words)):
                for piece in _joined(words[first:]):
                    pieces = self._pieces if len(piece) >= _PIECE or piece == whole else self._scraps
                    pieces.setdefault(piece, mark)
            if any(map(str.isdecimal, whole)):
                self._numbers.setdefault(whole, mark)
            length = min(_RUN, max(_PIECE, len(whole)))
            for start in range(len(whole) - length + 1):
                self._runs.setdefault(whole[start : start + length], mark)
        self._run_lengths = sorted(set(map(len, self._runs)))
        bare = "|".join(map(re.escape, sorted(self._bare, key=len, reverse=True)))
        self._written = re.compile(rf"{MARK.pattern}|(?<!\w)(?P<bare>{bare})(?!\w)", re.IGNORECASE) if bare else None

    def cleaned(self, text: str) -> str:
        if self._written is not None:
            text = self._written.sub(lambda found: self._bare.get(found[0].casefold(), found[0]), text)
        pieces: list[str] = []
        position = 0
        for mark in MARK.finditer(text):
            pieces += [self._masked(text[position : mark.start()]), mark[0]]
            position = mark.end()
        return "".join([*pieces, self._masked(text[position:])])

    def _masked(self, text: str) -> str:
        pieces: list[str] = []
        kept = 0
        for start, end, mark in sorted(self._found(text)):
            if start >= kept:
                pieces += [text[kept:start], mark]
            kept = max(kept, end)
        return "".join([*pieces, text[kept:]])

    def _found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where something of it stands in a text; places may overlap."""
        words = _words(text)
        letters = "".join(word.letters for word in words)
        if letters.isdecimal():  # nothing but a number
            whole = next((whole for whole in self._numbers if letters in whole), None)
            if whole is not None:
                yield words[0].start, words[-1].end, self._numbers[whole]
        yield from self._words_in_a_row(text, words)
        yield from self._within_words(letters, [word for word in words for _ in word.letters])

    def _words_in_a_row(self, text: str, words: list[_Word]) -> Iterator[tuple[int, int, str]]:
        for first, word in enumerate(words):
            for length, joined in enumerate(_joined([each.letters for each in words[first : first + _RUN]])):
                last = words[first + length]
                if joined in self._pieces:
                    yield word.start, last.end, self._pieces[joined]
                elif joined in self._scraps and (length + 1 == len(words) or _CUT.match(text, last.end)):
                    yield word.start, last.end, self._scraps[joined]

    def _within_words(self, letters: str, of: list[_Word]) -> Iterator[tuple[int, int, str]]:
        for length in self._run_lengths:
            for start in range(len(letters) - length + 1):
                mark = self._runs.get(letters[start : start + length])
                if mark is not None:
                    yield of[start].start, of[start + length - 1].end, mark


def _joined(words: list[str]) -> Iterator[str]:
    """The first of these words, and it with ever more of those that follow, until that is as long as a run."""
    joined = ""
    for word in words:
        joined += word
        yield joined
        if len(joined) >= _RUN:
            return


def _without(value: Any, known: _Known) -> Any:
    if isinstance(value, str):
        return known.cleaned(value)
    if isinstance(value, Mapping):
        return {key: _without(child, known) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_without(child, known) for child in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) >= _PIECE:
        cleaned = known.cleaned(str(value))
        return value if cleaned == str(value) else cleaned
    return value
