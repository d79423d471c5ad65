"""Which evidence a pair belongs to: the rule, pure.

Evidence is one student version and one definition of agreement, from a moment (``since``) on.  Exchanges come out of
order (several workers, slow students, redelivery), so their time of capture decides, not that of their processing:

1. The newest evidence is in force.  A pair of its version and definition, captured at or after its ``since``, is its.
2. A version and definition never seen before begins new evidence at the pair's capture, and never before the newest's
   ``since``, so that numbers and times rise together.
3. A teacher version that *takes over* (``proxy.store.teachers`` says which) ends every evidence of the route: the first
   pair captured at or after that moment begins new evidence, which counts from the takeover.
4. A version and definition that had been replaced and comes back begins new evidence, but only when the newest one has
   had nothing captured for ``QUIET_SECONDS``: until then it is a straggler, of a worker that has not read the new
   configuration yet or of a student that is slow to answer.
5. A straggler belongs to the evidence of its version and definition that was in force when it was captured (the
   latest whose ``since`` is not after), else to the earliest of them.

Replayed, offline and imported pairs (``place_apart``) never begin evidence and never end it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

QUIET_SECONDS = 120.0


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An evidence that has begun, as far as the rule needs it."""

    id: int
    version: str
    definition: str
    since: float
    latest: float  # the newest capture among its pairs, never before `since`

    def is_of(self, version: str, definition: str) -> bool:
        return (self.version, self.definition) == (version, definition)


class Begins(msgspec.Struct, frozen=True):
    """New evidence is to begin at this moment."""

    since: float


def place(
    history: Sequence[Begun], takeovers: Sequence[float], *, version: str, definition: str, captured_at: float
) -> Begun | Begins:
    """The evidence that a live pair belongs to, or that new evidence begins with it.

    Args:
        history: the evidence of its route and student, oldest first.
        takeovers: when a new teacher version took over in its route.
        version: the student's.
        definition: of agreement.
        captured_at: when its exchange was captured.
    """
    same = [begun for begun in history if begun.is_of(version, definition)]
    if not same:
        return Begins(max([captured_at, *(begun.since for begun in history[-1:])]))
    newest = history[-1]
    if same[-1] is newest:
        if taken_over := [moment for moment in takeovers if newest.since < moment <= captured_at]:
            return Begins(max(taken_over))
    elif captured_at > newest.latest + QUIET_SECONDS:
        return Begins(captured_at)
    in_force = [begun for begun in same if begun.since <= captured_at]
    return in_force[-1] if in_force else same[0]


def place_apart(history: Sequence[Begun], *, version: str, definition: str, captured_at: float) -> Begun | None:
    """The evidence that a pair which is not live is filed under, if it has begun."""
    same = [begun for begun in history if begun.is_of(version, definition)]
    in_force = [begun for begun in same if begun.since <= captured_at]
    return in_force[-1] if in_force else next(iter(same), None)
