"""Records as rows and back: one column for each field that people may query, JSON for what has no fixed shape."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.store.counting import Under
from proxy.store.records import AnswerRecord, ExchangeRecord, PairRecord, RandomPair, ScoreRecord, StoredPair
from proxy.store.units import Member

Row = Mapping[str, Any]

# What a person wrote or a model answered: deleted by retention and by `forget`, everything else stays.
EXCHANGE_TEXT = {
    "subjects": "[]",
    "teacher_error_message": None,
    "teacher_content": None,
    "teacher_tool_calls": None,
    "teacher_response": None,
    "request": None,
}
PAIR_TEXT = dict.fromkeys(
    ("student_error_message", "score_details", "student_content", "student_tool_calls", "student_response")
)


def pair_id(exchange_id: str, student: str) -> str:
    return f"{exchange_id}:{student}"


def split_pair_id(of: str) -> tuple[str, str]:
    """Exchange id and student; a student's name has no colon."""
    exchange_id, _, student = of.rpartition(":")
    return exchange_id, student


def exchange_row(exchange: ExchangeRecord, unit_head: str | None) -> dict[str, Any]:
    """The row of table ``exchanges``.  ``unit_head``: see ``proxy.store.units``; None while its unit is open."""
    return {
        "id": exchange.id,
        "route": exchange.route,
        "surface": exchange.surface,
        "source": exchange.source,
        "arrived_at": exchange.arrived_at,
        "captured_at": exchange.captured_at,
        "requested_model": _text(exchange.requested_model),
        "teacher_version": _text(exchange.teacher_version),
        "probability": exchange.probability,
        "unit": exchange.unit,
        "unit_kind": exchange.unit_kind,
        "repeat_key": exchange.repeat_key,
        "unit_head": unit_head,
        "has_text": exchange.request is not None or exchange.teacher is not None,
        "has_teacher": exchange.teacher is not None,
        "segments": _json(exchange.segments),
        "subjects": _json(exchange.subjects),
        "request": None if exchange.request is None else _json(exchange.request),
        **_answer_columns("teacher", exchange.teacher or AnswerRecord()),
    }


def draw_of(unit: str) -> int:
    """A random number in [0, 2^32), the same for all of a unit: a sample by it holds units whole."""
    return int.from_bytes(hashlib.blake2b(unit.encode(), digest_size=4).digest(), "big")


def pair_row(exchange: ExchangeRecord, pair: PairRecord, evidence_id: int) -> dict[str, Any]:
    """The row of table ``pairs``."""
    scores = {
        name: {"score": score.score, "agree": score.agree, "kinds": score.kinds} for name, score in pair.scores.items()
    }
    details = {name: score.detail for name, score in pair.scores.items() if score.detail is not None}
    return {
        "exchange_id": exchange.id,
        "student": pair.student,
        "route": exchange.route,
        "source": exchange.source,
        "arrived_at": exchange.arrived_at,
        "captured_at": exchange.captured_at,
        "version": utf8(pair.version),
        "definition": pair.definition,
        "decides": pair.decides,
        "evidence_id": evidence_id,
        "draw": draw_of(exchange.unit or exchange.id),
        "outcome": pair.outcome,
        "agree": pair.agree,
        "thinning": pair.thinning,
        "scores": _json(scores),
        "score_details": _json(details) if details else None,
        **_answer_columns("student", pair.answer),
    }


def member_of(exchange: ExchangeRecord, pair: PairRecord, under: Under) -> Member:
    """A pair as a member of its unit."""
    return Member(
        exchange_id=exchange.id,
        captured_at=exchange.captured_at,
        source=exchange.source,
        route=exchange.route,
        student=pair.student,
        under=under,
        probability=exchange.probability,
        thinning=pair.thinning,
        outcome=pair.outcome,
        decides=pair.decides,
        agrees={name: score.agree for name, score in pair.scores.items()},
    )


def member_of_row(row: Row, under: Under) -> Member:
    """The same of a stored pair."""
    scores = msgspec.json.decode(row["scores"], type=dict[str, ScoreRecord])
    return Member(
        exchange_id=row["exchange_id"],
        captured_at=row["captured_at"],
        source=row["source"],
        route=row["route"],
        student=row["student"],
        under=under,
        probability=row["probability"],
        thinning=row["thinning"],
        outcome=row["outcome"],
        decides=row["decides"],
        agrees={name: score.agree for name, score in scores.items()},
    )


def exchange_of(row: Row) -> ExchangeRecord:
    """The exchange of a row that has the columns of table ``exchanges``."""
    return ExchangeRecord(
        id=row["id"],
        route=row["route"],
        surface=row["surface"],
        source=row["source"],
        arrived_at=row["arrived_at"],
        captured_at=row["captured_at"],
        requested_model=row["requested_model"],
        teacher_version=row["teacher_version"],
        request=_value(row["request"]),
        teacher=_answer("teacher", row) if row["has_teacher"] else None,
        segments=_value(row["segments"]),
        unit=row["unit"],
        unit_kind=row["unit_kind"],
        repeat_key=row["repeat_key"],
        probability=row["probability"],
        subjects=tuple(_value(row["subjects"])),
    )


def stored_pair(row: Row) -> StoredPair:
    """The pair of a row that joins both tables' columns."""
    details = _value(row["score_details"]) or {}
    scores = msgspec.json.decode(row["scores"], type=dict[str, ScoreRecord])
    return StoredPair(
        id=pair_id(row["exchange_id"], row["student"]),
        evidence_id=row["evidence_id"],
        exchange=exchange_of({**row, "id": row["exchange_id"]}),
        pair=PairRecord(
            student=row["student"],
            version=row["version"],
            definition=row["definition"],
            decides=row["decides"],
            thinning=row["thinning"],
            outcome=row["outcome"],
            answer=_answer("student", row),
            scores={name: msgspec.structs.replace(score, detail=details.get(name)) for name, score in scores.items()},
        ),
    )


def random_pair(row: Row) -> RandomPair:
    """The pair of a row of ``statements.RANDOM_PAIRS``."""
    scores = msgspec.json.decode(row["scores"], type=dict[str, ScoreRecord])
    decides = scores.get(row["decides"])
    return RandomPair(
        id=pair_id(row["exchange_id"], row["student"]),
        outcome=row["outcome"],
        kinds=decides.kinds if decides is not None and row["outcome"] == "disagreed" else (),
        segments=_value(row["segments"]),
        surface=row["surface"],
        request=_value(row["request"]),
        probability=row["probability"] * row["thinning"],
        unit_head=row["unit_head"],
    )


def _answer_columns(side: str, answer: AnswerRecord) -> dict[str, Any]:
    error = answer.error or {}
    return {
        f"{side}_model": _text(answer.model),
        f"{side}_status": answer.status,
        f"{side}_finish_reason": _text(answer.finish_reason),
        f"{side}_latency_ms": answer.latency_ms,
        f"{side}_ttft_ms": answer.ttft_ms,
        f"{side}_cost_usd": answer.cost_usd,
        f"{side}_usage": None if answer.usage is None else _json(answer.usage),
        f"{side}_error_kind": error.get("kind"),
        f"{side}_error_message": _text(error.get("message")),
        f"{side}_content": _text(answer.content),
        f"{side}_tool_calls": _json(answer.tool_calls) if answer.tool_calls else None,
        f"{side}_response": None if answer.response is None else _json(answer.response),
    }


def _answer(side: str, row: Row) -> AnswerRecord:
    kind, message = row[f"{side}_error_kind"], row[f"{side}_error_message"]
    return AnswerRecord(
        model=row[f"{side}_model"],
        status=row[f"{side}_status"],
        content=row[f"{side}_content"],
        tool_calls=tuple(_value(row[f"{side}_tool_calls"]) or ()),
        finish_reason=row[f"{side}_finish_reason"],
        usage=_value(row[f"{side}_usage"]),
        latency_ms=row[f"{side}_latency_ms"],
        ttft_ms=row[f"{side}_ttft_ms"],
        cost_usd=row[f"{side}_cost_usd"],
        response=_value(row[f"{side}_response"]),
        error=None if kind is None else {"kind": kind, "message": message or ""},
    )


def _value(json: str | None) -> Any:
    return None if json is None else msgspec.json.decode(json)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value))).decode()


def utf8(value: str) -> str:
    """The text with half surrogate pairs replaced: models can write them, UTF-8 cannot hold them."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _text(value: str | None) -> str | None:
    return None if value is None else utf8(value)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    return [_mended(each) for each in value] if isinstance(value, list | tuple) else value
