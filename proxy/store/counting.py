"""What a pair and an exchange add to the counts, but for units: pure, the measures of ``records.CountRow`` exactly.

An increment is ``(comparator, segment key, segment value, cells)`` with ``(measure, bin, n)`` as cells.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from proxy.journal.base import bucket_of
from proxy.store.records import (
    ANSWERED,
    BINS,
    COUNTED_EXCLUDED,
    COUNTED_MISSING,
    LATENCY_STEP,
    OURS,
    AnswerRecord,
    ExchangeRecord,
    PairRecord,
    ScoreRecord,
    probability_of,
)

Cell = tuple[str, int, int]
Increment = tuple[str, str, str, list[Cell]]

ALL = ("all", "")
# Of the series that count exchanges, not pairs.
NO_EVIDENCE = 0
_TOP = BINS - 1
_TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens")


class Series(NamedTuple):
    """What counts are kept apart by, beside the bucket, the measure and the bin."""

    replica: str
    source: str
    route: str
    student: str  # "" with NO_EVIDENCE
    evidence_id: int
    teacher_version: str
    comparator: str
    segment_key: str
    segment_value: str
    probability: float


class Under(NamedTuple):
    """Where a pair is counted: its evidence, and the names of what would else be too many (``other``)."""

    evidence_id: int
    teacher_version: str
    segments: Mapping[str, str]


class Totals:
    """The increments of a transaction added up."""

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._counts: defaultdict[Series, defaultdict[tuple[int, str, int], int]] = defaultdict(
            lambda: defaultdict(int)
        )

    def add_exchange(self, exchange: ExchangeRecord, teacher_version: str) -> None:
        increments = exchange_increments(exchange)
        self._add(exchange, "", NO_EVIDENCE, teacher_version, exchange.probability, increments)

    def add_pair(self, exchange: ExchangeRecord, pair: PairRecord, under: Under) -> None:
        increments = pair_increments(exchange, pair, under.segments)
        probability = probability_of(exchange, pair)
        self._add(exchange, pair.student, under.evidence_id, under.teacher_version, probability, increments)

    def add_unit(self, contribution: Mapping[tuple[Series, int, str, int], int]) -> None:
        """What ``proxy.store.units`` says of a unit."""
        for (series, bucket, measure, bin_), n in contribution.items():
            if n:
                self._counts[series][bucket, measure, bin_] += n

    def by_series(self) -> dict[Series, dict[tuple[int, str, int], int]]:
        """For each series: n by bucket, measure and bin."""
        return {series: dict(cells) for series, cells in self._counts.items()}

    def _add(  # noqa: PLR0917 - what a series is told apart by
        self,
        exchange: ExchangeRecord,
        student: str,
        evidence_id: int,
        teacher_version: str,
        probability: float,
        increments: Iterable[Increment],
    ) -> None:
        bucket = bucket_of(exchange.captured_at)
        whose = (self._replica, exchange.source, exchange.route, student, evidence_id, teacher_version)
        for comparator, key, value, cells in increments:
            counts = self._counts[Series(*whose, comparator, key, value, probability)]
            for measure, bin_, n in cells:
                counts[bucket, measure, bin_] += n


def round_to_bin(value: float, unit: str) -> int:
    """The bin for a value in [0, 1]; between two bins it is drawn by the unit's id, so that means are kept.

    What falls on a bin exactly stays there (0 and 1 above all).  Source: STATISTICS.md, section a.2.
    """
    scaled = min(max(value, 0.0), 1.0) * _TOP
    nearest = round(scaled)
    if math.isclose(scaled, nearest, rel_tol=0.0, abs_tol=1e-9):
        return nearest
    below = math.floor(scaled)
    drawn = int.from_bytes(hashlib.blake2b(unit.encode(), digest_size=8).digest(), "big") / 2**64
    return below + (drawn < scaled - below)


def latency_bin(milliseconds: float) -> int:
    """The log-spaced bin of a latency."""
    return max(0, round(math.log(max(milliseconds, 1.0)) / LATENCY_STEP))


def exchange_increments(exchange: ExchangeRecord) -> Iterator[Increment]:
    """What an exchange counts without any student: volume, and the teacher's latency, tokens and cost."""
    yield ("", *ALL, [("exchanges", 0, 1), *_of_answer("teacher", exchange.teacher, timed=True)])


def pair_increments(exchange: ExchangeRecord, pair: PairRecord, segments: Mapping[str, str]) -> Iterator[Increment]:
    """What a pair counts, in `all` and in each of these segments, values by key."""
    everywhere = _by_comparator(pair, exchange)
    for segment in (ALL, *segments.items()):
        for comparator, cells in everywhere.items():
            yield (comparator, *segment, cells)
    yield ("", *ALL, list(_in_all_alone(exchange, pair, segments)))


def _by_comparator(pair: PairRecord, exchange: ExchangeRecord) -> dict[str, list[Cell]]:
    """What counts in every segment; under ``""`` what is no comparator's."""
    if pair.outcome in COUNTED_EXCLUDED:
        excluded = [(f"excluded:{pair.outcome}", 0, 1)]
        return {"": [*excluded, ("over_budget", 0, 1)] if pair.over_budget else excluded}
    due = [("pairs", 0, 1), *([("later_turns", 0, 1)] if exchange.unit_kind == "conversation" else [])]
    if pair.outcome in COUNTED_MISSING:
        return {"": [*due, (f"missing:{pair.outcome}", 0, 1)]}
    agree = pair.outcome == "agreed"
    decides = pair.scores.get(pair.decides) or ScoreRecord(score=float(agree), agree=agree)
    kinds = () if agree else sorted(set(decides.kinds))
    return {
        "": [*due, *((f"kind:{kind}", 0, 1) for kind in kinds)],
        **{comparator: list(_of_score(score, score.agree)) for comparator, score in pair.scores.items()},
        pair.decides: list(_of_score(decides, agree)),
    }


def _of_score(score: ScoreRecord, agree: bool) -> Iterator[Cell]:
    yield "score", min(max(math.floor(score.score * _TOP + 1e-9), 0), _TOP), 1
    if micros := round(score.score * 1_000_000):
        yield "score_micros", 0, micros
    if agree:
        yield "agreed", 0, 1


def _in_all_alone(exchange: ExchangeRecord, pair: PairRecord, segments: Mapping[str, str]) -> Iterator[Cell]:
    if pair.outcome in COUNTED_EXCLUDED:
        return
    if not segments:
        yield "unsegmented", 0, 1
    if pair.answer.error is not None and pair.outcome not in OURS:
        yield f"student_error:{pair.answer.error.get('kind', 'other')}", 0, 1
    if pair.logprobs is not None:
        yield f"student_logprobs:{pair.logprobs}", 0, 1
    if (sums := pair.logprob_sums) is not None:
        yield "logprob_positions", 0, sums.positions
        yield "js_micros", 0, sums.js_micros
        yield "kl_micros", 0, sums.kl_micros
    yield from _of_answer("teacher", exchange.teacher, timed=True)
    # The time that a failure took says nothing of how fast the student answers.
    yield from _of_answer("student", pair.answer, timed=pair.outcome in ANSWERED)


def _of_answer(side: str, answer: AnswerRecord | None, *, timed: bool) -> Iterator[Cell]:
    if answer is None:
        return
    if timed and answer.latency_ms is not None:
        yield f"{side}_ms", latency_bin(answer.latency_ms), 1
    if timed and answer.ttft_ms is not None:
        yield f"{side}_ttft_ms", latency_bin(answer.ttft_ms), 1
    for name in _TOKENS:
        if tokens := (answer.usage or {}).get(name):
            yield f"{side}_{name}", 0, tokens
    if answer.cost_usd is not None:
        yield f"{side}_priced", 0, 1
        if nano := round(answer.cost_usd * 1e9):
            yield f"{side}_nano_usd", 0, nano
