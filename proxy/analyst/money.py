"""What the pairs cost, and what a month would cost with the student in the teacher's place.  Pure."""

from __future__ import annotations

from typing import Any

from proxy.analyst.summary import Money
from proxy.config.model import StudentPrice

HOURS_A_MONTH = 730.0
# Counts know the time to five minutes; a shorter span must not be blown up to a month by itself.
LEAST_HOURS = 300 / 3600


def cost_of(teacher: Money, student: Money, price: StudentPrice | None, *, hours: float) -> dict[str, Any]:
    """The report's ``cost``.

    ``teacher_usd`` and ``student_usd`` are of the pairs themselves.  The saving takes the whole traffic that the
    sample stands for, at its rate over the ``hours`` observed, a month of 730 hours; None without the student's
    price or the teacher's.
    """
    hours = max(hours, LEAST_HOURS)
    months = hours / HOURS_A_MONTH
    student_usd, student_month = student.usd, None if student.whole_usd is None else student.whole_usd / months
    if price is None:
        student_month = None
    elif price.per_hour is not None:
        student_usd, student_month = price.per_hour * hours, price.per_hour * HOURS_A_MONTH
    known = teacher.whole_usd is not None and student_month is not None
    return {
        "teacher_usd": teacher.usd,
        "student_usd": student_usd,
        "saving_usd_per_month": (teacher.whole_usd or 0.0) / months - (student_month or 0.0) if known else None,
        "observed_hours": hours,
    }
