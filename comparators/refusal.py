"""``refusal``: refused, or not, alike."""

from __future__ import annotations

from pydantic import Field, field_validator

from comparators.base import Answer, Comparator, ComparatorError, ComparatorOptions, Request, Score
from comparators.language.refusal_phrases import normalised_beginning, refusing_words
from comparators.parts import short


class RefusalOptions(ComparatorOptions):
    """Options of ``refusal``."""

    phrases: list[str] = Field(
        [], description="further words by which an answer refuses, wherever they stand in its first 500 characters"
    )

    @field_validator("phrases")
    @classmethod
    def _not_empty(cls, phrases: list[str]) -> list[str]:
        if not all(phrase.strip() for phrase in phrases):
            raise ValueError("an empty phrase stands in every answer")
        return phrases


class Refusal(Comparator):
    """Agreement is that both refused, or that neither did."""

    name = "refusal"
    version = "2"
    runs = "light"
    symmetric = True
    Options = RefusalOptions
    options: RefusalOptions

    def __init__(self, options: RefusalOptions | None = None) -> None:
        super().__init__(options)
        self._own = [normalised_beginning(phrase) for phrase in self.options.phrases]

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:  # noqa: ARG002 - the interface's
        wanted, given = (self._refused(side) for side in (teacher, student))
        detail = {"teacher": wanted or "answered", "student": given or "answered"}
        if (wanted is None) == (given is None):
            return Score(score=1.0, agree=True, detail=detail)
        kind = "not_refused" if wanted is not None else "refused"
        return Score(score=0.0, agree=False, kinds=(kind,), detail=detail)

    def _refused(self, answer: Answer) -> str | None:
        """By what it shows that an answer refuses; None where it does not."""
        if answer.embeddings is not None:
            raise ComparatorError("a comparator of texts cannot compare embeddings")
        if answer.refusal:
            return f"refused: {short(answer.refusal)}"
        if answer.finish_reason == "content_filter":
            return "refused: content_filter"
        if answer.tool_calls:  # whatever is said beside a call, something is done
            return None
        text = answer.content or ""
        return None if refusing_words(text, self._own) is None else f"refused: {short(text)}"
