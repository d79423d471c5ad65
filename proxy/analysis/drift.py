"""Whether recent windows of time differ from a reference by more than the reference's own windows do.  Pure.

No p-values: with enough traffic every day differs significantly from every other.  A distance counts when it is large
(an effect floor), larger than those of the reference's own windows, and there in two of three windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from proxy.analysis.blocks import FloatArray
from proxy.analysis.distances import (
    Sample,
    bins_in_common,
    jensen_shannon,
    mean_discrepancy,
    novel_share,
    smallest,
    stability_index,
)
from proxy.analysis.windows import LEAST_WINDOWS, NEWEST, Looked, Windows, begun, looked_at, persists, split, threshold

TRAILING, EXPORT = "trailing", "export"  # references
Measure = Callable[[Sample, Sample], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Finding:
    """How far the newest window is from the reference, by one feature and statistic.

    ``js``: bits; ``psi``: nats; ``mmd``: squared distance of means; ``novelty``: share of words that nobody knew.
    """

    side: str
    feature: str
    statistic: str
    reference: str
    value: float
    threshold: float
    drifted: bool
    windows: tuple[Looked, ...]  # oldest first, of which the last is the newest


@dataclass(frozen=True, slots=True)
class Statistic:
    """How it is measured, and from where on it matters whatever the reference's windows do."""

    measure: Measure
    floor: float
    power: int = 2  # of a distance: a margin is one on distances
    chance: float = 0.0  # the floor is not below this over the exchanges of a window


def drift(
    windows: Windows, side: str, *, since: float | None = None, frozen: Windows | None = None
) -> tuple[list[Finding], float | None]:
    """What the newest windows are like, and since when they have drifted.

    Args:
        windows: the newest ones and, unless there is another reference, the trailing ones before them: as many as are
            to make it up, 28 days and three.
        side: for the findings.
        since: what the last look returned of this reference.  Meanwhile the reference stands still, or drift would
            soon be what drift is measured by.  Once too little before ``since`` is left in ``windows``, the new ways
            are the usual ones.
        frozen: the windows of a reference that stands still anyway.

    Returns:
        The findings, none while there is too little to go by; and the start of the first window that drifted, None
        when nothing has.
    """
    told = windows.telling()
    if frozen is not None:
        reference, newest, name = frozen.telling(), told.last(NEWEST), EXPORT
    else:
        ends, newest_ones, since = split(told.starts, since)
        reference, newest, name = told.where(np.arange(len(told)) < ends), told.last(newest_ones), TRAILING
    found = list(_findings(newest, reference, side, name))
    return found, begun([each.windows for each in found if each.drifted], since)


def _findings(newest: Windows, reference: Windows, side: str, name: str) -> Iterator[Finding]:
    for feature in sorted(newest.sums.keys() & reference.sums.keys()):
        those, against = (windows.where(np.any(windows.sums[feature] != 0, axis=1)) for windows in (newest, reference))
        if not len(those) or len(against) < LEAST_WINDOWS:
            continue
        for statistic in STATISTICS_OF.get(feature, ("js", "psi")):
            how = STATISTICS[statistic]
            values, band = how.measure(those.of(feature), against.of(feature))
            if np.isnan(values).any() or np.isnan(band).any():
                continue
            floor = max(how.floor, how.chance / smallest(those.of(feature), against.of(feature)))
            limit = threshold(floor, band, power=how.power)
            looked = looked_at(those.starts, values, limit)
            yield Finding(side, feature, statistic, name, looked[-1].value, limit, persists(looked), looked)


def _of_histograms(distance: Callable[[Sample, Sample], FloatArray]) -> Measure:
    def measure(newest: Sample, reference: Sample) -> tuple[FloatArray, FloatArray]:
        groups = bins_in_common(reference.together().sums, smallest(newest, reference))
        return _leaving_out(distance)(newest.grouped(*groups), reference.grouped(*groups))

    return measure


def _leaving_out(distance: Callable[[Sample, Sample], FloatArray]) -> Measure:
    """Each new window from the reference; each of the reference's own from the others of it."""

    def measure(newest: Sample, reference: Sample) -> tuple[FloatArray, FloatArray]:
        whole = reference.together()
        return distance(newest, whole), distance(reference, whole.without(reference))

    return measure


def _of_novelty(newest: Sample, reference: Sample) -> tuple[FloatArray, FloatArray]:
    """New words beyond those that come up anyway.

    These are told by each window of the reference's later half, held against those before it alone: a word that came
    up and stayed is new only when seen from before, and so are those of the newest windows.  The middle one of these
    has as many windows between it and the reference as are left out here.
    """
    number, between = len(reference.weights), len(newest.weights) // 2
    usual = [
        novel_share(_at(reference, slice(at, at + 1)), _at(reference, slice(0, max(1, at - between))))
        for at in range(number // 2, number)
    ]
    whole = reference.together()
    shares = [novel_share(_at(newest, slice(at, at + 1)), whole) for at in range(len(newest.weights))]
    expected = float(np.mean(usual))
    return np.maximum(0.0, np.array(shares) - expected), np.array(usual) - expected


def _at(sample: Sample, which: slice) -> Sample:
    return Sample(sample.sums[which], sample.weights[which], sample.squares[which]).together()


# Floors: a Jensen-Shannon distance of .1, what that comes to as PSI, and shifts of a like size as the others see them
# (docs/drift.md).
STATISTICS: Mapping[str, Statistic] = {
    "js": Statistic(_of_histograms(jensen_shannon), 0.01),
    "psi": Statistic(_of_histograms(stability_index), 0.055),
    "mmd": Statistic(_leaving_out(mean_discrepancy), 0.0005, chance=2.0),
    "novelty": Statistic(_of_novelty, 0.0025, power=1),
}
STATISTICS_OF: Mapping[str, tuple[str, ...]] = {"words": ("mmd",), "novelty": ("novelty",)}
