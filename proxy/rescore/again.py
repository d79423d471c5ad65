"""A stored pair, made ready for being scored again: what of it holds as it is, and what is to be compared.  Pure.

What a student's answer was does not change with the definition of agreement: what is missing stays missing, what could
not be used stays a disagreement, what was outside of the evidence stays outside.  All else is read again from what is
stored, also where only a comparator had failed: it may be mended by now.  Where something was taken out of an answer
before it was stored, nobody knows any more whether both sides had the same there: the pair is missing, ``redacted``, so
that ``lower`` counts it as changed and ``upper`` as the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from comparators.base import Answer, Comparator, Request, ToolCall
from proxy.openai import answers
from proxy.shadow.pairs import unusable_kind
from proxy.shadow.redaction import has_mark
from proxy.shadow.scoring import Scored, zero_scores
from proxy.store.records import (
    FORGOTTEN,
    REDACTED,
    AnswerRecord,
    RescoredPair,
    ScoreRecord,
    StoredPair,
)

_UNSCORED = "unscored"


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A definition of agreement: its hash, and its comparators by label; the first decides."""

    hash: str
    comparators: Sequence[tuple[str, Comparator]]

    @property
    def decides(self) -> str:
        return self.comparators[0][0]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What comparators are to be asked about a stored pair."""

    request: Request
    teacher: Answer
    student: Answer


def look_at(stored: StoredPair, definition: Definition, *, text_since: float) -> RescoredPair | Comparison:
    """The pair under another definition, where no comparator needs to be asked; else what to ask them.

    Args:
        stored: The pair, with its exchange.
        definition: What it is to be scored by. Scores that are by this very one are taken over, where there are any.
        text_since: Unix seconds; text of what arrived before is past its retention, deleted already or not.
    """
    exchange, pair = stored.exchange, stored.pair
    if exchange.arrived_at < text_since:
        return _settled(stored, definition, FORGOTTEN)
    if pair.outcome == _UNSCORED and pair.answer.error is None:
        return _read_again(stored, definition)
    if pair.definition == definition.hash:
        return RescoredPair(exchange=exchange, pair=pair)
    if pair.agree is None:
        return _settled(stored, definition, pair.outcome)
    if pair.answer.error is not None:
        return _unusable(stored, definition, pair.answer.error["kind"])
    return _read_again(stored, definition)


def scored_again(stored: StoredPair, definition: Definition, scored: Scored) -> RescoredPair:
    """The pair with what comparators said; where the deciding one failed it is missing (``unscored``)."""
    outcome = "unscored" if scored.agree is None else "agreed" if scored.agree else "disagreed"
    settled = _settled(stored, definition, outcome, scored.scores)
    in_request = has_mark(msgspec.json.encode(stored.exchange.request).decode())
    return msgspec.structs.replace(settled, redacted_request=in_request)


def stored_answer(surface: str, record: AnswerRecord) -> Answer:
    """An answer as it was read once, but for what was taken out of it since. Raises UnreadableAnswerError."""
    if record.response is None:  # there never was one, but for how it ended
        return Answer(
            model=record.model,
            content=record.content,
            tool_calls=tuple(msgspec.convert(call, ToolCall) for call in record.tool_calls),
            finish_reason=record.finish_reason,
        )
    try:
        return answers.read_response(surface, record.response).answer
    except answers.UnreadableAnswerError as error:
        if error.reading is None:
            raise
        return error.reading.answer  # it says nothing, and that is its answer


def _read_again(stored: StoredPair, definition: Definition) -> RescoredPair | Comparison:
    exchange, pair = stored.exchange, stored.pair
    if exchange.request is None or exchange.teacher is None:
        return _settled(stored, definition, FORGOTTEN)
    try:
        teacher = stored_answer(exchange.surface, exchange.teacher)
        student = stored_answer(exchange.surface, pair.answer)
    except answers.UnreadableAnswerError:  # what was taken out was part of its shape
        return _settled(stored, definition, _UNSCORED)
    kind = unusable_kind(teacher, student)
    if kind is not None:
        return _unusable(stored, definition, kind)
    if _is_redacted(teacher) or _is_redacted(student):
        return _settled(stored, definition, REDACTED)
    request = Request(surface=exchange.surface, body=exchange.request)
    return Comparison(request=request, teacher=teacher, student=student)


def _is_redacted(answer: Answer) -> bool:
    calls = (text for call in answer.tool_calls for text in (call.name, call.arguments))
    return any(has_mark(text) for text in (answer.content or "", answer.refusal or "", *calls))


def _unusable(stored: StoredPair, definition: Definition, kind: str) -> RescoredPair:
    return _settled(stored, definition, "disagreed", zero_scores(definition.comparators, kind))


def _settled(
    stored: StoredPair, definition: Definition, outcome: str, scores: dict[str, ScoreRecord] | None = None
) -> RescoredPair:
    pair = msgspec.structs.replace(
        stored.pair, definition=definition.hash, decides=definition.decides, outcome=outcome, scores=scores or {}
    )
    return RescoredPair(exchange=stored.exchange, pair=pair)
