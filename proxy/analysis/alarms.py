"""The life of a drop alarm, as a function of the sequence of blocks.

    ok -> alert -> (recovering) -> cool-down -> ok

* **ok**: the detector runs.  At its threshold the alarm opens, and stays open whatever comes.
* **alert**: somebody bets that agreement is back, at half a margin under the null that was broken or above.  She may
  begin in any block, or on any day, after the alarm, and has spread 1 over these beginnings.  So she ever holds 20 with
  probability 1/20 at most while agreement stays down, and soon does once it is back, however long it was down.  At 20
  the alarm closes; from the root of it on it is *recovering*.
* **cool-down**: for a day the detector, begun anew, raises an alarm at ten times its threshold only.  Then it is armed
  again, begun anew.

An alarm is of the **floor** where the detector of the floor alone is at the threshold too, when it opens or later.

Blocks must be closed: one that a unit may still enter is not to be shown.  Going on from a stored state and going
through all blocks anew come to the same, to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from proxy.analysis.baselines import MARGIN, Baseline, Hours, Sums, renewed
from proxy.analysis.blocks import DAY, Blocks, FloatArray, IntArray
from proxy.analysis.bounds import ABOVE
from proxy.analysis.drops import SPREAD, Growth, Wealth, grown, threshold, watched
from proxy.analysis.locating import Found

RECOVERED = 20.0
SPREAD_ABOVE = np.exp(ABOVE.log_weights)
COOL_DOWN = DAY
COOL_DOWN_FACTOR = 10.0


@dataclass(frozen=True, slots=True)
class Policy:
    """What agreement is watched for."""

    floor: float | None  # what the gate asks for, in (0, 1); None: the baseline alone counts
    alpha: float = 0.05  # of lower bounds
    probability_floor: float = 1.0  # of sampling, fixed when the evidence began
    blind_after: float = 86_400.0  # seconds without any unit


@dataclass(frozen=True, slots=True)
class Episode:
    """One alarm.  Blocks."""

    armed: int  # the first that the detector had bet on
    opened: int  # the one that raised it
    floor_broken: bool  # or the baseline alone
    nulls: Hours  # that were broken
    recovery: Wealth
    counted: Sums = field(default_factory=Sums)  # since it opened
    closed: int | None = None  # the one that closed it
    found: Found | None = None  # by ``proxy.analysis.monitoring``


@dataclass(frozen=True, slots=True)
class State:
    """All that is kept between blocks.  Plain: ``msgspec.to_builtins`` and back."""

    policy: Policy
    until: int  # the first block not seen
    baseline: Baseline
    armed: int  # the first that the detector bets on
    drop: Wealth  # against floor and baseline
    below_floor: Wealth | None = None  # against the floor alone; None while it does not count
    towards_floor: tuple[float, ...] = ()  # log wealth by bets that the mean is above it, until it counts
    episode: Episode | None = None  # until the detector is armed again
    last_units: int | None = None  # the newest block that had any

    @property
    def open_episode(self) -> Episode | None:
        return self.episode if self.episode and self.episode.closed is None else None

    @property
    def end_of_cool_down(self) -> int | None:
        closed = self.episode.closed if self.episode else None
        return None if closed is None else closed + 1 + COOL_DOWN

    def floors(self) -> FloatArray | None:
        """What the floor asks for in each hour of the week; None while it does not count."""
        return None if self.policy.floor is None or not self.below_floor else self.baseline.floors(self.policy.floor)

    def nulls(self) -> FloatArray | None:
        """The same of floor and baseline, whichever is higher."""
        known = [each for each in (self.floors(), self.baseline.nulls()) if each is not None]
        return np.max(known, axis=0) if known else None


def begun(block: int, policy: Policy) -> State:
    """Nothing is known before the first block."""
    towards_floor = (0.0,) * ABOVE.fractions.size
    return State(policy, block, Baseline(block), block, Wealth.none(block), towards_floor=towards_floor)


def run(state: State, blocks: Blocks, monitors: int) -> State:
    """Go on through the blocks from ``state.until`` to their end.

    Args:
        state: before them.
        blocks: may begin earlier.
        monitors: how many share the one false alarm in 30 days.

    Raises:
        ValueError: a unit was sampled with less than the policy's floor; blocks are missing after the state.
    """
    if blocks.begin > state.until:
        raise ValueError("blocks are missing between the state and these")
    policy = state.policy
    if blocks.probabilities.size and blocks.probabilities.min() < policy.probability_floor:
        raise ValueError("a unit's sampling probability is below the floor that the bets were made for")
    while state.until < blocks.end:
        stops = (blocks.end, state.baseline.next_renewal, state.end_of_cool_down)
        part = blocks.between(state.until, min(stop for stop in stops if stop is not None))
        has_null = state.nulls() is not None
        if not part.block.size:
            state = replace(state, until=part.end)
        elif episode := state.open_episode:
            state = _recovering(state, episode, part, monitors)
        else:
            state = _watching(state, part, monitors)
        if not has_null:  # those with nothing to bet against do not start
            state = _armed(state)
        if state.until == state.baseline.next_renewal:
            state = replace(state, baseline=renewed(state.baseline, policy.alpha, policy.probability_floor))
        if state.until == state.end_of_cool_down:
            state = _armed(replace(state, episode=None))
    return state


def _armed(state: State) -> State:
    """The detector begun anew."""
    floor = Wealth.none(state.until) if state.below_floor else None
    return replace(state, armed=state.until, drop=Wealth.none(state.until), below_floor=floor)


def _watching(state: State, part: Blocks, monitors: int) -> State:
    """Up to the end of these blocks, the one that raises an alarm, or the one after which the floor counts."""
    enough = threshold(monitors) * (COOL_DOWN_FACTOR if state.episode else 1.0)
    nulls, floors, floor_share = state.nulls(), state.floors(), state.policy.probability_floor
    drop = None if nulls is None else watched(state.drop, part, nulls, floor_share)
    raises = None if drop is None else drop.first(SPREAD, enough)
    towards = (
        None if state.policy.floor is None or state.below_floor else _towards_floor(state, part, state.policy.floor)
    )
    reaches = None if towards is None else _reaches(towards, state.policy.alpha)

    with_units = part.block[part.firsts]
    stops = [stop for stop in (raises, reaches) if stop is not None]
    last = min(stops, default=with_units.size - 1)
    until = int(with_units[last]) + 1 if stops else part.end
    seen = part.between(part.begin, until)
    state = replace(state, until=until, baseline=state.baseline.plus(seen), last_units=int(with_units[last]))
    if drop is not None:
        state = replace(state, drop=drop.at(last))
    if state.below_floor and floors is not None:
        state = replace(state, below_floor=watched(state.below_floor, seen, floors, floor_share).at(last))
    if towards is not None:
        state = replace(state, towards_floor=tuple(towards[last].tolist()))
    if reaches == last:
        state = replace(state, towards_floor=(), below_floor=Wealth.none(until))
    if nulls is not None and raises == last:
        floor_broken = state.below_floor is not None and state.below_floor.spread(SPREAD) >= enough
        recovery = Wealth.none(until, SPREAD_ABOVE.size)
        episode = Episode(state.armed, until - 1, floor_broken, tuple(nulls.tolist()), recovery)
        state = replace(state, episode=episode)
    return state


def _recovering(state: State, episode: Episode, part: Blocks, monitors: int) -> State:
    """Up to the end of these blocks, or the one that closes the alarm."""
    recovery = _back(episode, part, state.policy)
    closes = recovery.first(SPREAD_ABOVE, RECOVERED)
    last = recovery.blocks.size - 1 if closes is None else closes
    closed = None if closes is None else int(recovery.blocks[last])
    until = part.end if closed is None else closed + 1
    state = replace(state, until=until, last_units=int(recovery.blocks[last]))
    seen = part.between(part.begin, until)
    floors = state.floors()
    if state.below_floor and floors is not None and not episode.floor_broken:
        floor = watched(state.below_floor, seen, floors, state.policy.probability_floor)
        breaks = floor.first(SPREAD, threshold(monitors))
        # What is held then is of no use any more; going on would make it infinite.
        below = floor.at(last) if breaks is None else Wealth.none(int(floor.blocks[breaks]) + 1)
        state = replace(state, below_floor=below)
        episode = replace(episode, floor_broken=breaks is not None)
    episode = replace(episode, recovery=recovery.at(last), counted=episode.counted.plus(seen), closed=closed)
    if closed is None:
        return replace(state, episode=episode)
    baseline = state.baseline.after_alarm(episode.counted)
    return _armed(replace(state, baseline=baseline, episode=replace(episode, counted=Sums())))


def _towards_floor(state: State, part: Blocks, floor: float) -> FloatArray:
    """Log wealth by the bets of ``bounds.lower_bound`` against the floor, after each block with units."""
    gains = _above(part, np.full(part.block.size, floor), state.policy)
    after: FloatArray = np.add.accumulate(np.vstack([state.towards_floor, part.sums(gains)]))[1:]
    return after


def _reaches(gained: FloatArray, alpha: float) -> int | None:
    """The first block after which the lower bound is at the floor."""
    most = gained.max(axis=1)
    log_wealth = most + np.log(np.exp(gained - most[:, None]) @ SPREAD_ABOVE)
    there = np.flatnonzero(log_wealth >= math.log(1 / alpha))
    return int(there[0]) if there.size else None


def _back(episode: Episode, part: Blocks, policy: Policy) -> Growth:
    """Bets that agreement is back, by somebody who spread 1 over the beginnings."""
    nulls = np.array(episode.nulls)[part.hours] - MARGIN / 2
    after = np.concatenate([[episode.recovery.last], part.block[part.firsts]]) - episode.opened
    return grown(episode.recovery, part, _above(part, nulls, policy), np.diff(_staked(after)))


def _above(part: Blocks, nulls: FloatArray, policy: Policy) -> FloatArray:
    """What bets that the mean is above the null gain by a unit of each row, in logarithms: shape (rows, bets)."""
    by_one = policy.probability_floor / part.probabilities * (part.values - nulls) / nulls
    return np.log1p(np.outer(by_one, ABOVE.fractions))


def _staked(after: IntArray) -> FloatArray:
    """How much of 1 is staked within so many blocks of an alarm: half of it by blocks, half on each day's first."""
    days = (after + DAY - 1) // DAY
    staked: FloatArray = 1 - 0.5 / (after + 1) - 0.5 / (days + 1)
    return staked
