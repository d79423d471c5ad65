"""Text for comparing and for showing: white space and the Unicode form brought into one, and cutting for people."""

from __future__ import annotations

import unicodedata

from comparators.base import Answer

# Longer words are left as they are: putting combining marks in order takes time quadratic in their number.
_LONGEST_NORMALISED_WORD = 200
_SHORT = 200
SMALL = 2**15  # characters, over which a light comparator takes less time than a change of threads


def size_of(answer: Answer) -> int:
    """About how much there is to read, in characters."""
    vectors = sum(map(len, answer.embeddings)) if answer.embeddings else 0
    calls = sum(len(call.arguments) for call in answer.tool_calls)
    return len(answer.content or "") + calls + 8 * vectors


def normalised(text: str) -> str:
    """The text in Unicode NFC, runs of white space as one space, none at the ends."""
    words = text.split()
    if not text.isascii():
        words = [
            word if word.isascii() or len(word) > _LONGEST_NORMALISED_WORD else unicodedata.normalize("NFC", word)
            for word in words
        ]
    return " ".join(words)


def laid_out(text: str) -> str:
    """``normalised`` line by line, each line's indentation kept and empty lines left out: it may be code, or YAML."""
    lines = text.splitlines()
    if len(lines) <= 1:
        return normalised(text)
    kept = [line for line in lines if line and not line.isspace()]
    if len(kept) <= 1:
        return normalised(text)
    return "\n".join(line[: len(line) - len(line.lstrip())] + normalised(line) for line in kept)


def short(text: str, limit: int = _SHORT) -> str:
    """At most ``limit`` characters of a text, for ``detail``.

    It is cut between words and never within one, so that redaction still knows what it sees by its shape.
    """
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= limit:
        return text
    words = text[: limit + 1].rsplit(maxsplit=1)
    kept = words[0][:limit] if len(words) > 1 or (words and text[limit].isspace()) else ""
    return f"{kept}… ({len(text)} characters)".lstrip()
