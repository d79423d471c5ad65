"""Counts as they are stored, put together into the plain numbers that a report is made of.  Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from proxy.analysis.bounds import UnitCounts
from proxy.analysis.records import Differences, Slice
from proxy.store.records import BINS, NOISE_FLOOR, CountRow, Evidence

TOP_BIN = BINS - 1
ALL = ("all", "")


@dataclass(frozen=True, slots=True)
class Lost:
    """Captures of the same time that never became an exchange, by outcome."""

    missing: Mapping[str, int]  # were due, as far as anyone knows: too_large, shed, failed
    by_probability: Mapping[float, int]  # the same by the probability with which they would have been sampled
    paused: int  # left out by a person


NOTHING_LOST = Lost(missing={}, by_probability={}, paused=0)


@dataclass(frozen=True, slots=True)
class ComparatorMeans:
    mean: float  # score
    agreement: float


@dataclass(frozen=True, slots=True)
class Money:
    """Cost over all exchanges due (weighted to the whole traffic), and of the pairs themselves."""

    usd: float | None  # of the pairs whose cost is known; None: of none
    whole_usd: float | None  # the same for all that the sample stands for


@dataclass(frozen=True, slots=True)
class Summary:
    """All that counts tell of one evidence."""

    pairs: int
    turns: Mapping[str, float]  # pairs that the sample stands for, by the value of segment `turn`
    overall: Slice
    segments: tuple[Slice, ...]
    lost_share: float  # units that are in `all` alone, as their segments are not known
    excluded: Mapping[str, int]
    comparators: Mapping[str, ComparatorMeans]
    kinds: Mapping[str, int]
    student_errors: Mapping[str, int]
    student_logprobs: Mapping[str, int]  # answers by whether they had the log-probabilities that were wanted
    latencies: Mapping[str, Mapping[int, float]]  # measure (teacher_ms, …) to a weighted histogram
    teacher_cost: Money
    student_cost: Money


def summarise(rows: Iterable[CountRow], *, decides: str, lost: Lost, also: Collection[str] = ()) -> Summary:
    """What the counts of one evidence come to.

    Args:
        rows: the counts.
        decides: the comparator that decides agreement.
        lost: captures that count as missing in `all` alone.
        also: other comparators that are asked for.
    """
    table = _Table(rows)
    overall = _slice(table, ALL, decides, lost, also)
    segments = tuple(_slice(table, name, decides, None, also) for name in sorted(table.segments - {ALL}))
    lost_units = sum(lost.missing.values()) + table.total(ALL, "unsegmented")
    return Summary(
        pairs=table.total(ALL, "pairs"),
        turns={name[1]: table.weighted(name, "pairs") for name in table.segments if name[0] == "turn"},
        overall=overall,
        segments=tuple(segment for segment in segments if segment.units),
        lost_share=lost_units / max(1, overall.units),
        excluded=_with_more(table.by_kind(ALL, "excluded"), {"paused": lost.paused}),
        comparators={name: means for name in table.comparators if (means := _means(table, name))},
        kinds=table.by_kind(ALL, "kind"),
        student_errors=table.by_kind(ALL, "student_error"),
        student_logprobs=table.by_kind(ALL, "student_logprobs"),
        latencies={
            measure: table.histogram(measure)
            for measure in ("teacher_ms", "student_ms", "teacher_ttft_ms", "student_ttft_ms")
        },
        teacher_cost=_money(table, "teacher"),
        student_cost=_money(table, "student"),
    )


def probability_floor(summary: Summary, evidence: Evidence | None) -> float:
    """What the bets of the bounds go by: the lowest probability, also of what may still come to the evidence."""
    probabilities = summary.overall.low.probabilities
    lowest = float(probabilities.min()) if probabilities.size else 1.0
    return min(lowest, evidence.probability_floor) if evidence else lowest


class _Table:
    """Count rows, indexed."""

    def __init__(self, rows: Iterable[CountRow]) -> None:
        self._rows: dict[tuple[tuple[str, str], str, str], list[CountRow]] = defaultdict(list)
        self._kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in rows:
            name = (row.segment_key, row.segment_value)
            self._rows[name, row.comparator, row.measure].append(row)
            self._kinds[name].add(row.measure)

    @property
    def segments(self) -> set[tuple[str, str]]:
        return set(self._kinds)

    @property
    def comparators(self) -> list[str]:
        return sorted({comparator for _, comparator, measure in self._rows if comparator and measure == "score"})

    def rows(self, segment: tuple[str, str], measure: str, comparator: str = "") -> list[CountRow]:
        return self._rows.get((segment, comparator, measure), [])

    def total(self, segment: tuple[str, str], measure: str, comparator: str = "") -> int:
        return sum(row.n for row in self.rows(segment, measure, comparator))

    def weighted(self, segment: tuple[str, str], measure: str, comparator: str = "") -> float:
        """What the sample stands for: each count over its sampling probability."""
        return sum(row.n / row.probability for row in self.rows(segment, measure, comparator))

    def by_probability(self, segment: tuple[str, str], measure: str, comparator: str) -> Counter[float]:
        counts: Counter[float] = Counter()
        for row in self.rows(segment, measure, comparator):
            counts[row.probability] += row.n
        return counts

    def by_kind(self, segment: tuple[str, str], family: str) -> dict[str, int]:
        measures = sorted(measure for measure in self._kinds[segment] if measure.startswith(f"{family}:"))
        counts = {measure.partition(":")[2]: self.total(segment, measure) for measure in measures}
        return {kind: n for kind, n in counts.items() if n}

    def weighted_by_kind(self, segment: tuple[str, str], family: str) -> dict[str, float]:
        return {kind: self.weighted(segment, f"{family}:{kind}") for kind in self.by_kind(segment, family)}

    def histogram(self, measure: str) -> dict[int, float]:
        bins: Counter[int] = Counter()
        weights: dict[int, float] = defaultdict(float)
        for row in self.rows(ALL, measure):
            bins[row.bin] += row.n
            weights[row.bin] += row.n / row.probability
        return {bin_: weights[bin_] for bin_, n in bins.items() if n}


def _slice(table: _Table, name: tuple[str, str], decides: str, lost: Lost | None, also: Collection[str]) -> Slice:
    without_score = Counter(lost.by_probability if lost is not None else {})
    units = _units(table, name, decides, without_score)
    lost_missing = lost.missing if lost is not None else {}
    lost_weight = sum(n / probability for probability, n in lost.by_probability.items()) if lost is not None else 0.0
    missing_weight = sum(table.weighted_by_kind(name, "missing").values()) + lost_weight
    excluded_weights = table.weighted_by_kind(name, "excluded")
    due = table.weighted(name, "pairs") + lost_weight
    # A pause is known before the sample is drawn, so these captures stand for themselves.
    paused = excluded_weights.get("paused", 0.0) + (lost.paused if lost is not None else 0)
    return Slice(
        key=name[0],
        value=name[1],
        units=table.total(name, "low", decides) + sum(lost_missing.values()),
        low=units.low,
        high=units.high,
        valid=units.valid,
        missing=_with_more(table.by_kind(name, "missing"), lost_missing),
        missing_share=missing_weight / due if due > 0 else 0.0,
        excluded_share=paused / (due + paused) if paused else 0.0,
        over_budget_share=table.weighted(name, "over_budget") / (due + paused) if paused else 0.0,
        difference=_differences(table, name),
        also={
            comparator: _slice_of_other(table, name, comparator, decides, without_score)
            for comparator in also
            if comparator != decides
        },
    )


def _differences(table: _Table, name: tuple[str, str]) -> Differences | None:
    units = _units(table, name, NOISE_FLOOR, {})
    return Differences(low=units.low, high=units.high, valid=units.valid) if units.low.total else None


def _slice_of_other(
    table: _Table, name: tuple[str, str], comparator: str, decides: str, without_score: Mapping[float, int]
) -> Slice:
    """What another comparator says of the units: those that it alone has no score of are missing to it."""
    due, counted = (table.by_probability(name, "low", who) for who in (decides, comparator))
    unscored = due - counted
    units = _units(table, name, comparator, unscored + Counter(without_score))
    return Slice(
        key=name[0],
        value=name[1],
        comparator=comparator,
        units=units.low.total,
        low=units.low,
        high=units.high,
        valid=units.valid,
        unscored=unscored.total(),
    )


class _Units(NamedTuple):
    low: UnitCounts
    high: UnitCounts
    valid: UnitCounts


def _units(table: _Table, name: tuple[str, str], comparator: str, without_score: Mapping[float, int]) -> _Units:
    """The units by what a comparator says of them; those without a score, by their probability, are worst-cased."""

    def counted(measure: str, missing: float | None) -> UnitCounts:
        rows = [(row.probability, row.bin / TOP_BIN, row.n) for row in table.rows(name, measure, comparator)]
        if missing is not None:
            rows += [(probability, missing, n) for probability, n in without_score.items()]
        return UnitCounts.of(rows)

    return _Units(low=counted("low", 0.0), high=counted("high", 1.0), valid=counted("valid", None))


def _with_more(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(counts) + Counter(more))


def _means(table: _Table, comparator: str) -> ComparatorMeans | None:
    scored = table.weighted(ALL, "score", comparator)
    if scored <= 0:
        return None
    return ComparatorMeans(
        mean=table.weighted(ALL, "score_micros", comparator) / 1e6 / scored,
        agreement=table.weighted(ALL, "agreed", comparator) / scored,
    )


def _money(table: _Table, side: str) -> Money:
    priced = table.weighted(ALL, f"{side}_priced")
    if priced <= 0:
        return Money(usd=None, whole_usd=None)
    # Where some costs are not known, they are taken to be like the known ones.
    mean = table.weighted(ALL, f"{side}_nano_usd") / priced / 1e9
    return Money(usd=table.total(ALL, f"{side}_nano_usd") / 1e9, whole_usd=mean * table.weighted(ALL, "pairs"))
