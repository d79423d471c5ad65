"""What several parts of a report are made with: the time that it reads, and how agreement and moments are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxy.analysis.records import Agreement

METHOD = "betting with fixed bets over weighted counts; each bound holds at every look"


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a report reads.  ``since`` and ``until`` are starts of buckets, ``until`` exclusive."""

    now: float
    since: int | None = None
    until: int | None = None
    unsettled: int = 0  # exchanges in the journal

    @property
    def end(self) -> float:
        return self.now if self.until is None else min(self.now, self.until)


def agreement_json(agreement: Agreement) -> dict[str, Any]:
    return {
        "estimate": agreement.estimate,
        "lower": agreement.lower,
        "upper": agreement.upper,
        "alpha": agreement.alpha,
        "method": METHOD,
    }


def rfc3339(moment: float | None) -> str | None:
    """UTC, to the millisecond where it is not a full second."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds" if moment % 1 == 0 else "milliseconds")
    return text.replace("+00:00", "Z")
