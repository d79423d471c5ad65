"""``all_of``, ``any_of`` and ``weighted``: several comparators, and one word of them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Run, Score
from comparators.checking import checked
from comparators.nesting.options import Nested, runs_of
from comparators.nesting.using import Using


class Part(Nested):
    """One of the comparators, with its options beside these keys."""

    name: str | None = Field(None, min_length=1, description="what `detail` shows it under; default: `use`")


class WeightedPart(Part):
    weight: float = Field(1.0, gt=0, le=1_000_000, description="what its score counts beside the others'")


class _CombinedOptions(ComparatorOptions):
    comparators: Sequence[Part]

    @model_validator(mode="after")
    def _meet(self) -> Self:
        if not frozenset.intersection(*(part.comparator.surfaces for part in self.comparators)):
            names = " and ".join(part.use for part in self.comparators)
            raise ValueError(f"there is no surface that all of {names} compare")
        return self


class AllOfOptions(_CombinedOptions):
    """Options of ``all_of``."""

    comparators: list[Part] = Field(min_length=1, description="those that must agree: `[{use: label}, {use: number}]`")


class AnyOfOptions(_CombinedOptions):
    """Options of ``any_of``."""

    comparators: list[Part] = Field(min_length=1, description="those of which one must agree")


class WeightedOptions(_CombinedOptions):
    """Options of ``weighted``."""

    comparators: list[WeightedPart] = Field(min_length=1, description="those whose scores are averaged, by `weight`")
    agree_at: float = Field(0.8, gt=0, le=1, description="mean score from which on two answers agree")


class _Combined(Using):
    """Those that ask others come last, and are asked only as long as their word could change anything."""

    options: Any

    def __init__(self, options: _CombinedOptions) -> None:
        super().__init__(options, (part.comparator for part in options.comparators))
        self.be_like_them(frozenset.intersection(*(each.surfaces for each in self.used)))
        self.runs = runs_of(self.used)
        self._labels = dict(zip(_labels(options.comparators), self.used, strict=True))
        self._order = sorted(self._labels.items(), key=lambda labelled: labelled[1].runs == "awaited")

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        said: dict[str, Score | Exception] = {}
        for label, comparator in self._wanted(said):
            try:
                said[label] = checked(comparator.compare(request, teacher, student))
            except Exception as error:  # noqa: BLE001 -- a plugin may raise anything
                said[label] = error
        return self._together(said)

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:
        said: dict[str, Score | Exception] = {}
        for label, comparator in self._wanted(said):
            try:
                said[label] = checked(await run(comparator, request, teacher, student))
            except Exception as error:  # noqa: BLE001 -- a plugin may raise anything
                said[label] = error
        return self._together(said)

    def _wanted(self, said: Mapping[str, Score | Exception]) -> Iterator[tuple[str, Comparator]]:
        for label, comparator in self._order:
            if comparator.runs != "awaited" or not any(map(self._decides, said.values())):
                yield label, comparator

    def _decides(self, word: Score | Exception) -> bool:  # noqa: ARG002 -- by default none does
        """Whether one comparator's word settles whether the answers agree."""
        return False

    def _score(self, scores: Mapping[str, Score]) -> tuple[float, bool]:
        """The score of all scores, and whether that is agreement."""
        raise NotImplementedError

    def _together(self, said: Mapping[str, Score | Exception]) -> Score:
        scores = {label: word for label, word in said.items() if isinstance(word, Score)}
        failures = [word for word in said.values() if isinstance(word, Exception)]
        if failures and not any(map(self._decides, scores.values())):
            raise failures[0]
        score, agree = self._score(scores)
        kinds = {kind for each in scores.values() if not each.agree for kind in each.kinds} or {"score_too_low"}
        return Score(
            score=score,
            agree=agree,
            kinds=() if agree else tuple(sorted(kinds)),
            detail={label: _shown(said.get(label)) for label in self._labels},
        )


class AllOf(_Combined):
    """Agreement is that all of several comparators agree; the score is the lowest of theirs."""

    name = "all_of"
    version = "1"
    Options = AllOfOptions

    def _decides(self, word: Score | Exception) -> bool:
        return isinstance(word, Score) and not word.agree

    def _score(self, scores: Mapping[str, Score]) -> tuple[float, bool]:
        return min(each.score for each in scores.values()), all(each.agree for each in scores.values())


class AnyOf(_Combined):
    """Agreement is that at least one of several comparators agrees; the score is the highest of theirs."""

    name = "any_of"
    version = "1"
    Options = AnyOfOptions

    def _decides(self, word: Score | Exception) -> bool:
        return isinstance(word, Score) and word.agree

    def _score(self, scores: Mapping[str, Score]) -> tuple[float, bool]:
        return max(each.score for each in scores.values()), any(each.agree for each in scores.values())


class Weighted(_Combined):
    """The score is the mean of several comparators' scores, by their weights."""

    name = "weighted"
    version = "1"
    Options = WeightedOptions

    def _score(self, scores: Mapping[str, Score]) -> tuple[float, bool]:
        weights = dict(zip(self._labels, (part.weight for part in self.options.comparators), strict=True))
        total = sum(weights[label] for label in scores)
        score = min(sum(weights[label] * each.score for label, each in scores.items()) / total, 1.0)
        return score, score >= self.options.agree_at


def _labels(parts: Sequence[Part]) -> list[str]:
    """What each is shown under; the second of one label is ``label 2``."""
    labels: list[str] = []
    for part in parts:
        label, number = part.name or part.use, 2
        while label in labels:
            label, number = f"{part.name or part.use} {number}", number + 1
        labels.append(label)
    return labels


def _shown(word: Score | Exception | None) -> dict[str, Any]:
    if word is None:
        return {"asked": False}
    if isinstance(word, Exception):
        return {"error": type(word).__name__}
    kinds = {} if word.agree else {"kinds": list(word.kinds)}
    return {"score": round(word.score, 4), "agree": word.agree, **kinds, "detail": word.detail}
