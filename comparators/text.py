"""``text``: how much of the wording two answers share, in order."""

from __future__ import annotations

import re

from pydantic import Field
from rapidfuzz.distance import LCSseq

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Score
from comparators.parts import decided_by_form, normalised, short

# Scripts written without spaces between words: a character is a token there.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# What carries no wording: sentence punctuation, quotes, brackets, emphasis. Signs, currency and operators stay.
_DROPPED = r"""\s.,;:!?…"'`*_(){}\[\]“”„‘’‚«»‹›「」『』。、，；：！？（）"""  # noqa: RUF001 - CJK punctuation too
_TOKEN = re.compile(
    rf"(?:[^{_DROPPED}{_UNSPACED}]|(?<=\d)[.,:](?=\d)|(?<=\w)['’](?=\w))++|[{_UNSPACED}]"  # noqa: RUF001 - don't
)
_LAYOUT = frozenset({"-", "–", "—", "•", "#", "##", "###", "####", ">", "|", "---"})  # noqa: RUF001 - bullets, headings, tables
# Longest common subsequences cost the product of the lengths: of more tokens only the first are aligned.
_ALIGNED = 20_000


class TextOptions(ComparatorOptions):
    """Options of ``text``."""

    agree_at: float = Field(0.8, gt=0, le=1, description="similarity from which on two texts agree")


class Text(Comparator):
    """Similarity is twice the words in common and in order, over the words of both: 1 is the same wording."""

    name = "text"
    version = "1"
    runs = "light"
    Options = TextOptions
    options: TextOptions

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:  # noqa: ARG002 - the interface's
        decided = decided_by_form(teacher, student, words_beside_calls=True)
        if decided is not None:
            return decided
        wanted, given = normalised(teacher.content or ""), normalised(student.content or "")
        similarity, detail = _similarity(wanted, given)
        agree = similarity >= self.options.agree_at
        if not agree:
            detail |= {"teacher": short(wanted), "student": short(given)}
        return Score(score=similarity, agree=agree, kinds=() if agree else ("wording",), detail=detail)


def tokens(text: str) -> list[str]:
    """Words with case folded; characters where a script has no spaces between words."""
    return [token for token in _TOKEN.findall(text.casefold()) if token not in _LAYOUT]


def _similarity(wanted: str, given: str) -> tuple[float, dict[str, object]]:
    ours, theirs = tokens(wanted), tokens(given)
    common = LCSseq.similarity(ours[:_ALIGNED], theirs[:_ALIGNED])
    if ours[_ALIGNED:] == theirs[_ALIGNED:]:  # an unaligned rest counts when it is the same
        common += len(ours[_ALIGNED:])
    total = len(ours) + len(theirs)
    similarity = 2 * common / total if total else float(wanted == given)
    return similarity, {"words": {"teacher": len(ours), "student": len(theirs), "common": common}}
