"""How much of their wording two texts share: four measures, each in [0, 1], 1 for the same, and the same both ways."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rapidfuzz.distance import Indel

from comparators.language import sequences
from comparators.language.words import normalised

# Scripts written without spaces between words: a character is a token there.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# What carries no wording: sentence punctuation, quotes, brackets, emphasis. Signs, currency and operators stay.
_DROPPED = r"""\s.,;:!?…"'`*_(){}\[\]“”„‘’‚«»‹›「」『』。、，；：！？（）"""  # noqa: RUF001 - CJK punctuation too
_LAYOUT = "-–—•#"  # noqa: RUF001 - dashes of prose, rules, bullets: none of them a word by itself
_LETTER = rf"[^{_DROPPED}{_UNSPACED}]"
_JOINT = r"(?:[.,:](?<=\d.)(?=\d)|['’](?<=\w.)(?=\w)|_(?<=[^\W_].)(?=[^\W_]))"  # noqa: RUF001 - don't, foo_bar
_WORD = rf"[^{_LAYOUT}{_DROPPED}{_UNSPACED}]{_LETTER}*+(?:{_JOINT}{_LETTER}++)*+"
_OPERATOR = r"""(?=[-!*()])(?:
    !=|(?<!\w)!(?=\w)                                          # unequal, not
    |(?<=\s)-(?=\s(?:[\d.$€£√(]|\w\b))                         # 1 - 2, but no dash of prose
    |(?<=\s)\*{1,2}(?=\s)|(?<=[\d)])\*{1,2}(?=[\d(])|(?<=\b[^\W\d_])\*{1,2}(?=[^\W\d_]\b)  # no emphasis
    |\)(?=[*/^×÷][\w(]|\s[*/^×÷]\s)|(?:(?<=[/^×÷√])|(?<=[\d)]\*)|(?<=\s[*/^×÷]\s))\(            # (1 + 2) * 3
    )"""  # noqa: RUF001 - signs of mathematics
_PLAIN = rf"({_WORD}|[{_UNSPACED}]|[{_LAYOUT}]++{_WORD})|[{_LAYOUT}]++"
_TOKEN = re.compile(_PLAIN)
_TOKEN_OR_OPERATOR = re.compile(rf"({_OPERATOR})|{_PLAIN}", re.VERBOSE)  # takes twice as long
_SIGNS = ("!", "*", " - ", "/", "^", "×", "÷", "√")  # noqa: RUF001 - without one there is no operator to look for
# At the beginning of a line, marks that are none of its words: quoting, a heading, a bullet.
_LINE_MARK = re.compile(r"(?m)^[ \t]*+(?:>(?![=\s]*[\d.$€£])[ \t]*+)*+(?:(?:[-–—•*+]|\#{1,6})(?=[ \t]))?+")  # noqa: RUF001
_TABLE_ROW = re.compile(r"(?m)^[ \t]*+\|.*$")
_MINUS = "\u2212"
_NO_ZERO = re.compile(r"\.(?<![\w.,)\]]\.)(?=\d)")
# The case of words with digits counts: ids, keys, 5 Mb and 5 MB. That of these does not.
_DIGIT = re.compile(r"\d")
_DIGIT_BY_LETTER = re.compile(r"\d(?:[-_]?[^\W\d_]|(?<=[^\W\d_]\d)|(?<=[^\W\d_][-_]\d))")
_CASELESS = re.compile(r"\d+(?:[:.]\d+)?(?:am|pm|st|nd|rd|th)", re.IGNORECASE)
# Aligning costs the product of the lengths: of more only the first are aligned, and an equal rest counts.
_ALIGNED_CHARACTERS = 20_000
_CHRF_ORDER = 6
_CHRF_BETA = 2.0

Measured = tuple[float, dict[str, Any]]


def tokens(text: str) -> list[str]:
    """Words and operators; characters where a script has no spaces between words.

    Case is folded, but for words with digits.  Emphasis, punctuation and what lays a text out are none of its words.
    """
    if "|" in text:
        text = _TABLE_ROW.sub(lambda row: row[0].replace("|", " "), text)
    if "\n" in text or not text[:1].isalnum():
        text = _LINE_MARK.sub("", text)
    text = normalised(text).replace(_MINUS, "-").replace(" – ", " - ")  # noqa: RUF001 - minus signs too
    text = _NO_ZERO.sub("0.", text)
    if not _DIGIT_BY_LETTER.search(text):
        return _split(text.casefold())
    return list(map(_folded, _split(text)))


def _folded(token: str) -> str:
    if token.isalpha() or not _DIGIT.search(token) or _CASELESS.fullmatch(token):
        return token.casefold()
    return token


def _split(text: str) -> list[str]:
    if any(sign in text for sign in _SIGNS):
        return [operator or token for operator, token in _TOKEN_OR_OPERATOR.findall(text) if operator or token]
    return list(filter(None, _TOKEN.findall(text)))


def rouge_l(wanted: str, given: str) -> Measured:
    """F1 of the longest common subsequence of words: twice what is common and in order, over all words of both.

    Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004.
    """
    ours, theirs = tokens(wanted), tokens(given)
    return _f1(sequences.common(ours, theirs), ours, theirs, (wanted, given))


def token_f1(wanted: str, given: str) -> Measured:
    """F1 of the words, in any order (Rajpurkar et al., SQuAD, 2016)."""
    ours, theirs = tokens(wanted), tokens(given)
    return _f1((Counter(ours) & Counter(theirs)).total(), ours, theirs, (wanted, given))


def chrf(wanted: str, given: str) -> Measured:
    """F2 of runs of one to six characters, white space left out, as sacrebleu counts it (Popović, chrF, 2015).

    It weighs what is missing more than what is added; this is the mean of both directions.
    """
    ours, theirs = ("".join(normalised(text).split()) for text in (wanted, given))
    return _of_beginnings(ours, theirs, _chrf), {}


def edit(wanted: str, given: str) -> Measured:
    """One less the characters to insert and delete, over all characters of both."""
    return _of_beginnings(normalised(wanted), normalised(given), Indel.normalized_similarity), {}


MEASURES: Mapping[str, Callable[[str, str], Measured]] = {
    "rouge_l": rouge_l,
    "token_f1": token_f1,
    "chrf": chrf,
    "edit": edit,
}


def _f1(common: int, ours: list[str], theirs: list[str], texts: tuple[str, str]) -> Measured:
    total = len(ours) + len(theirs)
    counted = {"words": {"teacher": len(ours), "student": len(theirs), "common": common}}
    # Without any word on either side: punctuation is all there is.
    return (2 * common / total if total else float(len(set(map(normalised, texts))) == 1)), counted


def _of_beginnings(wanted: str, given: str, measure: Callable[[str, str], float]) -> float:
    """The measure; of long texts that of their beginnings, and what follows counts whole where it is the same."""
    here, there = wanted[_ALIGNED_CHARACTERS:], given[_ALIGNED_CHARACTERS:]
    similarity = measure(wanted[:_ALIGNED_CHARACTERS], given[:_ALIGNED_CHARACTERS])
    if not here and not there:
        return similarity
    rest = len(here) + len(there)
    total = len(wanted) + len(given)
    return (similarity * (total - rest) + (rest if here == there else 0)) / total


def _chrf(ours: str, theirs: str) -> float:
    if not ours or not theirs:
        return float(ours == theirs)
    precision = recall = 0.0
    orders = 0
    for order in range(1, min(_CHRF_ORDER, len(ours), len(theirs)) + 1):
        here, there = _runs(ours, order), _runs(theirs, order)
        common = (here & there).total()
        precision += common / there.total()
        recall += common / here.total()
        orders += 1
    precision, recall = precision / orders, recall / orders
    return (_f_beta(precision, recall) + _f_beta(recall, precision)) / 2


def _runs(text: str, order: int) -> Counter[str]:
    return Counter(text[start : start + order] for start in range(len(text) - order + 1))


def _f_beta(precision: float, recall: float) -> float:
    square = _CHRF_BETA**2
    return (1 + square) * precision * recall / (square * precision + recall) if precision + recall else 0.0
