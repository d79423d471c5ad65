"""One monitor of agreement: what the analyst asks for each route, student and segment value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from proxy.analysis.alarms import RECOVERED, SPREAD_ABOVE, Episode, Policy, State, begun, run
from proxy.analysis.blocks import BLOCK_SECONDS, HOUR, WEEK_HOURS, Blocks, time_of
from proxy.analysis.bounds import UnitCounts, estimate, lower_bound, upper_bound
from proxy.analysis.drops import PATIENCE, SPREAD, threshold
from proxy.analysis.locating import Decomposition, Found, Rate, Since, decomposed, since

LOCATED_WITHIN = PATIENCE  # blocks before an alarm in which its beginning is looked for

Segments = Mapping[str, Mapping[str, Blocks]]


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a monitor says.  Times are unix seconds.

    ``cool-down`` is the day after an alarm was closed; what is said of that alarm stays until then.  ``blind``: there
    were no units for long, so that nothing is known; an open alarm stays ``alert``, and is blind too.
    """

    state: Literal["ok", "alert", "recovering", "cool-down", "blind"]
    is_blind: bool
    severity: Literal["page", "ticket"] | None  # page: the floor is broken
    null: Literal["floor", "baseline"] | None  # that is broken
    opened: float | None
    closed: float | None
    since: Since | None  # None: the blocks do not reach back to where the detector was armed, and never did
    before: Rate | None
    after: Rate | None  # from then on
    decompositions: tuple[Decomposition, ...]
    last_unit: float | None  # end of the block that it is in
    never_good_enough: bool  # the lower bound never was at the floor, so the floor raises no alarm
    held_against: float | None  # the null of the newest block
    nearness: float  # log of wealth over log of the threshold: at 1 an alarm is raised
    kept: State  # to go on from


def monitor(
    blocks: Blocks, policy: Policy, *, monitors: int, kept: State | None = None, segments: Segments | None = None
) -> Alarm:
    """Watch agreement up to the end of the blocks.

    After an acknowledgement, or with a new version of student, teacher or comparator, show the blocks from that moment
    on, with nothing kept: what comes then is what the student is held against from then on.

    Args:
        blocks: of one student and evidence, overall or in one segment value: from ``kept.until`` on, or, while there is
            an episode, from its ``armed`` on, so that its begin can be found.
        policy: what is kept under another one is not gone on from.
        monitors: how many share the one false alarm in 30 days: fixed, the largest number there may be.
        kept: ``Alarm.kept`` of an earlier call.  Without it, all is found again from the blocks.  It is to be stored:
            what it knows from before blocks fold into days (after 35 of them) cannot be found again.
        segments: blocks by key and value, of the same time, for saying whether student or traffic changed.

    Raises:
        ValueError: a unit was sampled with less than ``policy.probability_floor``.
    """
    if kept is None or kept.policy != policy or kept.until < blocks.begin:
        kept = begun(blocks.begin, policy)
    state = run(kept, blocks, monitors)
    episode = state.episode
    if episode and (found := _found(episode, blocks, segments or {}, policy)):
        episode = replace(episode, found=found)
        state = replace(state, episode=episode)
    unseen = state.until - (state.baseline.begin if state.last_units is None else state.last_units + 1)
    is_blind = unseen * BLOCK_SECONDS >= policy.blind_after
    nulls = state.nulls()
    known = episode.found if episode else None
    return Alarm(
        state=_named(state, is_blind),
        is_blind=is_blind,
        severity=("page" if episode.floor_broken else "ticket") if episode else None,
        null=("floor" if episode.floor_broken else "baseline") if episode else None,
        opened=time_of(episode.opened + 1) if episode else None,
        closed=time_of(episode.closed + 1) if episode and episode.closed is not None else None,
        since=known.since if known else None,
        before=known.before if known else None,
        after=_after(episode, known, blocks, policy) if episode and known else None,
        decompositions=known.decompositions if known else (),
        last_unit=None if state.last_units is None else time_of(state.last_units + 1),
        never_good_enough=policy.floor is not None and state.below_floor is None,
        held_against=None if nulls is None else float(nulls[(state.until - 1) // HOUR % WEEK_HOURS]),
        nearness=math.log1p(state.drop.spread(SPREAD)) / math.log1p(threshold(monitors)),
        kept=state,
    )


def _named(state: State, is_blind: bool) -> Literal["ok", "alert", "recovering", "cool-down", "blind"]:
    if episode := state.open_episode:
        return "recovering" if episode.recovery.spread(SPREAD_ABOVE) >= math.sqrt(RECOVERED) else "alert"
    if is_blind:
        return "blind"
    return "cool-down" if state.episode else "ok"


def _found(episode: Episode, blocks: Blocks, segments: Segments, policy: Policy) -> Found | None:
    """None where the blocks do not reach back far enough."""
    begin = max(episode.armed, episode.opened + 1 - LOCATED_WITHIN)
    if blocks.begin > begin:
        return None
    seen = blocks.between(begin, episode.opened + 1)
    moment = since(seen, np.array(episode.nulls)[seen.hours])
    likely = int(moment.likely // BLOCK_SECONDS)
    end = blocks.end if episode.closed is None else episode.closed + 1
    decompositions = [
        decomposed(
            key,
            {value: each.between(begin, likely).units() for value, each in values.items()},
            {value: each.between(likely, end).units() for value, each in values.items()},
        )
        for key, values in segments.items()
    ]
    return Found(
        since=moment,
        before=_rate(blocks.between(begin, likely).units(), policy),
        decompositions=tuple(sorted((each for each in decompositions if each), key=lambda each: each.mix)),
    )


def _after(episode: Episode, known: Found, blocks: Blocks, policy: Policy) -> Rate:
    end = blocks.end if episode.closed is None else episode.closed + 1
    return _rate(blocks.between(int(known.since.likely // BLOCK_SECONDS), end).units(), policy)


def _rate(units: UnitCounts, policy: Policy) -> Rate:
    return Rate(
        estimate(units),
        lower_bound(units, policy.alpha, probability_floor=policy.probability_floor),
        upper_bound(units, policy.alpha, probability_floor=policy.probability_floor),
        units.total,
    )
