"""Whether a student's answers are farther from the teacher's than they used to be.  Pure.

How far they are apart is no matter of bands: a student's answers may be longer than the teacher's and be right.  So
each window is held against the trailing ones, as in ``proxy.analysis.drift``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proxy.analysis.blocks import FloatArray
from proxy.analysis.distances import bins_in_common, jensen_shannon, smallest
from proxy.analysis.windows import Looked, Windows, begun, looked_at, persists, split, threshold

FEATURES = ("label", "tools", "length", "format")
# Below these nothing has diverged: a Jensen-Shannon distance of .1, and what that comes to as a relative entropy.
FLOORS = {"output_js": 0.01, "js": 0.01, "kl": 0.028}


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far apart the two are in the newest window.  ``js`` and ``output_js``: bits; ``kl``: nats."""

    value: float
    threshold: float
    diverged: bool
    windows: tuple[Looked, ...]  # oldest first, of which the last is the newest


def divergence(
    starts: FloatArray, values: FloatArray, floor: float, *, since: float | None = None
) -> tuple[Divergence | None, float | None]:
    """The newest of some windows' values against those before; and since when it has diverged, None when it has not.

    Args:
        starts: of the windows, unix seconds, oldest first.
        values: of each.
        floor: below this it does not matter.
        since: what the last look returned: meanwhile what it is held against stands still.

    Returns:
        None for the divergence while there are too few windows.
    """
    ends, newest, since = split(starts, since)
    if not newest:
        return None, None
    limit = threshold(floor, values[:ends])
    looked = looked_at(starts[-newest:], values[-newest:], limit)
    diverged = persists(looked)
    return Divergence(looked[-1].value, limit, diverged, looked), begun([looked] if diverged else [], since)


def output_js(teacher: Windows, student: Windows) -> tuple[FloatArray, FloatArray]:
    """Starts of the windows that say enough, and how far apart answers are: by that feature which tells the most.

    Args:
        teacher: its answers to the exchanges that the student answered.
        student: the answers of the student.

    Returns:
        Two arrays of the same length; Jensen-Shannon divergence in bits.
    """
    theirs = teacher.where(np.isin(teacher.starts, student.starts)).telling()
    students = student.where(np.isin(student.starts, theirs.starts)).telling()
    theirs = theirs.where(np.isin(theirs.starts, students.starts))
    apart = [np.zeros(len(theirs))]
    for feature in FEATURES:
        if len(theirs) and feature in theirs.sums and feature in students.sums:
            some, others = theirs.of(feature), students.of(feature)
            groups = bins_in_common(some.together().sums + others.together().sums, smallest(some, others))
            apart.append(jensen_shannon(some.grouped(*groups), others.grouped(*groups)))
    return theirs.starts, np.max(apart, axis=0)
