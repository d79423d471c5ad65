"""What one round of the analyst costs over counts of ten million pairs in a hundred segments, and over few."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from benchmarks.statistics.figures import Figure
from proxy.analyst.report import build_report
from proxy.analyst.rounds import Rounds
from proxy.config.model import Config
from proxy.definition import build_comparators, definition_hash
from proxy.journal.base import Depth
from proxy.store.counting import Series, Totals
from proxy.store.records import AnswerRecord, ExchangeRecord, PairRecord, ScoreRecord, Settlement
from proxy.store.sqlite import SQLiteStore

T0, DAY, BUCKET = 1_790_000_100 // 86_400 * 86_400, 86_400, 300
DAYS, SEGMENTS = 30, 100
NOTHING_WAITS = Depth(entries=0, bytes=0, oldest=None)
CONFIG = Config.model_validate(
    {
        "routes": [
            {
                "name": "r",
                "teacher": {"url": "http://t/v1"},
                "students": [{"name": "s", "url": "http://s/v1", "version": "1"}],
                "comparators": [{"use": "exact"}],
                "segments": ["tags"],
                "gate": {"min_days": 0},
            }
        ]
    }
)


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    many = _round_and_report(10_000_000, days=3 if quick else DAYS)
    few = _round_and_report(10_000, days=3 if quick else DAYS)
    return [
        Figure(
            f"a round, counts of 10 million pairs, {SEGMENTS} segments",
            "< 1 s",
            f"{many[0]:.2f} s; of 10,000 pairs {few[0]:.2f} s",
            many[0] < 1.0,
        ),
        Figure(
            "the report of the same",
            "<= 2 times that of 10,000, whose days lack some values",
            f"{many[1]:.2f} s against {few[1]:.2f} s",
            many[1] <= 2 * few[1],
        ),
    ]


def _round_and_report(pairs: int, *, days: int) -> tuple[float, float]:
    """Seconds of a round that finds one new block, and of a report."""
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "a.db")
        evidence_id = _begun(store)
        _fill(store, evidence_id, pairs, days)
        now = float(T0 + days * DAY)
        rounds = Rounds(store)
        rounds.work(CONFIG, now=now, unsettled=NOTHING_WAITS)
        _fill(store, evidence_id, pairs // (days * DAY // BUCKET), 0, begin=int(now))
        begun = time.perf_counter()
        rounds.work(CONFIG, now=now + 2 * BUCKET, unsettled=NOTHING_WAITS)
        round_ = time.perf_counter() - begun
        begun = time.perf_counter()
        build_report(CONFIG, store, now=now + 2 * BUCKET, unsettled=None)
        report = time.perf_counter() - begun
        store.close()
    return round_, report


def _begun(store: SQLiteStore) -> int:
    """One pair, so that there is evidence."""
    route = CONFIG.routes[0]
    definition = definition_hash(route, build_comparators(route))
    exchange = ExchangeRecord(id="first", route="r", arrived_at=T0, captured_at=T0, segments={"tenant": "0"})
    pair = PairRecord(
        student="s",
        version="1",
        definition=definition,
        decides="exact",
        outcome="agreed",
        answer=AnswerRecord(),
        scores={"exact": ScoreRecord(score=1.0, agree=True)},
    )
    store.record([Settlement(exchange=exchange, pairs=(pair,))])
    return store.evidences("r", "s")[0].id


def _fill(store: SQLiteStore, evidence_id: int, pairs: int, days: int, *, begin: int = T0) -> None:
    """Counts of so many pairs, evenly over the time, in each segment its share."""
    draw = random.Random(1)
    buckets = range(begin, begin + max(BUCKET, days * DAY), BUCKET)
    for start in range(0, len(buckets), DAY // BUCKET):
        totals = Totals("0")
        counted: dict[tuple[Series, int, str, int], int] = {}
        for bucket in buckets[start : start + DAY // BUCKET]:
            for number in range(SEGMENTS + 1):
                name = ("all", "") if number == 0 else ("tenant", str(number))
                share = pairs / len(buckets) / (1 if number == 0 else SEGMENTS)
                n = int(share) + (draw.random() < share % 1)
                bad = sum(draw.random() < 0.03 for _ in range(n)) if n < 100 else round(0.03 * n)
                series = Series("0", "live", "r", "s", evidence_id, "", "exact", *name, 1.0)
                plain = series._replace(comparator="")
                for measure in ("low", "high", "valid"):
                    counted[series, bucket, measure, 100] = n - bad
                    counted[series, bucket, measure, 0] = bad
                counted[plain, bucket, "pairs", 0] = n
                counted[plain, bucket, "kind:wording", 0] = bad
        totals.add_unit(counted)
        with store._connection.writing():  # noqa: SLF001 - as the store does it itself, without the pairs
            store._add(totals)  # noqa: SLF001
