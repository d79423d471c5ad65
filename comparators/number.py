"""``number``: the same final number of a worked answer."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from pydantic import Field, field_validator

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Runs, Score
from comparators.language.numbers import context, first_number, last_number
from comparators.parts import decided_by_form, normalised, short

# What announces the final number, in lower case; the last one in the answer counts. What follows a word is in _COLON.
_SIGNS = ("####", "\\boxed{", "a:")
_WORDS = ("answer", "antwort", "réponse", "respuesta", "resposta", "risposta", "antwoord", "答案", "答え")
_COLON = re.compile(
    r"[*_]*\s*(?:final[ea]?\b\s*|correct[ea]\b\s*|corrett?a\b\s*)?[*_]*"
    r"(?:[:：=]|(?:is|ist|lautet|beträgt|est|es|é|è)\b:?|[是は])"  # noqa: RUF001 - the colon of Chinese text
)
# A marker is looked for this often, from the end: what comes before does not announce the final number.
_MOST_TRIES = 16
# An own pattern is tried on the end of the text alone: it may be slow, and the answer stands there.
_PATTERN_READS = 20_000
# By which side has none. Where neither has one, the words differ.
_KIND_WITHOUT = {(False, True): ("number_missing",), (True, False): ("number_invented",), (True, True): ("wording",)}
# Decimals are rounded by whoever wrote them; whole numbers are not.
_ROUNDING = Decimal("1e-9")


class NumberOptions(ComparatorOptions):
    """Options of ``number``."""

    pattern: str | None = Field(
        None, description="regular expression with one group: where the number stands; the last match counts"
    )
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False, description="difference that still agrees, absolute")
    relative: float = Field(
        0.0, ge=0, lt=1, allow_inf_nan=False, description="difference that still agrees, as a share of the larger"
    )

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
            if groups != 1:
                raise ValueError(f"must have exactly one group, not {groups}; (?:…) groups without counting")
        return pattern


class Number(Comparator):
    """Agreement is the same number at the end, however it was reached and written."""

    name = "number"
    version = "4"
    runs: Runs = "light"
    symmetric = True
    Options = NumberOptions
    options: NumberOptions

    def __init__(self, options: NumberOptions | None = None) -> None:
        super().__init__(options)
        if self.options.pattern is not None:
            self.runs = "heavy"  # it may try every way through a text

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=False, request=request)
        if decided is not None:
            return decided
        wanted, given = (self._final_number(side.content or "") for side in (teacher, student))
        if wanted is not None and given is not None:
            agree = self._same(wanted, given)
            kinds: tuple[str, ...] = () if agree else ("number_changed",)
        else:
            # Word for word the same answer would have done, with or without a number.
            agree = wanted is given and normalised(teacher.content or "") == normalised(student.content or "")
            kinds = () if agree else _KIND_WITHOUT[wanted is None, given is None]
        return Score(score=float(agree), agree=agree, kinds=kinds, detail=_detail(wanted, given))

    def _final_number(self, text: str) -> Decimal | None:
        if self.options.pattern is not None:
            last = None
            for match in re.finditer(self.options.pattern, text[-_PATTERN_READS:]):
                last = match
            return None if last is None else first_number(last[1] or "")
        start = _after_marker(text)
        if start is None:
            return last_number(text)
        rest = text[start:].lstrip()
        line = rest.partition("\n")[0]
        result = first_number(line.rpartition("=")[2])
        return result if result is not None else first_number(rest)

    def _same(self, wanted: Decimal, given: Decimal) -> bool:
        if wanted == given:
            return True
        whole = _is_whole(wanted) and _is_whole(given)
        if whole and not self.options.tolerance and not self.options.relative:
            return False
        ctx = context()
        relative = Decimal(str(self.options.relative))
        if not whole:
            relative = max(relative, _ROUNDING)
        larger = max(wanted.copy_abs(), given.copy_abs())
        allowed = max(Decimal(str(self.options.tolerance)), ctx.multiply(relative, larger))
        return ctx.subtract(wanted, given).copy_abs() <= allowed


def _after_marker(text: str) -> int | None:
    """Where the text after the last marker begins; None without a marker."""
    lower = text.lower()
    if len(lower) != len(text):  # a capital that becomes two characters: the places would not be the text's
        lower = text
    ends = [
        end
        for marker in (*_SIGNS, *_WORDS)
        if marker in lower and (end := _end_of_last(marker, text, lower)) is not None
    ]
    return max(ends, default=None)


def _end_of_last(marker: str, text: str, lower: str) -> int | None:
    position = len(lower)
    for _ in range(_MOST_TRIES):
        position = lower.rfind(marker, 0, position)
        if position < 0:
            return None
        end = position + len(marker)
        if marker in _WORDS:
            colon = _COLON.match(lower, end)
            if colon is not None:
                return colon.end()
        elif marker != "a:" or (text[position] == "A" and not text[max(position - 1, 0) : position].isalnum()):
            return end
    return None


def _is_whole(number: Decimal) -> bool:
    return number.is_finite() and context().to_integral_value(number) == number


def _detail(wanted: Decimal | None, given: Decimal | None) -> dict[str, Any]:
    return {
        side: None if number is None else short(str(number))
        for side, number in (("teacher", wanted), ("student", given))
    }
