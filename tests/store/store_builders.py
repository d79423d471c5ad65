"""Records for the store's tests: small ones, of which a test names only what it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proxy.store.base import Store
from proxy.store.records import AnswerRecord, ExchangeRecord, PairRecord, ScoreRecord, Settlement
from proxy.store.sqlite import SQLiteStore

T0 = 1_790_000_100.0  # a five-minute bucket begins here
DAY = 86_400.0

Opener = Callable[..., Store]


def sqlite_engine(directory: Path) -> Opener:
    """Opens one and the same store again and again, for one replica or another."""
    return lambda replica="0": SQLiteStore(directory / "understudy.db", replica=replica)


# Every engine passes the same tests; a new one joins here.
ENGINES = {"sqlite": sqlite_engine}


def exchange(id_: str = "e1", at: float = T0, **fields: Any) -> ExchangeRecord:
    given = {
        "route": "intents",
        "arrived_at": at - 1,
        "captured_at": at,
        "surface": "chat/completions",
        "requested_model": "gpt-4o",
        "teacher_version": "gpt-4o-2024-08-06",
        "request": {"messages": [{"role": "user", "content": "Where is my parcel?"}]},
        "teacher": AnswerRecord(
            model="gpt-4o-2024-08-06",
            status=200,
            content="shipping",
            finish_reason="stop",
            latency_ms=800.0,
            ttft_ms=200.0,
            cost_usd=0.002,
            usage={"input_tokens": 100, "cached_input_tokens": 40, "output_tokens": 3},
            response={"choices": [{"message": {"content": "shipping"}}]},
        ),
        "segments": {"language": "en", "length": "short"},
        "unit": f"unit-{id_}",
    }
    return ExchangeRecord(id=id_, **(given | fields))


def stub(id_: str = "stub", at: float = T0, **fields: Any) -> ExchangeRecord:
    """An exchange that was lost before it was read."""
    return ExchangeRecord(id=id_, route="intents", arrived_at=at, captured_at=at, **fields)


def pair(outcome: str = "agreed", student: str = "small", **fields: Any) -> PairRecord:
    agree = outcome == "agreed"
    scored = outcome in {"agreed", "disagreed"}
    given = {
        "version": "v1",
        "definition": "d1",
        "decides": "label",
        "answer": AnswerRecord(
            model="small-1",
            status=200,
            content="shipping" if agree else "billing",
            latency_ms=50.0,
            cost_usd=0.0001,
            usage={"input_tokens": 100, "output_tokens": 3},
            response={"choices": []},
        )
        if scored
        else AnswerRecord(error={"kind": "timeout" if outcome == "unavailable" else outcome, "message": "why"}),
        "scores": {
            "label": ScoreRecord(score=float(agree), agree=agree, kinds=() if agree else ("wrong_label",)),
            "wording": ScoreRecord(score=0.29, agree=False, kinds=("wording",), detail={"words": ["parcel"]}),
        }
        if scored
        else {},
    }
    return PairRecord(student=student, outcome=outcome, **(given | fields))


def settlement(id_: str = "e1", *outcomes: str, at: float = T0, **fields: Any) -> Settlement:
    """An exchange with one pair of student `small`, or one for each outcome and student `s0`, `s1` …"""
    named = {"student": "small"} if len(outcomes) == 1 else {}
    pairs = (pair(outcome, **({"student": f"s{index}"} | named)) for index, outcome in enumerate(outcomes))
    return Settlement(exchange=exchange(id_, at, **fields), pairs=tuple(pairs))


Tally = Counter[tuple[str, str, str, int]]


def tallied(store: Store, student: str = "small", *, source: str = "live", route: str = "intents") -> Tally:
    """All counts of a route and student: n by comparator, segment, measure and bin."""
    counts: Tally = Counter()
    for evidence in store.evidences(route, student):
        for row in store.counts(evidence.id, source=source):
            segment = row.segment_key + (f"={row.segment_value}" if row.segment_value else "")
            counts[row.comparator, segment, row.measure, row.bin] += row.n
    return counts
