"""The pair of an exchange and a student, as it is kept: CONTRACT.md's table, row by row.  Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from comparators.base import Answer
from proxy.config.model import Route, Student
from proxy.openai import answers, codings, prices, usage
from proxy.shadow.budgets import LEAST, Asking
from proxy.shadow.exchanges import ReadExchange, Terms, answer_record
from proxy.shadow.failures import LONGEST_MESSAGE, UNAVAILABLE, UNUSABLE, StudentFailure
from proxy.shadow.features import answer_features
from proxy.shadow.logprob_sums import logprob_sums
from proxy.shadow.scoring import Scored, zero_scores
from proxy.shadow.students import StudentAnswer
from proxy.store.records import (
    OVER_BUDGET,
    TEACHER_REPLAY,
    AnswerRecord,
    Features,
    LogprobSums,
    PairRecord,
    ScoreRecord,
)

MOST_OTHERS = 7  # choices of one answer that are compared beside the first
_ENDINGS = {"length": "truncated", "incomplete": "truncated", "content_filter": "filtered"}
_UNREADABLE = {"not_the_surface": "unusable_shape"}


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A student's answer once read: either ``unusable`` names why, or the comparators are to decide."""

    answer: Answer
    record: AnswerRecord
    unusable: str | None = None
    broken: bool = False  # broken off after all: the student is unavailable
    logprobs: Literal["given", "none", "refused"] | None = None
    features: Features = {}
    logprob_sums: LogprobSums | None = None
    choices: int = 1
    others: tuple[Answer | None, ...] = ()  # choices beside the one compared, some of them; None: not usable

    @property
    def comparable(self) -> bool:
        """Whether the comparators are to be asked."""
        return self.unusable is None and not self.broken


def not_asked(terms: Terms, student: Student, outcome: str, message: str = "") -> PairRecord:
    """A student that was not asked, or whose answer could not be compared at all."""
    return _pair(terms, student, outcome, AnswerRecord(error={"kind": outcome, "message": message}))


def left_out(terms: Terms, student: Student, asking: Asking) -> PairRecord:
    """A student that was not asked because of its budget."""
    if asking.left_out == "paused":
        error = {"kind": OVER_BUDGET, "message": "beyond its budget"}
    else:
        error = {"kind": "sampled_out", "message": f"{asking.thinning:g} of the sampled units are asked about"}
    return _pair(terms, student, asking.left_out or "", AnswerRecord(error=error))


def without_answer(terms: Terms, student: Student, failure: StudentFailure) -> PairRecord:
    """A student that failed: missing, or, where the failure is its answer, a disagreement."""
    record = AnswerRecord(
        status=failure.status,
        latency_ms=None if failure.latency is None else failure.latency * 1000,
        error={"kind": failure.kind, "message": _kept(terms, failure.message)},
    )
    if failure.means == UNUSABLE:
        return _pair(terms, student, "disagreed", record, zero_scores(terms.comparators, failure.kind))
    return _pair(terms, student, failure.means, record)


def judge_failure(exchange: ReadExchange, failure: StudentFailure) -> Judged | None:
    """A filter that refuses by an error, where the teacher's answer was cut off by one too: they ended alike."""
    if failure.kind != "filtered" or _ending(exchange.teacher) != "filtered":
        return None
    record = AnswerRecord(status=failure.status, finish_reason="content_filter")
    return Judged(answer=Answer(finish_reason="content_filter"), record=record)


def judge(terms: Terms, student: Student, exchange: ReadExchange, answered: StudentAnswer) -> Judged:
    """Read a student's response and see whether it can be used at all."""
    http = answered.http
    try:
        body = codings.decode(http.body, http.content_encoding, terms.limit)
        reading = answers.read_answer(exchange.request.surface, http.content_type, body)
    except codings.CodingError as error:
        return _unreadable(answered, "too_large" if error.reason == "too_large" else "unusable_coding")
    except answers.UnreadableAnswerError as error:
        if error.reading is None:
            return _unreadable(answered, _UNREADABLE.get(error.kind, error.kind))
        reading = error.reading
    answer = reading.answer
    used = reading.usage or usage.estimate(exchange.request.surface, exchange.request.body, answer)
    record = answer_record(
        answer,
        redact=terms.redact,
        salt=terms.salt,
        status=http.status,
        used=used,
        latency=http.latency,
        ttft=answered.ttft,
        cost=_cost(student, used, answer.model),
    )
    if reading.error is not None:
        said = {"kind": "error_in_answer", "message": _kept(terms, reading.error)}
        return Judged(answer=answer, record=msgspec.structs.replace(record, error=said), unusable="error_in_answer")
    if not reading.complete:
        return _broken_off(answered)
    return Judged(
        answer=answer,
        record=record,
        unusable=unusable_kind(exchange.teacher, answer),
        logprobs=_logprobs(answered, answer),
        features=answer_features(answer, salt=terms.salt),
        logprob_sums=logprob_sums(exchange.teacher, answer),
        choices=reading.choices,
        others=_others(exchange, answer, reading.choices),
    )


def compared(terms: Terms, student: Student, judged: Judged, scored: Scored | None) -> PairRecord:
    """The pair of an answer that was read.  ``scored`` is None where comparators were not asked."""
    if judged.broken:
        outcome, scores = UNAVAILABLE, {}
    elif judged.unusable is not None:
        outcome, scores = "disagreed", zero_scores(terms.comparators, judged.unusable)
    elif scored is None or scored.agree is None:
        outcome, scores = "unscored", {} if scored is None else scored.scores
    else:
        outcome, scores = "agreed" if scored.agree else "disagreed", scored.scores
    pair = _pair(terms, student, outcome, judged.record, scores)
    return msgspec.structs.replace(
        pair, logprobs=judged.logprobs, features=judged.features, logprob_sums=judged.logprob_sums
    )


def _others(exchange: ReadExchange, answer: Answer, choices: int) -> tuple[Answer | None, ...]:
    if choices == 1:
        return ()
    others = answers.other_choices(exchange.request.surface, answer.response, most=MOST_OTHERS)
    return tuple(other if unusable_kind(exchange.teacher, other) is None else None for other in others)


def _logprobs(answered: StudentAnswer, answer: Answer) -> Literal["given", "none", "refused"] | None:
    if answered.logprobs is None:
        return None
    if not answered.logprobs:
        return "refused"
    return "given" if answer.logprobs else "none"


def unusable_kind(teacher: Answer, student: Answer) -> str | None:
    """Why the student's answer cannot be used; None where it can, or where both ended alike."""
    ending = _ending(student)
    if ending is not None:
        return None if ending == _ending(teacher) else ending
    return "empty" if _is_empty(student) and not _is_empty(teacher) else None


def _ending(answer: Answer) -> str | None:
    return _ENDINGS.get(answer.finish_reason or "") or ("refused" if answer.refusal else None)


def _is_empty(answer: Answer) -> bool:
    return not ((answer.content or "").strip() or answer.tool_calls or answer.refusal or answer.embeddings)


def _cost(student: Student, used: usage.Usage, named: str | None) -> float | None:
    """Without a configured price none is claimed of a student; a price per hour is not a pair's."""
    if student.name == TEACHER_REPLAY and student.price is None:
        return prices.cost_usd(student.model or named, used, None)
    if student.price is None or student.price.per_hour is not None:
        return None
    return prices.cost_usd(student.model, used, student.price.model_dump(exclude={"per_hour"}))


def _unreadable(answered: StudentAnswer, kind: str) -> Judged:
    if kind == "incomplete":
        return _broken_off(answered)
    record = AnswerRecord(
        status=answered.http.status,
        latency_ms=answered.http.latency * 1000,
        error={"kind": kind, "message": ""},
    )
    return Judged(answer=Answer(), record=record, unusable=kind)


def _broken_off(answered: StudentAnswer) -> Judged:
    record = AnswerRecord(
        status=answered.http.status, error={"kind": "connection", "message": "the answer was broken off"}
    )
    return Judged(answer=Answer(), record=record, broken=True)


def _kept(terms: Terms, message: str) -> str:
    return str(terms.redact(message))[:LONGEST_MESSAGE]


def _pair(
    terms: Terms, student: Student, outcome: str, answer: AnswerRecord, scores: dict[str, ScoreRecord] | None = None
) -> PairRecord:
    return PairRecord(
        student=student.name,
        version=student.base_version,
        definition=terms.definition,
        decides=terms.comparators[0][0],
        probability_floor=_probability_floor(terms.route, student),
        outcome=outcome,
        answer=answer,
        scores=scores or {},
    )


def _probability_floor(route: Route, student: Student) -> float:
    """The least probability that a unit of this student may be sampled with, budgets and all.

    Where a student is measured against the noise floor, only units count on which the teacher is asked again.
    """
    floor = route.sampling.least
    if student.budget.is_given:
        floor *= LEAST
    replays = route.noise_floor if route.gate.relative_to == "noise_floor" and student.name != TEACHER_REPLAY else None
    return floor * LEAST if replays is not None and replays.usd_per_day is not None else floor
