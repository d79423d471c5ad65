"""Settled exchanges in a real store, and the report's entry about them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from proxy.analyst.report import build_report
from proxy.config.model import Config
from proxy.definition import build_comparators, definition_hash
from proxy.journal.base import Depth, TallyTotal, bucket_of
from proxy.store.records import AnswerRecord, ExchangeRecord, PairRecord, ScoreRecord, Settlement
from proxy.store.sqlite import SQLiteStore

DAY = 86_400.0
T0 = 1_790_000_100.0
NOW = T0 + 8 * DAY


def config(*students: dict, **route) -> Config:
    given = {
        "name": "intents",
        "teacher": {"url": "https://teacher.example/v1"},
        "students": [{"name": "small", "url": "http://student:8000/v1", "version": "v1"} | each for each in students],
        "comparators": [{"use": "label"}],
        "gate": {"min_pairs": 100},
    }
    return Config.model_validate({"routes": [given | route]})


ONE = config({})


def definition_of(configured: Config) -> str:
    return definition_hash(configured.routes[0], build_comparators(configured.routes[0]))


def settled(
    index: int,
    outcome: str,
    *,
    at: float,
    version="v1",
    segments=None,
    student="small",
    error=None,
    of=None,
    again=None,
    **more,
):
    agree = outcome == "agreed"
    scored = outcome in {"agreed", "disagreed"}
    exchange = ExchangeRecord(
        id=f"{student}-{version}-{at}-{index}",
        route="intents",
        arrived_at=at,
        captured_at=at,
        segments={"teacher_version": "t1"} | (segments or {}),
        teacher=AnswerRecord(latency_ms=800.0, ttft_ms=200.0, cost_usd=0.01),
        **({"unit": f"{index}", "teacher_version": "t1"} | more),
    )
    kinds = () if agree else ("wrong_label",)
    pair = PairRecord(
        student=student,
        version=version,
        definition=definition_of(of or ONE),
        decides="label",
        outcome=outcome,
        answer=AnswerRecord(latency_ms=50.0, cost_usd=0.001)
        if scored
        else AnswerRecord(error={"kind": error or "timeout", "message": "why"}),
        scores={"label": ScoreRecord(score=float(agree), agree=agree, kinds=kinds)} if scored else {},
    )
    replay = (msgspec.structs.replace(pair, student=again, version="1"),) if again else ()
    return Settlement(exchange=exchange, pairs=(pair, *replay))


def record(
    store: SQLiteStore, outcomes: Sequence[str], *, begins: float = T0, spread: float = 7.5 * DAY, **more
) -> None:
    step = spread / max(1, len(outcomes))
    store.record([settled(index, each, at=begins + index * step, **more) for index, each in enumerate(outcomes)])


def entry(store: SQLiteStore, configured: Config = ONE, **asked) -> dict:
    [only] = build_report(configured, store, **({"now": NOW, "unsettled": None} | asked))["routes"]
    return only


def waiting(oldest: float, entries: int = 1) -> Depth:
    return Depth(entries=entries, bytes=1000, oldest=oldest)


def lose(store: SQLiteStore, outcome: str, n: int, at: float = T0, probability: float = 1.0) -> None:
    store.record_captures(
        [
            TallyTotal(
                origin="o",
                route="intents",
                outcome=outcome,
                reason="",
                bucket=bucket_of(at),
                probability=probability,
                total=n,
            )
        ]
    )
