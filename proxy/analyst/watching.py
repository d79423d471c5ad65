"""Watching agreement for drops: the monitors of one evidence, fed with the five-minute blocks that closed meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from proxy.analysis.alarms import Policy, State
from proxy.analysis.blocks import BLOCK_SECONDS, Blocks
from proxy.analysis.monitoring import Alarm, monitor
from proxy.analyst.judging import Judgement
from proxy.config.model import Route
from proxy.journal.base import bucket_of
from proxy.store.base import Store
from proxy.store.records import BINS, BlockRow, Evidence

ALL = "all"
MOST_SEGMENTS = 20  # that have a monitor of their own: of the required ones, those that were settled first
# False alarms are one in 30 days for all monitors together: half of that for all traffic, so that it is seen early.
OF_ALL, OF_SEGMENTS = 2, 2 * MOST_SEGMENTS
IN_DETAIL = 34 * 86_400.0  # seconds for which blocks are kept


def watch_student(
    store: Store, route: Route, judged: Judgement, kept: Mapping[str, Any], *, until: float
) -> dict[str, Alarm]:
    """Whether a student agrees less than it did, or less than the gate asks for: overall and in required segments.

    Args:
        store: for the blocks.
        route: whose gate is the floor.
        judged: the evidence, and which of its segments are settled.
        kept: by segment, what ``Alarm.kept`` was in the last round, plain.
        until: unix seconds; blocks that had ended by then are closed.
    """
    evidence = judged.chosen.evidence
    if evidence is None:
        return {}
    floor = None if route.gate.relative_to == "noise_floor" else route.gate.agreement
    return _watch(store, evidence, [ALL, *_segments(judged)], _policy(route, evidence, floor), kept, until)


def watch_teacher(
    store: Store, route: Route, evidence: Evidence, kept: Mapping[str, Any], *, until: float
) -> dict[str, Alarm]:
    """Whether the teacher agrees less with itself than it did: then it is not the student that became worse."""
    return _watch(store, evidence, [ALL], _policy(route, evidence, None), kept, until)


def _policy(route: Route, evidence: Evidence, floor: float | None) -> Policy:
    return Policy(floor=floor, alpha=route.gate.alpha, probability_floor=evidence.probability_floor)


def _watch(  # noqa: PLR0917 - as many as there are
    store: Store, evidence: Evidence, names: Sequence[str], policy: Policy, kept: Mapping[str, Any], until: float
) -> dict[str, Alarm]:
    states = _states({name: kept[name] for name in names if name in kept})
    # A sample may have been configured that is smaller than any of when the evidence began.
    lowest = min([policy.probability_floor, *(state.policy.probability_floor for state in states.values())])
    watching = _Watching(store, evidence, names, replace(policy, probability_floor=lowest), until)
    begin = watching.begin(states)
    if until - begin < BLOCK_SECONDS:
        return {}
    rows = watching.rows(begin)
    if rows and (smaller := min(row.probability for row in rows)) < lowest:
        watching = replace(watching, policy=replace(policy, probability_floor=smaller))
        states, begin = {}, watching.begin({})
        rows = watching.rows(begin)
    alarms = watching.alarms(states, rows, begin)
    begun = watching.begin({name: alarm.kept for name, alarm in alarms.items()})
    # An alarm that was raised just now began in blocks that nobody had to look at again until then.
    return watching.alarms(states, watching.rows(begun), begun) if begun < begin else alarms


@dataclass(frozen=True, slots=True)
class _Watching:
    store: Store
    evidence: Evidence
    names: Sequence[str]
    policy: Policy
    until: float

    def begin(self, states: Mapping[str, State]) -> float:
        """What the monitors need to be shown: from the first block that one has not seen, or that an alarm began in."""
        known = [states[name] for name in self.names if name in states]
        firsts = [state.until if state.episode is None else state.episode.armed for state in known]
        first = min(firsts) * BLOCK_SECONDS if len(known) == len(self.names) else self.evidence.since
        return bucket_of(max(first, self.until - IN_DETAIL))

    def rows(self, begin: float) -> list[BlockRow]:
        return self.store.blocks(self.evidence.id, self.evidence.decides, "valid", since=begin, until=self.until)

    def alarms(self, states: Mapping[str, State], rows: Sequence[BlockRow], begin: float) -> dict[str, Alarm]:
        by_segment = _by_segment(rows, begin, self.until)
        none = Blocks.of([], [], [], [], begin=begin, end=self.until)
        parts = _parts(by_segment)
        return {
            name: monitor(
                by_segment.get(name, none),
                self.policy,
                monitors=OF_ALL if name == ALL else OF_SEGMENTS,
                kept=states.get(name),
                segments=parts if name == ALL else None,
            )
            for name in self.names
        }


def _states(kept: Mapping[str, Any]) -> dict[str, State]:
    """Without what another version wrote, which this one does not understand: found again from the blocks."""
    try:
        return msgspec.convert(dict(kept), dict[str, State])
    except msgspec.ValidationError:
        return {}


def _segments(judged: Judgement) -> list[str]:
    required = [f"{key}={value}" for (key, value), asked in judged.gate.settled.items() if asked]
    return sorted(required)[:MOST_SEGMENTS]


def _by_segment(rows: Sequence[BlockRow], begin: float, until: float) -> dict[str, Blocks]:
    columns: dict[str, list[BlockRow]] = defaultdict(list)
    for row in rows:
        columns[ALL if row.segment_key == ALL else f"{row.segment_key}={row.segment_value}"].append(row)
    return {
        name: Blocks.of(
            [row.bucket for row in those],
            [row.probability for row in those],
            [row.bin / (BINS - 1) for row in those],
            [row.n for row in those],
            begin=begin,
            end=until,
        )
        for name, those in columns.items()
    }


def _parts(by_segment: Mapping[str, Blocks]) -> dict[str, dict[str, Blocks]]:
    parts: dict[str, dict[str, Blocks]] = defaultdict(dict)
    for name, blocks in by_segment.items():
        key, equals, value = name.partition("=")
        if equals:
            parts[key][value] = blocks
    return parts
