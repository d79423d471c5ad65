"""Up to which moment everything that was captured is stored."""

from __future__ import annotations

from proxy.journal.base import Depth

NOT_JOURNALED_YET = 60.0  # seconds that a capture may take until it is in the journal


def settled_until(depth: Depth, now: float) -> float:
    """Unix seconds. What was captured before is stored, as far as the journal knows."""
    return now if depth.oldest is None else min(now, depth.oldest)


def ended_until(depth: Depth, now: float) -> float:
    """The same, and what is still on its way to the journal is not overlooked: conversations end by this."""
    return settled_until(depth, now) - NOT_JOURNALED_YET
