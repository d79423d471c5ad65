"""Reading an exchange out of the journal: the teacher's answer, the segments, and the record that is kept of it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from comparators.base import Answer, Comparator, Request
from proxy.config.model import Route
from proxy.journal.base import Delivery, Exchange
from proxy.openai import answers, codings, prices, requests, usage
from proxy.shadow.features import answer_features, request_features
from proxy.shadow.language import language_segment
from proxy.shadow.redaction import Redactor
from proxy.shadow.segments import segment_values
from proxy.shadow.students import Question
from proxy.store.records import AnswerRecord, ExchangeRecord

Redact = Callable[[Any], Any]
SUBJECT_FIELDS = ("user", "safety_identifier")
# What a body that we cannot decode says: that it is broken, or only that it is beyond us.
_BEYOND_US = frozenset({"too_large", "unknown_coding"})


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What all exchanges of a route, and their pairs, have in common."""

    route: Route
    definition: str  # of agreement
    comparators: tuple[tuple[str, Comparator], ...]  # by label; the first decides
    redact: Redactor
    salt: bytes
    limit: int  # bytes of one body once decoded


class TeacherTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why no student is asked: the outcome that every pair has, and what was wrong."""

    outcome: str  # "teacher_error", or "unscored" where the answer may be fine but we cannot read it
    kind: str


class ReadExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange as a student is asked it and as it is kept."""

    request: Request  # the original: comparators and students see it
    path: str  # of the client's request, with what of its query an upstream goes by
    teacher: Answer  # the original; empty where there is trouble
    trouble: TeacherTrouble | None
    record: ExchangeRecord  # redacted, subjects hashed
    size: int  # bytes of the bodies once decoded

    @property
    def question(self) -> Question:
        return Question(surface=self.request.surface, body=self.request.body, path=self.path)


def read_exchange(exchange: Exchange, terms: Terms) -> ReadExchange:
    """Read it whole.  Pure, and slow for large bodies: not for an event loop."""
    redact, salt = terms.redact, terms.salt
    asked = requests.read_request(exchange.surface, exchange.request)
    reading, trouble, size = _read_teacher(exchange, terms.limit)
    teacher = Answer() if reading is None else reading.answer
    used = None
    if reading is not None and trouble is None:
        used = reading.usage or usage.estimate(exchange.surface, asked.body, teacher)
    price = terms.route.teacher.price
    identify = functools.cache(language_segment)  # segment and feature: takes longer than all else of either
    record = msgspec.structs.replace(
        _record_of(exchange),
        teacher_version=teacher.model,
        request=stored_body(asked.body, redact, salt),
        teacher=answer_record(
            teacher,
            redact=redact,
            salt=salt,
            status=exchange.status,
            used=used,
            latency=exchange.duration,
            ttft=exchange.ttft if exchange.streamed else None,
            cost=None
            if used is None
            else prices.cost_usd(teacher.model or exchange.model, used, None if price is None else price.model_dump()),
            error=None if trouble is None else {"kind": trouble.kind, "message": ""},
        ),
        segments=segment_values(
            terms.route.segments,
            surface=exchange.surface,
            body=asked.body,
            headers=exchange.headers,
            tags=exchange.tags,
            turn=asked.turn,
            arrived_at=exchange.arrived_at,
            teacher_version=teacher.model,
            answer=teacher.content,
            redact=redact,
            identify=identify,
        ),
        subjects=_subjects(asked.body, exchange.session, salt),
        request_features={}
        if trouble is not None
        else request_features(exchange.surface, asked.body, salt=salt, identify=identify),
        teacher_features={} if trouble is not None else answer_features(teacher, salt=salt),
    )
    return ReadExchange(
        request=Request(surface=exchange.surface, body=asked.body),
        path=exchange.path + (f"?api-version={quote(exchange.api_version)}" if exchange.api_version else ""),
        teacher=teacher,
        trouble=trouble,
        record=record,
        size=len(exchange.request) + size,
    )


def bare_record(delivery: Delivery) -> ExchangeRecord:
    """What is kept of an exchange whose text is lost, or must not be looked at."""
    if delivery.exchange is not None:
        return _record_of(delivery.exchange)
    return ExchangeRecord(
        id=delivery.exchange_id,
        route=delivery.route,
        arrived_at=delivery.captured_at,
        captured_at=delivery.captured_at,
        unit=delivery.exchange_id,
        probability=delivery.probability,
    )


def _record_of(exchange: Exchange) -> ExchangeRecord:
    """The record of an exchange whose bodies were not read."""
    return ExchangeRecord(
        id=exchange.id,
        route=exchange.route,
        arrived_at=exchange.arrived_at,
        captured_at=exchange.captured_at,
        surface=exchange.surface,
        source=exchange.source,
        requested_model=exchange.model,
        unit=exchange.unit or exchange.id,
        unit_kind=exchange.unit_kind,
        repeat_key=exchange.repeat_key,
        probability=exchange.probability,
    )


def answer_record(
    answer: Answer,
    *,
    redact: Redact,
    salt: bytes,
    status: int | None,
    used: usage.Usage | None,
    latency: float | None,
    ttft: float | None,
    cost: float | None,
    error: dict[str, str] | None = None,
) -> AnswerRecord:
    """One side's answer as it is kept.  Times are seconds."""
    return AnswerRecord(
        model=answer.model,
        status=status,
        content=redact(answer.content),
        tool_calls=tuple(redact(msgspec.to_builtins(call)) for call in answer.tool_calls),
        finish_reason=answer.finish_reason,
        usage=None if used is None else msgspec.to_builtins(used),
        latency_ms=None if latency is None else latency * 1000,
        ttft_ms=None if ttft is None else ttft * 1000,
        cost_usd=cost,
        response=stored_body(answer.response, redact, salt) if answer.response else None,
        error=error,
    )


def stored_body(body: dict[str, Any], redact: Redact, salt: bytes) -> dict[str, Any]:
    """A body with its text redacted, and whom it speaks of hashed (the Responses API echoes them in its answers)."""
    stored: dict[str, Any] = redact(body)
    for field in SUBJECT_FIELDS:
        if body.get(field) is not None:
            stored[field] = subject_hash(salt, body[field])
    return stored


def subject_hash(salt: bytes, value: Any) -> str:
    """What is kept of a user, a safety identifier or a session: `forget` finds it, nobody reads it."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return hashlib.sha256(salt + text.encode(errors="surrogatepass")).hexdigest()[:32]


def _subjects(body: dict[str, Any], session: str | None, salt: bytes) -> tuple[str, ...]:
    values = [body.get(field) for field in SUBJECT_FIELDS] + [session]
    return tuple(dict.fromkeys(subject_hash(salt, value) for value in values if value is not None))


def _read_teacher(exchange: Exchange, limit: int) -> tuple[answers.Reading | None, TeacherTrouble | None, int]:
    """The teacher's answer as far as it can be read, what is wrong with it, and its size once decoded."""
    if not HTTPStatus.OK <= exchange.status < HTTPStatus.MULTIPLE_CHOICES:
        kind = f"status_{exchange.status}"
        return None, TeacherTrouble(outcome="teacher_error", kind=kind), len(exchange.response)
    try:
        # A client that left after the terminal event cut the coding off before its own end.
        body = codings.decode(exchange.response, exchange.content_encoding, limit, partial=True)
    except codings.CodingError as error:
        outcome = "unscored" if error.reason in _BEYOND_US else "teacher_error"
        return None, TeacherTrouble(outcome=outcome, kind=error.reason), len(exchange.response)
    try:
        reading = answers.read_answer(exchange.surface, exchange.content_type, body)
    except answers.UnreadableAnswerError as error:
        if error.kind == "empty" and error.reading is not None:
            return error.reading, None, len(body)  # it said nothing, and that is what the user got
        return None, TeacherTrouble(outcome="teacher_error", kind=error.kind), len(body)
    if reading.error is not None or not reading.complete:
        kind = "incomplete" if reading.error is None else "error_in_answer"
        return reading, TeacherTrouble(outcome="teacher_error", kind=kind), len(body)
    return reading, None, len(body)
