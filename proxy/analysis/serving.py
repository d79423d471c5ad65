"""What a student may serve although it may not serve everything, and what shadowing cannot show of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.analysis.records import Gate, SegmentDecision, Slice

# A request must be sent one way or the other before anyone has answered it.
KNOWN_WITH_THE_ANSWER = frozenset({"teacher_version", "label"})
# Whatever comes next is counted under this name, tried or not; so it is the name of no traffic.
OTHER = "other"
LATER_TURNS = ("later", "after_tool")
MOSTLY = 0.2


@dataclass(frozen=True, slots=True)
class MayServe:
    """The largest part of the traffic for which the student passes, told by values of one key."""

    key: str
    values: tuple[str, ...]
    share: float  # of the units
    saving_usd_per_month: float | None


def may_serve(
    overall: Slice,
    segments: Sequence[SegmentDecision],
    gate: Gate,
    *,
    saving_usd: float | None = None,
    fixed_usd: float = 0.0,
) -> MayServe | None:
    """The values of the one key that make up the largest share of the units; None while no value passes.

    A value passes by its own verdict: all that ``promote`` asks within it, at ``alpha`` over the number of all values
    that were settled (e-Bonferroni).  So none of them is wrong with probability 1 - ``alpha``, whichever key is chosen
    for whatever reason.  Values settled for this evidence alone count, as the number is fixed only then.

    Args:
        overall: all traffic.
        segments: the verdicts of the segment values.
        gate: with the values as they were settled.
        saving_usd: what serving all traffic would save in a month; None: not known.
        fixed_usd: that part of the student's cost in it that is the same for any share: a machine's.  Costs are
            counted overall alone, so a part of the traffic is taken to cost its share.
    """
    passing: dict[str, list[Slice]] = defaultdict(list)
    whole: dict[str, float] = defaultdict(float)
    for segment in segments:
        name = (segment.slice.key, segment.slice.value)
        whole[segment.slice.key] += _weight(segment.slice)
        if segment.verdict == "promote" and name in gate.settled and _is_known_from_the_request(*name):
            passing[segment.slice.key].append(segment.slice)
    # A conversation whose turns have several values is a unit of each; where a key is missing, of none.
    shares = {key: sum(map(_weight, slices)) / max(whole[key], _weight(overall)) for key, slices in passing.items()}
    if not shares:
        return None
    key = min(shares, key=lambda key: (-shares[key], key))
    return MayServe(
        key=key,
        values=tuple(sorted(slice_.value for slice_ in passing[key])),
        share=shares[key],
        saving_usd_per_month=None if saving_usd is None else shares[key] * (saving_usd + fixed_usd) - fixed_usd,
    )


def mostly_later(pairs_by_turn: Mapping[str, float]) -> str | None:
    """What only a rollout can show, where over a fifth of the pairs are later turns; else None.

    ``pairs_by_turn`` are the pairs by the value of the segment ``turn``.
    """
    total = sum(pairs_by_turn.values())
    later = {turn: pairs_by_turn.get(turn, 0) for turn in LATER_TURNS}
    if not total or sum(later.values()) <= MOSTLY * total:
        return None
    parts = " and ".join(f"{n / total:.0%} {turn}" for turn, n in later.items() if n)
    return (
        f"{sum(later.values()) / total:.0%} of the pairs are later turns of conversations ({parts}): there the student"
        " was asked with the teacher's earlier turns before it, so agreement does not say how a conversation goes that"
        " the student drives itself. Only a rollout can show whether its own mistakes add up from turn to turn, which"
        " tools it calls when it has seen the results of its own calls, and how many turns it needs until the user has"
        " what they came for"
    )


def _is_known_from_the_request(key: str, value: str) -> bool:
    return key not in KNOWN_WITH_THE_ANSWER and OTHER not in (key, value)


def _weight(slice_: Slice) -> float:
    return float((slice_.low.counts / slice_.low.probabilities).sum())
