"""What the pairs cost, and what a month would cost with the student in the teacher's place.  Pure."""

from __future__ import annotations

from typing import Any

from proxy.analyst.summary import Money
from proxy.config.model import StudentPrice

HOURS_A_MONTH = 730.0
LEAST_HOURS = 24.0  # a shorter span knows no night, and is not blown up to a month


def cost_of(teacher: Money, student: Money, price: StudentPrice | None, *, hours: float) -> dict[str, Any]:
    """The report's ``cost``.

    ``teacher_usd`` and ``student_usd`` are of the pairs themselves.  The saving takes the whole traffic that the
    sample stands for, at its rate over the ``hours`` observed, a month of 730 hours; None without the student's
    price or the teacher's, and for less than a day.
    """
    per_hour = None if price is None else price.per_hour
    return {
        "teacher_usd": teacher.usd,
        "student_usd": student.usd if per_hour is None else per_hour * hours,
        "saving_usd_per_month": _saving(teacher, student, price, hours),
        "observed_hours": hours,
    }


def _saving(teacher: Money, student: Money, price: StudentPrice | None, hours: float) -> float | None:
    if price is None or teacher.whole_usd is None or hours < LEAST_HOURS:
        return None
    months = hours / HOURS_A_MONTH
    if price.per_hour is not None:
        return teacher.whole_usd / months - price.per_hour * HOURS_A_MONTH
    return None if student.whole_usd is None else (teacher.whole_usd - student.whole_usd) / months
