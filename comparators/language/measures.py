"""How much of their wording two texts share: four measures, each in [0, 1], 1 for the same, and the same both ways."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rapidfuzz.distance import Indel

from comparators.language import sequences

# Scripts written without spaces between words: a character is a token there.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# What carries no wording: sentence punctuation, quotes, brackets, emphasis. Signs, currency and operators stay.
_DROPPED = r"""\s.,;:!?…"'`*_(){}\[\]“”„‘’‚«»‹›「」『』。、，；：！？（）"""  # noqa: RUF001 - CJK punctuation too
_LETTER = rf"[^{_DROPPED}{_UNSPACED}]"
_JOINT = r"(?:(?<=\d)[.,:](?=\d)|(?<=\w)['’](?=\w))"  # noqa: RUF001 - don't
_TOKEN = re.compile(rf"{_LETTER}++(?:{_JOINT}{_LETTER}++)*+|[{_UNSPACED}]")
_LAYOUT = frozenset({"-", "–", "—", "•", "#", "##", "###", "####", ">", "|", "---"})  # noqa: RUF001 - bullets, headings, tables
# Aligning costs the product of the lengths: of more only the first are aligned, and an equal rest counts.
_ALIGNED_CHARACTERS = 20_000
_CHRF_ORDER = 6
_CHRF_BETA = 2.0

Measured = tuple[float, dict[str, Any]]


def tokens(text: str) -> list[str]:
    """Words with case folded; characters where a script has no spaces between words."""
    return [token for token in _TOKEN.findall(text.casefold()) if token not in _LAYOUT]


def rouge_l(wanted: str, given: str) -> Measured:
    """F1 of the longest common subsequence of words: twice what is common and in order, over all words of both.

    Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004.
    """
    ours, theirs = tokens(wanted), tokens(given)
    return _f1(sequences.common(ours, theirs), ours, theirs, same=wanted == given)


def token_f1(wanted: str, given: str) -> Measured:
    """F1 of the words, in any order (Rajpurkar et al., SQuAD, 2016)."""
    ours, theirs = tokens(wanted), tokens(given)
    return _f1((Counter(ours) & Counter(theirs)).total(), ours, theirs, same=wanted == given)


def chrf(wanted: str, given: str) -> Measured:
    """F2 of runs of one to six characters, white space left out, as sacrebleu counts it (Popović, chrF, 2015).

    It weighs what is missing more than what is added; this is the mean of both directions.
    """
    return _of_beginnings("".join(wanted.split()), "".join(given.split()), _chrf), {}


def edit(wanted: str, given: str) -> Measured:
    """One less the characters to insert and delete, over all characters of both."""
    return _of_beginnings(wanted, given, Indel.normalized_similarity), {}


MEASURES: Mapping[str, Callable[[str, str], Measured]] = {
    "rouge_l": rouge_l,
    "token_f1": token_f1,
    "chrf": chrf,
    "edit": edit,
}


def _f1(common: int, ours: list[str], theirs: list[str], *, same: bool) -> Measured:
    total = len(ours) + len(theirs)
    counted = {"words": {"teacher": len(ours), "student": len(theirs), "common": common}}
    return (2 * common / total if total else float(same)), counted


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
