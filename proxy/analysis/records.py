"""What the gate is given and what it says.  Plain and immutable; shares and bounds are in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from proxy.analysis.bounds import UnitCounts

Verdict = Literal["promote", "reject", "undecided"]

NO_UNITS = UnitCounts.of(())


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked of a student."""

    target: float
    alpha: float
    min_pairs: int  # units
    min_days: int
    require: tuple[tuple[str, str], ...] | None = None  # segments as (key, value); None: auto
    settled: Mapping[tuple[str, str], bool] = field(default_factory=dict)  # whether each is required; empty: not yet
    also: Mapping[str, float] = field(default_factory=dict)  # other comparators that must reach a target too: theirs
    margin: float | None = None  # how far under the noise floor agreement may be; None: the target is absolute

    def target_of(self, slice_: Slice) -> float:
        """What the mean of the slice must reach."""
        if slice_.is_difference:
            return (1 - (self.margin or 0.0)) / 2
        return self.also[slice_.comparator] if slice_.comparator else self.target

    def judges(self, slice_: Slice) -> Slice:
        """What of a slice is asked: agreement, or its difference to the teacher's with itself."""
        return slice_.to_noise_floor() if self.margin is not None else slice_


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences to the noise floor, d as (d + 1) / 2."""

    low: UnitCounts = NO_UNITS  # missing answers of the student and the teacher at their worst for the student
    high: UnitCounts = NO_UNITS
    valid: UnitCounts = NO_UNITS


@dataclass(frozen=True, slots=True)
class Slice:
    """What was counted in one slice of the traffic: everything, or one segment value."""

    key: str = "all"
    value: str = ""
    comparator: str = ""  # whose word it is; empty: that of the one that decides agreement
    units: int = 0
    low: UnitCounts = NO_UNITS  # agreement, missing as disagreements
    high: UnitCounts = NO_UNITS  # missing as agreements
    valid: UnitCounts = NO_UNITS  # without the missing
    missing: Mapping[str, int] = field(default_factory=dict)  # exchanges by kind
    missing_share: float = 0.0  # of the exchanges that were due
    excluded_share: float = 0.0  # left out while paused, of those that would have been due
    over_budget_share: float = 0.0  # the part of it for which the student's budget was why
    unscored: int = 0  # units that this comparator alone said nothing of
    also: Mapping[str, Slice] = field(default_factory=dict)  # the same by other comparators that are asked for
    # Of the units on which the teacher was asked again: agreement less the teacher's with itself, d as (d + 1) / 2.
    difference: Differences | None = None
    is_difference: bool = False  # this slice is made of such differences

    def to_noise_floor(self) -> Slice:
        """The same slice of the traffic, by the differences to the noise floor."""
        found = self.difference or Differences()
        return replace(
            self, units=found.low.total, low=found.low, high=found.high, valid=found.valid,
            also={}, difference=None, is_difference=True,
        )  # fmt: skip

    @property
    def name(self) -> str:
        where = "" if self.key == "all" else f"{self.key}={self.value}"
        who = f"comparator {self.comparator}" if self.comparator else ""
        return " by ".join(part for part in (where, who) if part) or "overall"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a verdict depends on beside the counts."""

    probability_floor: float  # of sampling, fixed when the evidence began
    full_days: int
    exploratory: bool = False
    lost_share: float = 0.0  # captures lost before their segments were known, over units
    student_errors: Mapping[str, int] = field(default_factory=dict)
    mended_by: str = (
        ""  # since then (RFC 3339) a student that was set up wrongly refused nothing; empty: it may still be
    )
    unsettled: int = 0  # exchanges not settled yet that keep counts from being read up to now
    open_turns: int = 0  # pairs of conversations that go on, and so are no units yet
    open_alarms: Sequence[str] = ()  # that keep a student from being promoted, a sentence each
    read_until: str = ""  # RFC 3339: where they are read up to then
    decides: str = ""  # the comparator that decides agreement
    not_compared: Sequence[str] = ()  # surfaces that the route may match and that this comparator does not compare


@dataclass(frozen=True, slots=True)
class Agreement:
    """The share of agreement, with its two one-sided bounds, each at ``alpha``."""

    estimate: float | None  # None without a valid pair
    lower: float
    upper: float
    alpha: float


@dataclass(frozen=True, slots=True)
class SegmentDecision:
    """A verdict for serving one segment value alone."""

    slice: Slice
    required: bool  # for the overall verdict
    agreement: Agreement
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict for a route and student, and those for its segment values."""

    agreement: Agreement
    verdict: Verdict
    reasons: tuple[str, ...]
    units_needed: int | None
    segments: tuple[SegmentDecision, ...]
    also: Mapping[str, Agreement] = field(default_factory=dict)  # of the other comparators that are asked for
    difference: Agreement | None = None  # to the noise floor, in [-1, 1]; None: the teacher was never asked again
