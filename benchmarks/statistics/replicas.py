"""Four replicas that deliver everything twice and in any order come to the same bits as one that does not."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.statistics.figures import Figure
from proxy.analysis.bounds import UnitCounts, lower_bound, upper_bound
from proxy.analyst.summary import Lost, summarise
from proxy.store.records import AnswerRecord, ExchangeRecord, PairRecord, ScoreRecord, Settlement
from proxy.store.sqlite import SQLiteStore

SEED, BEGIN, BATCH = 20261128, 1_790_000_100.0, 50
ALPHA, FLOOR = 0.05, 0.5


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    settlements = [settlement(n) for n in range(600 if quick else 6_000)]
    twice = settlements * 2
    random.Random(SEED).shuffle(twice)
    once, merged = counted(settlements, replicas=1), counted(twice, replicas=4)
    same = bits(once) == bits(merged)
    what = f"{len(settlements):,} pairs in {once.total:,} units by 4 replicas, each twice, shuffled"
    return [Figure(f"{what}, against one", "the same bits", "the same bits" if same else "other bits", same)]


def settlement(n: int) -> Settlement:
    """Single requests, one in four a repeat of the one before; every third belongs to one of many conversations."""
    turn, repeat = n % 3 == 0, n % 4 == 1
    agree = n % 20 != 7
    at = BEGIN + 30.0 * n
    exchange = ExchangeRecord(
        id=f"e{n}",
        route="intents",
        arrived_at=at,
        captured_at=at,
        unit=f"conversation {n // 60}" if turn else f"e{n}",
        unit_kind="conversation" if turn else "request",
        repeat_key="" if turn else f"repeated {n - repeat}",
        probability=FLOOR if n // 60 % 2 else 1.0,
        segments={"tenant": str(n % 5)},
    )
    pair = PairRecord(
        student="small",
        version="v1",
        definition="d",
        decides="label",
        probability_floor=FLOOR,
        outcome="agreed" if agree else "disagreed",
        answer=AnswerRecord(),
        scores={"label": ScoreRecord(score=float(agree), agree=agree)},
    )
    return Settlement(exchange=exchange, pairs=(pair,))


def counted(settlements: Sequence[Settlement], *, replicas: int) -> UnitCounts:
    """The units as a report reads them."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stores = [
            stack.enter_context(closing(SQLiteStore(Path(folder) / "understudy.db", replica=str(n))))
            for n in range(replicas)
        ]
        for n in range(0, len(settlements), BATCH):
            stores[n // BATCH % replicas].record(settlements[n : n + BATCH])
        while stores[0].close_units(BEGIN + 1e9):
            pass
        [evidence] = stores[0].evidences("intents", "small")
        nothing = Lost(missing={}, by_probability={}, paused=0)
        return summarise(stores[0].counts(evidence.id), decides="label", lost=nothing).overall.low


def bits(units: UnitCounts) -> tuple[object, ...]:
    """All that a verdict takes from them, compared without tolerance."""
    arrays = (units.probabilities, units.values, units.counts)
    bounds = (bound(units, ALPHA, probability_floor=FLOOR) for bound in (lower_bound, upper_bound))
    return *(array.tobytes() for array in arrays), *bounds
