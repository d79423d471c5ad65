"""``label``: the same class, however it is written down."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Self

from pydantic import Field, model_validator

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Score
from comparators.language import fences
from comparators.parts import decided_by_form, differing, normalised, short
from comparators.structured.text import NoJsonError, find_json, parse_json

_LIST_OR_HEADING = re.compile(r"^(?:[-*•]|#{1,6})\s+")
_PUNCTUATION = ".,;:!?…。、，；：！？"  # noqa: RUF001 - full-width punctuation is what CJK labels end in
_QUOTES = "\"'`“”„‟‘’‚«»‹›「」『』"  # noqa: RUF001 - so are these marks what models put around a label
_EMPHASIS = "*_~"
_BRACKETS = {"(": ")", "[": "]"}
_CASE_COUNTS = re.compile(r"[\d_]|://|\A-\w")  # ids, addresses and flags: `sk_Aa1` and `sk_aa1` are two keys
_OTHER_VALUE = ("<super>", "<sub>", "<fraction>")  # what NFKC writes as the digits of another number: 10² as 102
# No label is longer: of more text nothing is taken off.
_LONGEST_LABEL = 2_000


class LabelOptions(ComparatorOptions):
    """Options of ``label``."""

    field: str | None = Field(
        None, min_length=1, description="key, or dotted path, of the label in a JSON object that the answer carries"
    )
    labels: list[str] = Field([], description="all labels there are; any other answer is `label_unknown`")

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        canonical = [canonical_label(label).casefold() for label in self.labels]
        if "" in canonical:
            raise ValueError("`labels` has an empty label")
        if len(set(canonical)) < len(canonical):
            raise ValueError("`labels` has two labels that differ in case or punctuation alone")
        return self


class Label(Comparator):
    """Agreement is the same label, whatever its case, punctuation, emphasis, quotes or JSON wrapping."""

    name = "label"
    version = "3"
    runs = "light"
    symmetric = True
    Options = LabelOptions
    options: LabelOptions

    def __init__(self, options: LabelOptions | None = None) -> None:
        super().__init__(options)
        labels = map(canonical_label, self.options.labels)
        self._known = {label.casefold(): label for label in labels}

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=False, request=request)
        if decided is not None:
            return decided
        wanted, given = (self._label(side.content or "") for side in (teacher, student))
        if wanted == given:
            return Score(score=1.0, agree=True)
        unknown = bool(self._known) and not {wanted, given} <= set(self._known.values())
        return differing("label_unknown" if unknown else "label_changed", short(wanted), short(given))

    def _label(self, text: str) -> str:
        label = canonical_label(self._unwrapped(text))
        return self._known.get(label.casefold(), label)

    def _unwrapped(self, text: str) -> str:
        """The label's own text: out of its JSON and its code fence."""
        if self.options.field is not None:
            try:
                return _text_of(_at(find_json(text), self.options.field))
            except (NoJsonError, LookupError):
                return text
        text = text.strip()
        fenced = fences.only(text)
        if fenced is not None:
            text = fenced
        if not text.startswith(("{", '"')):
            return text
        try:
            value = parse_json(text)
        except NoJsonError:
            return text
        if isinstance(value, dict):
            if len(value) != 1:
                return text
            value = next(iter(value.values()))
        return text if isinstance(value, dict | list) else _text_of(value)


def canonical_label(text: str) -> str:
    """A label in the form in which labels are compared: what surrounds it taken off, the case of its words folded.

    Words with digits or underscores, addresses and flags (``-v``) keep their case.
    """
    text = normalised(text)
    if len(text) > _LONGEST_LABEL:
        return text.casefold()
    bare, outer = text, ""
    while bare != outer:
        outer = bare
        bare = _LIST_OR_HEADING.sub("", bare)
        bare = _without_pair(bare.strip(_QUOTES + " ").rstrip(_PUNCTUATION + " "))
    words = _plain(bare or text).split()  # nothing but punctuation: that is the label then
    return " ".join(word if _CASE_COUNTS.search(word) else word.casefold() for word in words)


def _plain(text: str) -> str:
    """The text in plain letters, for full-width ones and ligatures."""
    if text.isascii():
        return text
    return "".join(
        character
        if unicodedata.decomposition(character).startswith(_OTHER_VALUE)
        else unicodedata.normalize("NFKC", character)
        for character in text
    )


def _without_pair(text: str) -> str:
    """The text without emphasis or brackets around it, nor a bracket that never opened: `**a**`, `(a)`, `a)`."""
    if len(text) < 2:  # noqa: PLR2004 - a pair
        return text
    first, last = text[0], text[-1]
    if first == last and first in _EMPHASIS:
        return text[1:-1]
    if _BRACKETS.get(first) == last:
        return text[1:-1]
    if any(last == closing and opening not in text for opening, closing in _BRACKETS.items()):
        return text[:-1]
    return text


def _at(value: Any, field: str) -> Any:
    """The value under a key, or along a dotted path of keys. Raises LookupError."""
    path = [field] if isinstance(value, dict) and field in value else field.split(".")
    for key in path:
        value = (value if isinstance(value, dict) else {})[key]
    return value


def _text_of(value: Any) -> str:
    """A scalar as a label, 1.0 like 1; anything else as canonical JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    except (RecursionError, ValueError):
        raise LookupError from None
