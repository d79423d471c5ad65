"""Counting how two JSON values differ: equal fields of all, the kinds of difference, and the first few for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from comparators.base import Answer
from comparators.nesting.questions import Question, Steps
from comparators.structured.differences import Difference, HowDifferent, Open, as_text, shown

_MOST_SHOWN = 20


class Tally:
    """What was found so far."""

    def __init__(self) -> None:
        self.equal = 0
        self.fields = 0
        self.kinds: set[str] = set()
        self._shown: list[dict[str, Any]] = []
        self._differences = 0

    @property
    def score(self) -> float:
        """The share of fields that are equal."""
        return self.equal / self.fields if self.fields else 1.0

    def detail(self) -> dict[str, Any]:
        """For people."""
        counts: dict[str, Any] = {"fields": self.fields, "equal": self.equal}
        if not self._shown:
            return counts
        return counts | {"differences": self._shown, "more": self._differences - len(self._shown)}

    def same(self, fields: int = 1) -> None:
        self.equal += fields
        self.fields += fields

    def different(self, kind: str, fields: int, show: Callable[[], dict[str, Any]]) -> None:
        """Count a difference; the first few are shown."""
        self.fields += fields
        self.kinds.add(kind)
        self._differences += 1
        if len(self._shown) < _MOST_SHOWN:
            self._shown.append(show())

    def count(
        self, found: Iterable[Difference | Open | None], kinds: Mapping[HowDifferent, str], **shown_too: Any
    ) -> Steps[None]:
        """Count everything found, asking other comparators where they are to say."""
        for each in found:
            difference = (yield from self._said(each)) if isinstance(each, Open) else each
            if difference is None:
                self.same()
            else:
                kind = kinds[difference.how]
                self.different(kind, difference.fields, partial(_shown, difference, kind, shown_too))

    def _said(self, found: Open) -> Steps[Difference | None]:
        comparator = found.place.settings.compare
        assert comparator is not None  # noqa: S101 - that is what makes it open
        sides = (Answer(content=as_text(side)) for side in (found.teacher, found.student))
        score = yield Question(comparator, *sides)
        if score.agree:
            return None
        self.kinds.update(score.kinds)
        said = {"use": comparator.name, "score": round(score.score, 3), "kinds": list(score.kinds)}
        return Difference(found.path, "changed", found.teacher, found.student, 1, said)


def _shown(difference: Difference, kind: str, shown_too: dict[str, Any]) -> dict[str, Any]:
    return {**shown_too, **shown(difference, kind)}
