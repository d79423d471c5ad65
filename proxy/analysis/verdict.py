"""The gate: may the student take over?  A pure function of counted units and a few rules (CONTRACT.md).

``promote`` needs the lower bound at the target overall, in every required segment value and for every other comparator
asked for, each at ``alpha``: no correction is due, as a single one under its target is enough to stop it.  ``reject``
needs an upper bound under the target: the overall one at ``alpha``/2, the required values and the other comparators
sharing the other half.  A segment's own ``promote`` hands over that segment alone, so there ``alpha`` is shared by all
of the route's segment values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from proxy.analysis import bounds, reasons
from proxy.analysis.records import Agreement, Circumstances, Decision, Gate, SegmentDecision, Slice, Verdict
from proxy.analysis.settling import AUTO_SHARE

MISSING_LIMIT = 0.01  # with more missing than this nothing promotes
EXCLUDED_LIMIT = 0.2  # nor with more left out while paused
LOST_LIMIT = 0.001  # nor any segment, with more captures lost before their segments were known


def decide(overall: Slice, segments: Sequence[Slice], gate: Gate, circumstances: Circumstances) -> Decision:
    """The verdict for a route and student with its reasons, and each segment value's own."""
    required = [gate.judges(slice_) for slice_ in required_slices(overall, segments, gate)]
    judged = gate.judges(overall)
    floor = circumstances.probability_floor
    enough = judged.units >= gate.min_pairs

    failing = _failing([judged], gate, gate.alpha / 2, floor) if enough else []
    shared = gate.alpha / 2 / max(1, len(required) + len(gate.also))
    failing += _failing([*required, *others(overall, gate)], gate, shared, floor) if enough else []
    lacking = _lacking(overall, gate, circumstances)
    lacking += _unproven([judged], gate, gate.alpha, floor) if judged.units else []
    if enough:  # else that is reason enough
        lacking += _unproven(others(overall, gate), gate, gate.alpha, floor)
        lacking += reasons.at_most(5, _unproven(required, gate, gate.alpha, floor), "required segments")
    if lacking and overall.units and circumstances.unsettled:
        lacking.append(reasons.unsettled(overall, circumstances))

    verdict: Verdict
    if failing:
        verdict, because = "reject", failing
    elif lacking:
        verdict, because = "undecided", lacking
    else:
        proven = [(slice_, _agreement(slice_, gate, floor)) for slice_ in (judged, *others(overall, gate))]
        verdict, because = "promote", reasons.proven(proven, gate, len(required))
    return Decision(
        agreement=_agreement(overall, gate, floor),
        verdict=verdict,
        reasons=reasons.with_misconfigured(overall, circumstances, because),
        units_needed=_units_needed(overall, [judged, *required], gate, floor) if verdict == "undecided" else None,
        segments=tuple(
            _decide_segment(
                segment, overall, gate, circumstances, required=required, number=len(gate.settled) or len(segments)
            )
            for segment in segments
        ),
        also={slice_.comparator: _agreement(slice_, gate, floor) for slice_ in others(overall, gate)},
        difference=_difference(overall, gate, floor),
    )


def others(slice_: Slice, gate: Gate) -> list[Slice]:
    """The same units by the other comparators that the gate asks for; to one that never scored, all are missing."""
    return [slice_.also.get(name) or _never_scored(slice_, name) for name in gate.also]


def required_slices(overall: Slice, segments: Sequence[Slice], gate: Gate) -> list[Slice]:
    """The segment values that the verdict asks for; those named but never seen are there, empty."""
    if gate.require is None and not gate.settled:
        return [segment for segment in segments if segment.units >= AUTO_SHARE * overall.units]
    seen = {(segment.key, segment.value): segment for segment in segments}
    names = gate.require if gate.require is not None else sorted(name for name, asked in gate.settled.items() if asked)
    return [seen.get(name, Slice(key=name[0], value=name[1])) for name in dict.fromkeys(names)]


def _decide_segment(
    segment: Slice,
    overall: Slice,
    gate: Gate,
    circumstances: Circumstances,
    *,
    required: Sequence[Slice],
    number: int,
) -> SegmentDecision:
    floor = circumstances.probability_floor
    judged = gate.judges(segment)
    is_required = any((segment.key, segment.value) == (other.key, other.value) for other in required)
    # One that is required fails here just when it fails the overall verdict.
    failing_alpha = gate.alpha / 2 / (len(required) + len(gate.also) if is_required else number)
    enough = gate.judges(overall).units >= gate.min_pairs
    failing = _failing([judged], gate, failing_alpha, floor) if enough else []
    lacking = _lacking(segment, gate, circumstances)
    if overall.excluded_share > EXCLUDED_LIMIT >= segment.excluded_share:
        lacking.append(reasons.excluded(overall, EXCLUDED_LIMIT))
    if circumstances.lost_share > LOST_LIMIT:
        lacking.append(reasons.lost(circumstances.lost_share, LOST_LIMIT))
    if gate.settled and (segment.key, segment.value) not in gate.settled:
        lacking.append(reasons.LATE)
    lacking += _unproven([judged, *others(segment, gate)], gate, gate.alpha / number, floor)

    agreement = _agreement(segment, gate, floor)
    verdict: Verdict
    if failing:
        verdict, because = "reject", failing
    elif lacking:
        verdict, because = "undecided", lacking
    else:
        proven = [(slice_, _agreement(slice_, gate, floor)) for slice_ in (judged, *others(segment, gate))]
        verdict, because = "promote", reasons.proven(proven, gate, 0)
    return SegmentDecision(
        slice=segment,
        required=is_required,
        agreement=agreement,
        verdict=verdict,
        reasons=reasons.with_misconfigured(segment, circumstances, because),
    )


def _failing(slices: Sequence[Slice], gate: Gate, alpha: float, floor: float) -> list[str]:
    """Those whose upper bound at ``alpha`` is under the target."""
    return [
        reasons.failing(
            slice_, bounds.upper_bound(slice_.high, alpha, probability_floor=_floor(slice_, floor)), alpha, gate
        )
        for slice_ in slices
        if bounds.log_e_below(slice_.high, gate.target_of(slice_), probability_floor=_floor(slice_, floor))
        >= math.log(1 / alpha)
    ]


def _floor(slice_: Slice, floor: float) -> float:
    """What bets on a slice go by: less where units, or replays, were sampled with less since the evidence began."""
    return float(slice_.low.probabilities.min(initial=floor))


def _unproven(slices: Sequence[Slice], gate: Gate, alpha: float, floor: float) -> list[str]:
    """Those whose lower bound at ``alpha`` is not at the target."""
    return [
        reasons.unproven(
            slice_, bounds.lower_bound(slice_.low, alpha, probability_floor=_floor(slice_, floor)), alpha, gate
        )
        for slice_ in slices
        if bounds.log_e_value(slice_.low, gate.target_of(slice_), probability_floor=_floor(slice_, floor))
        < math.log(1 / alpha)
    ]


def _lacking(slice_: Slice, gate: Gate, circumstances: Circumstances) -> list[str]:
    """What `promote` asks beside the bounds."""
    judged = gate.judges(slice_)
    lacking = []
    if circumstances.exploratory:
        lacking.append(reasons.EXPLORATORY)
    lacking += circumstances.open_alarms
    if not slice_.units:
        lacking.append(reasons.no_units(slice_, circumstances))
    elif not judged.units:
        lacking.append(reasons.not_asked_again(judged))
    elif judged.units < gate.min_pairs:
        lacking.append(reasons.too_few_units(judged, gate))
    if circumstances.full_days < gate.min_days:
        lacking.append(reasons.too_few_days(circumstances, gate))
    if slice_.missing_share > MISSING_LIMIT:
        lacking.append(reasons.missing(slice_, MISSING_LIMIT, circumstances))
    if slice_.excluded_share > EXCLUDED_LIMIT:
        lacking.append(reasons.excluded(slice_, EXCLUDED_LIMIT))
    return lacking


def _never_scored(slice_: Slice, comparator: str) -> Slice:
    none, all_ = (
        bounds.UnitCounts(slice_.low.probabilities, 0 * slice_.low.values + of, slice_.low.counts) for of in (0, 1)
    )
    return Slice(
        key=slice_.key,
        value=slice_.value,
        comparator=comparator,
        units=slice_.units,
        low=none,
        high=all_,
        unscored=slice_.units,
    )


def _agreement(slice_: Slice, gate: Gate, floor: float) -> Agreement:
    return Agreement(
        estimate=bounds.estimate(slice_.valid),
        lower=bounds.lower_bound(slice_.low, gate.alpha, probability_floor=_floor(slice_, floor)),
        upper=bounds.upper_bound(slice_.high, gate.alpha, probability_floor=_floor(slice_, floor)),
        alpha=gate.alpha,
    )


def _difference(overall: Slice, gate: Gate, floor: float) -> Agreement | None:
    if overall.difference is None:
        return None
    found = _agreement(overall.to_noise_floor(), gate, floor)
    estimate = None if found.estimate is None else 2 * found.estimate - 1
    return Agreement(estimate=estimate, lower=2 * found.lower - 1, upper=2 * found.upper - 1, alpha=found.alpha)


def _units_needed(overall: Slice, asked: Sequence[Slice], gate: Gate, floor: float) -> int | None:
    """Forecast of units to come until all bounds are at the target, segments and replays coming in as they do now.

    None where one of them never gets there as it is now.
    """
    needed = []
    for slice_ in (*asked, *others(overall, gate)):
        units = bounds.units_needed(
            slice_.low, gate.target_of(slice_), gate.alpha, probability_floor=_floor(slice_, floor)
        )
        if units is None:
            return None
        if slice_ is asked[0]:
            units = max(units, gate.min_pairs - slice_.units)
        needed.append(math.ceil(units * overall.units / slice_.units))
    return max(needed)
