"""What the drop alarm would have said of drawn traffic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proxy.analysis import alarms
from proxy.analysis.blocks import BLOCK_SECONDS, DAY, Blocks
from proxy.analysis.looks import Stream
from proxy.analysis.records import Gate
from proxy.analysis.simulation import Traffic

_DAY_SECONDS = DAY * BLOCK_SECONDS


@dataclass(frozen=True, slots=True)
class FirstAlarm:
    """By pairs seen."""

    opened: int
    segment: tuple[str, str] | None  # that it is of; None: of the whole
    wrong: bool  # nothing had become worse by then


def first_alarm(traffic: Traffic, stream: Stream, gate: Gate, *, pairs_per_day: float) -> FirstAlarm | None:
    """The first alarm of the whole or a segment; pairs come evenly over the day, and the first is a Thursday's."""
    parts = (None, *traffic.segments)
    opened = {part: _opened(traffic, stream, gate, part, pairs_per_day, len(parts)) for part in parts}
    found = [(block, part) for part, block in opened.items() if block is not None]
    if not found:
        return None
    block, segment = min(found, key=lambda each: each[0])
    seen = min(stream.units, int((block + 1) * BLOCK_SECONDS / _DAY_SECONDS * pairs_per_day))
    truth = traffic.at(segment)[:seen]
    return FirstAlarm(seen, segment, wrong=bool(truth.min() >= truth[0]))


def _opened(  # noqa: PLR0917 -- one step of first_alarm
    traffic: Traffic,
    stream: Stream,
    gate: Gate,
    segment: tuple[str, str] | None,
    pairs_per_day: float,
    monitors: int,
) -> int | None:
    """The block that raised it, looked at once a day: an alarm is there for a day or longer."""
    own = np.flatnonzero(np.isin(stream.kinds, traffic.kinds(segment)))
    kinds = stream.kinds[own]
    seconds = _DAY_SECONDS / pairs_per_day
    policy = alarms.Policy(floor=gate.target, alpha=gate.alpha, probability_floor=traffic.probability_floor)
    blocks = Blocks.of(
        own * seconds,
        stream.probabilities[kinds],
        stream.values[kinds],
        np.ones(own.size),
        begin=0.0,
        end=stream.units * seconds,
    )
    state = alarms.begun(0, policy)
    while state.until < blocks.end:
        state = alarms.run(state, blocks.between(state.until, state.until + DAY), monitors)
        if state.episode:
            return state.episode.opened
    return None
