"""What the counts of one evidence come to, and the verdict: what reports show and the analyst goes by."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.analysis.records import Circumstances, Decision, Gate
from proxy.analysis.settling import joining, settle
from proxy.analysis.verdict import decide
from proxy.analyst.findings import open_alarms
from proxy.analyst.shapes import Window, rfc3339
from proxy.analyst.standing import surfaces_not_compared
from proxy.analyst.summary import NOTHING_LOST, Lost, Summary, probability_floor, summarise
from proxy.config.model import Route, Student
from proxy.errors import StoreError
from proxy.journal.base import BUCKET_SECONDS, LOST, bucket_of
from proxy.store.base import Store
from proxy.store.records import Evidence

WEEK = 7 * 86400.0
RECENTLY = (float(BUCKET_SECONDS), 3600.0, 86400.0)  # seconds: the first of them that knows of pairs


@dataclass(frozen=True, slots=True)
class Chosen:
    """The evidence that an entry rests on (None: none yet for ``version``), and the one that came after it."""

    version: str
    evidence: Evidence | None
    successor: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One evidence, counted and decided."""

    chosen: Chosen
    summary: Summary
    gate: Gate  # with the segments that were settled
    decision: Decision
    full_days: int
    open_turns: int


def judge_student(store: Store, route: Route, student: Student, chosen: Chosen, window: Window) -> Judgement:
    """Read the counts and decide.  Segments are settled at the first look that can."""
    evidence = chosen.evidence
    summary = _summary(store, route, chosen, window)
    full_days = store.full_days(evidence.id, window.end) if evidence else 0
    open_turns = store.open_turns(route.name)
    gate = _settled(store, gate_of(route), summary, chosen, window, full_days)
    decision = decide(
        summary.overall,
        summary.segments,
        gate,
        Circumstances(
            probability_floor=probability_floor(summary, evidence),
            full_days=full_days,
            exploratory=window.since is not None,
            lost_share=summary.lost_share,
            student_errors=summary.student_errors,
            mended_by=_mended_by(store, summary, chosen, window),
            unsettled=window.unsettled if _holds_back(window, summary) else 0,
            read_until=rfc3339(window.end) or "",
            decides=route.comparators[0].label,
            not_compared=surfaces_not_compared(route),
            open_turns=open_turns,
            open_alarms=() if chosen.successor else open_alarms(store, route, student),
        ),
    )
    return Judgement(chosen, summary, gate, decision, full_days, open_turns)


def gate_of(route: Route) -> Gate:
    """The route's gate as plain data."""
    gate = route.gate
    return Gate(
        target=gate.agreement,
        alpha=gate.alpha,
        min_pairs=gate.min_pairs,
        min_days=gate.min_days,
        require=gate.required_segments,
        also=gate.also,
        margin=gate.margin if gate.relative_to == "noise_floor" else None,
    )


def _settled(  # noqa: PLR0917 - one step of student_entry
    store: Store, gate: Gate, summary: Summary, chosen: Chosen, window: Window, full_days: int
) -> Gate:
    """The gate with the segments that were settled for the evidence; they are settled at the first look that can."""
    evidence = chosen.evidence
    if evidence is None:
        return gate
    settled = store.settled_segments(evidence.id)
    if chosen.successor is None and window.since is None:
        if not settled:
            new = settle(summary.overall, summary.segments, gate, full_days)
        elif window.end - evidence.since >= WEEK:
            new = _joining(store, evidence, settled, window)
        else:
            new = {}
        if new:
            with contextlib.suppress(StoreError):  # a full disk keeps nobody from reading; the next look settles them
                store.settle_segments(evidence.id, new, at=window.now)
            settled = settled | new
    return dataclasses.replace(gate, settled=settled)


def _joining(
    store: Store, evidence: Evidence, settled: Mapping[tuple[str, str], bool], window: Window
) -> dict[tuple[str, str], bool]:
    week = summarise(
        store.counts(evidence.id, since=bucket_of(window.end - WEEK), until=window.until),
        decides=evidence.decides,
        lost=NOTHING_LOST,
    )
    units = {(segment.key, segment.value): segment.units for segment in week.segments}
    return joining(settled, units, week.overall.units)


def _summary(store: Store, route: Route, chosen: Chosen, window: Window) -> Summary:
    evidence, also = chosen.evidence, route.gate.also
    if evidence is None:
        return summarise((), decides=route.comparators[0].label, lost=NOTHING_LOST, also=also)
    return summarise(
        store.counts(evidence.id, since=window.since, until=window.until),
        decides=evidence.decides,
        lost=_lost(store, route, evidence, chosen.successor, window),
        also=also,
    )


def _lost(store: Store, route: Route, evidence: Evidence, successor: Evidence | None, window: Window) -> Lost:
    """Captures lost in the evidence's time."""
    return lost_between(store, route, window, evidence.since, None if successor is None else successor.since)


def lost_between(store: Store, route: Route, window: Window, begun: float, ended: float | None) -> Lost:
    """Captures lost from one moment to another, as far as the window goes.

    The buckets of both are counted whole: lost captures weigh against the student, so the doubt is on the safe side.
    """
    since = max(bucket_of(begun), window.since or 0)
    until = window.until
    if ended is not None:
        end = bucket_of(ended) + BUCKET_SECONDS
        until = end if until is None else min(until, end)
    missing: Counter[str] = Counter()
    by_probability: Counter[float] = Counter()
    paused = 0
    for count in store.captures(route.name, since=since, until=until):
        if count.outcome in LOST:
            missing[count.outcome] += count.n
            by_probability[count.probability] += count.n
        elif count.outcome == "paused":
            paused += count.n
    return Lost(missing=missing, by_probability=by_probability, paused=paused)


def _holds_back(window: Window, summary: Summary) -> bool:
    """Whether counts would tell more if they were read up to now: what the last five minutes hold is always late."""
    return window.until is not None and (window.until < bucket_of(window.now) or not summary.pairs)


def _mended_by(store: Store, summary: Summary, chosen: Chosen, window: Window) -> str:
    """Since when a student that was set up wrongly refused nothing: the last few minutes that it was asked in tell."""
    if chosen.evidence is None or not summary.overall.missing.get("misconfigured"):
        return ""
    for span in RECENTLY:
        since = max(bucket_of(window.end - span), window.since or 0)
        counted = Counter[str]()
        for row in store.counts(chosen.evidence.id, since=since, until=window.until):
            if row.segment_key == "all":
                counted[row.measure] += row.n
        if counted["pairs"]:
            return "" if counted["missing:misconfigured"] else rfc3339(since) or ""
    return ""
