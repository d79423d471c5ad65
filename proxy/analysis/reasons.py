"""Why a verdict is what it is: one sentence a reason, with the numbers, for a person to act on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from proxy.analysis import bounds
from proxy.analysis.records import Agreement, Circumstances, Gate, Slice

EXPLORATORY = "exploratory: chosen after looking, so it never promotes"
LATE = "it appeared after the segments of this evidence were settled, so it is not judged on its own"
NO_PAIRS = "no pairs yet"


def with_misconfigured(slice_: Slice, circumstances: Circumstances, others: Sequence[str]) -> tuple[str, ...]:
    """A student set up wrongly is said first, as nothing else is worth reading then; once it is mended, last."""
    count = slice_.missing.get("misconfigured", 0)
    if not count:
        return tuple(others)
    refusals = {
        kind: n
        for kind, n in circumstances.student_errors.items()
        if kind.startswith("status_4") and kind != "status_429"
    }
    told = f" ({_kinds(refusals)})" if refusals else ""
    where = "" if slice_.key == "all" else f"{slice_.name}: "
    missing_ = f"{count:,} exchanges are missing for it{told}"
    if circumstances.mended_by:
        since = f"until {circumstances.mended_by} at the latest"
        return (*others, f"{where}the student was misconfigured {since}, {missing_}")
    return (f"{where}the student is misconfigured, {missing_}: check its url, api_key, model, set and drop", *others)


def no_units(slice_: Slice, circumstances: Circumstances) -> str:
    if circumstances.unsettled:
        return unsettled(slice_, circumstances)
    if circumstances.open_turns and slice_.key == "all":
        return (
            f"no units yet: {circumstances.open_turns:,} pairs are turns of conversations that go on, and each"
            " conversation counts once, when it has been idle for 30 minutes"
        )
    return NO_PAIRS


def not_asked_again(slice_: Slice) -> str:
    return (
        f"{slice_.name}: on none of these pairs was the teacher asked again, and its agreement with itself is asked for"
    )


def unsettled(slice_: Slice, circumstances: Circumstances) -> str:
    number = circumstances.unsettled
    text = "1 exchange is not settled yet" if number == 1 else f"{number:,} exchanges are not settled yet"
    text += f", and counts are read up to {circumstances.read_until}, before the oldest of them"
    return text if slice_.units else f"no pairs are read: {text}"


def failing(slice_: Slice, upper: float, alpha: float, gate: Gate) -> str:
    target = gate.target_of(slice_)
    if slice_.is_difference:
        bound = f"agreement is at most {_points(upper, math.ceil)} off the teacher's with itself ({_level(alpha)})"
        return f"{slice_.name}: {bound}, and may be {_points(target, round)} ({measured(slice_)})"
    bound = f"at most {percent_up(upper)} agree ({_level(alpha)})"
    return f"{slice_.name}: {bound}, under the target of {_percent(target)} ({measured(slice_)})"


def unproven(slice_: Slice, lower: float, alpha: float, gate: Gate) -> str:
    if not slice_.units:
        what = "the teacher was not asked again there yet" if slice_.is_difference else "no pairs yet"
        return f"{slice_.name}: {what}, and it is required"
    wanted = gate.target_of(slice_)
    text = f"{slice_.name}: {_at_least(slice_, lower, alpha, wanted)} ({measured(slice_)})"
    hopeless = slice_.units >= gate.min_pairs and (bounds.estimate(slice_.low) or 0.0) <= wanted
    return f"{text}; more pairs alone will not get it there" if hopeless else text


def too_few_units(slice_: Slice, gate: Gate) -> str:
    return f"{slice_.name}: {slice_.units:,} of {gate.min_pairs:,} units so far"


def too_few_days(circumstances: Circumstances, gate: Gate) -> str:
    return f"{circumstances.full_days} of {gate.min_days} full days so far"


def missing(slice_: Slice, limit: float, circumstances: Circumstances) -> str:
    text = (
        f"{slice_.name}: {percent_up(slice_.missing_share)} missing, at most {limit:.0%} may be"
        f" ({_kinds(slice_.missing)})"
    )
    if not (circumstances.not_compared and slice_.missing.get("unscored")):
        return text
    surfaces = ", ".join(circumstances.not_compared)
    return (
        f"{text}; {circumstances.decides} does not compare {surfaces}: requests for these that this route matches are"
        " unscored, so give them a route of their own, or a comparator that does"
    )


def excluded(slice_: Slice, limit: float) -> str:
    return (
        f"{slice_.name}: {percent_up(slice_.excluded_share)} of the exchanges were left out {_why_left_out(slice_)},"
        f" at most {limit:.0%} may be"
    )


def _why_left_out(slice_: Slice) -> str:
    over_budget, paused = slice_.over_budget_share, slice_.excluded_share - slice_.over_budget_share
    if not over_budget:
        return "while paused"
    if paused < 0.0005:  # noqa: PLR2004 - it would be told as 0.0%
        return "as the student was beyond its budget"
    return f"({percent_up(over_budget)} as the student was beyond its budget, {percent_up(paused)} while paused)"


def lost(share: float, limit: float) -> str:
    return (
        f"captures lost before their segments were known are {percent_up(share, 2)} of the units,"
        f" at most {limit:.1%} may be"
    )


def proven(slices: Sequence[tuple[Slice, Agreement]], gate: Gate, required: int) -> list[str]:
    """What all comparators asked for have shown, the deciding one first."""
    texts = [
        f"{slice_.name}: {_at_least(slice_, agreement.lower, agreement.alpha, gate.target_of(slice_))}"
        for slice_, agreement in slices
    ]
    texts[0] += f"; in each of {required} required segments too" if required else ""
    return texts


def at_most(number: int, texts: Sequence[str], of_what: str) -> list[str]:
    """The first few, and how many more there are."""
    rest = len(texts) - number
    return [*texts[:number], f"and {rest} more {of_what}"] if rest > 0 else list(texts)


def _at_least(slice_: Slice, lower: float, alpha: float, wanted: float) -> str:
    if slice_.is_difference:
        bound = f"agreement is at least {_points(lower, math.floor)} off the teacher's with itself ({_level(alpha)})"
        return f"{bound}, {_points(wanted, round)} wanted"
    return f"at least {percent_down(lower)} agree ({_level(alpha)}), {_percent(wanted)} wanted"


def _points(value: float, rounded: Callable[[float], int]) -> str:
    """A difference, given as ``(d + 1) / 2``, in points."""
    return f"{rounded(round((2 * value - 1) * 1000, 6)) / 10:+.1f} points"


def measured(slice_: Slice) -> str:
    """What was seen, without bounds."""
    mean = bounds.estimate(slice_.valid)
    if mean is None:
        return f"{slice_.units:,} units, none of them valid"
    if slice_.is_difference:
        return f"{_points(mean, round)} on the {slice_.units:,} units on which the teacher was asked again"
    without = f"; it has no score of {slice_.unscored:,}" if slice_.unscored else ""
    return f"{mean:.1%} of {slice_.units:,} units{without}"


def percent_down(share: float) -> str:
    """Rounded towards 0: a bound is never told better than it is."""
    return f"{math.floor(share * 1000 + 1e-9) / 10:.1f}%"


def percent_up(share: float, digits: int = 1) -> str:
    """Rounded towards 1."""
    scale = 10 ** (digits + 2)
    return f"{math.ceil(share * scale - 1e-9) / 10**digits:.{digits}f}%"


def _percent(target: float) -> str:
    return f"{100 * target:.6g}%"


def _level(alpha: float) -> str:
    return f"alpha {alpha:.2g}"


def _kinds(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {n:,}" for kind, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
