"""Which segment values a verdict asks for, settled once: values chosen again at every look could be chosen to pass.

CONTRACT.md: ``require: auto`` is settled when ``min_pairs`` and ``min_days`` are first met, as the values with 1% of
the units.  One that later holds 5% of a week's units joins; none leaves.  What comes later is no segment of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.analysis.records import Gate, Slice

AUTO_SHARE = 0.01  # of the units, when they are settled
JOINING_SHARE = 0.05  # of a week's units, afterwards


def settle(overall: Slice, segments: Sequence[Slice], gate: Gate, full_days: int) -> dict[tuple[str, str], bool]:
    """All values seen, and whether each is required; empty while it is too early."""
    if overall.units < gate.min_pairs or full_days < gate.min_days:
        return {}
    named = set(gate.require) if gate.require is not None else None
    return {
        (segment.key, segment.value): (
            segment.units >= AUTO_SHARE * overall.units if named is None else (segment.key, segment.value) in named
        )
        for segment in segments
    }


def joining(
    settled: Mapping[tuple[str, str], bool], week_units: Mapping[tuple[str, str], int], all_units: int
) -> dict[tuple[str, str], bool]:
    """The values that become required by their share of the last week's units."""
    return {
        name: True
        for name, units in week_units.items()
        if units and units >= JOINING_SHARE * all_units and not settled.get(name, False)
    }
