"""The store's seam: what is kept for good.  Synchronous; one object per thread.

Every engine keeps these promises: ``record`` is one transaction and idempotent by exchange id and student;
counts change in the same transaction as the pairs they count; merge of counts is addition.  All methods raise
``proxy.errors.StoreError`` when the store cannot be written or read just now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from proxy.journal.base import TallyTotal
from proxy.store.records import (
    Alert,
    Assessment,
    BlockRow,
    CaptureCount,
    CountRow,
    Evidence,
    RandomPair,
    Recounted,
    RescoredPair,
    Rescoring,
    Settlement,
    SketchRow,
    StoredPair,
)


class PairFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which pairs to read; everything given must hold."""

    route: str | None = None
    student: str | None = None
    disagreements: bool = False
    kind: str | None = None  # a kind of disagreement, or of missing, or of student error
    segment: tuple[str, str] | None = None
    since: float | None = None  # arrived_at, unix seconds
    source: str | None = None
    version: str | None = None  # of the student
    until: float | None = None  # captured_at, exclusive
    not_rescored: int | None = None  # those that this rescoring (its id) has not counted
    limit: int | None = None
    before: tuple[float, str] | None = None  # (arrived_at, id) of the last pair already read: paging


class RouteTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a route's exchanges without any student.  Latency histograms are log-binned."""

    exchanges: int
    teacher_ms: dict[int, int]
    teacher_ttft_ms: dict[int, int]
    teacher_nano_usd: int
    teacher_priced: int
    first: float | None
    last: float | None


class Store(Protocol):
    def salt(self) -> bytes:
        """Random bytes made with the store: for hashing users and sessions."""

    def record(self, settlements: Sequence[Settlement]) -> list[tuple[str, str]]:
        """Store what became of exchanges; returns (exchange id, student) of the pairs that are new.

        A pair stored before is left alone and counted nowhere again.
        """

    def close_units(self, until: float) -> bool:
        """Let conversations enter the counts, each as one unit, that had been idle for 30 minutes at ``until``.

        Some of them only, so that others come in between: to be called until it returns False.  ``until``: unix
        seconds; nothing that was captured before is still to be recorded.
        """

    def open_turns(self, route: str) -> int:
        """Live exchanges of conversations that go on: they have pairs already, and are no units yet."""

    def known(self, exchange_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """For each exchange that is stored: the students it has pairs with."""

    def record_captures(self, totals: Sequence[TallyTotal]) -> None:
        """Take over the journal's totals; writing the same total twice is harmless."""

    def version_in_force(self, route: str, student: str, base: str) -> str:
        """The version that an exchange due now belongs to, answered or not."""

    def observe_model(self, route: str, student: str, base: str, model: str) -> str:
        """Take note of the model that an answer names; returns the version in force from now on.

        ``base`` itself while the model is the one first seen under it, else ``base`` with the new model's name.
        """

    def evidences(self, route: str, student: str) -> list[Evidence]:
        """Every evidence of a route and student, oldest first; the last one is in force."""

    def counts(
        self, evidence_id: int, *, source: str = "live", since: int | None = None, until: int | None = None
    ) -> list[CountRow]:
        """Counts in [since, until), unix seconds, each taken down to its ``counts_begin``."""

    def settled_segments(self, evidence_id: int) -> dict[tuple[str, str], bool]:
        """The segment values (key, value) that were settled for an evidence, and whether each is required.

        Empty until they are settled.
        """

    def settle_segments(self, evidence_id: int, required: Mapping[tuple[str, str], bool], *, at: float) -> None:
        """Add values, or make them required; none leaves, and none ceases to be required."""

    def keep_segments(self, route: str, *, keys: Collection[str], values: Collection[tuple[str, str]]) -> None:
        """Count these segments of a route by their names from now on; ``values`` are (key, value) each.

        Without it the first 200 values of a key and the first 32 keys are, and all others together as ``other``.
        """

    def full_days(self, evidence_id: int, until: float) -> int:
        """24-hour periods since the evidence began that ended by ``until`` and hold at least one pair."""

    def sketches(
        self, route: str, *, side: str, student: str = "", since: float | None = None, until: float | None = None
    ) -> list[SketchRow]:
        """Sums of features, oldest first, of live exchanges in [since, until), unix seconds.

        Both are taken down to their hours, and to their days where hours are folded.  ``side``: ``input`` or
        ``teacher``, of every exchange that the teacher answered; with a ``student``, ``student`` and ``teacher`` are
        the two answers of the exchanges that it answered.
        """

    def captures(self, route: str, *, since: int | None = None, until: int | None = None) -> list[CaptureCount]: ...

    def traffic(self, route: str, *, since: float | None = None) -> RouteTraffic: ...

    def pairs(self, which: PairFilter) -> Iterator[StoredPair]:
        """Newest first."""

    def pair(self, pair_id: str) -> StoredPair | None: ...

    def random_pairs(self, evidence_id: int, most: int) -> Iterator[RandomPair]:
        """A random sample of the live pairs of an evidence: always the same one, but for those that came since."""

    def count_pairs(self, which: PairFilter) -> int:
        """How many there are, whatever its ``limit``."""

    def begin_rescoring(self, route: str, student: str, version: str, *, definition: str, decides: str) -> Rescoring:
        """Where these pairs are counted when scored again; the same one every time."""

    def rescoring(self, route: str, student: str, version: str, definition: str) -> Rescoring | None:
        """The same if it was begun."""

    def record_rescored(self, rescoring: Rescoring, pairs: Sequence[RescoredPair]) -> int:
        """Count pairs that were scored again, in one transaction; returns how many are new.

        A pair that this rescoring has counted is left alone.  No evidence and no stored pair changes.
        """

    def blocks(self, evidence_id: int, comparator: str, measure: str, *, since: float, until: float) -> list[BlockRow]:
        """Units of live evidence by five minutes in [since, until), as far as they are not folded; oldest first.

        ``measure``: ``low``, ``high`` or ``valid``.
        """

    def hold(self, name: str, holder: str, *, now: float, seconds: float) -> bool:
        """Take, or go on with, what only one may do at a time; False while somebody else does."""

    def let_go(self, name: str, holder: str) -> None:
        """Leave it to others at once, if this one has it."""

    def assess(self, assessment: Assessment, alerts: Sequence[Alert]) -> None:
        """Replace what was last found out, with alerts that are new or changed, in one transaction."""

    def assessment(self, route: str, student: str) -> Assessment | None: ...

    def alerts(self, route: str, student: str, *, resolved: bool = False, limit: int = 100) -> list[Alert]:
        """Newest first: those that are open, or also those that were resolved."""

    def spend(self, amounts: Mapping[tuple[str, str], float]) -> None:
        """Add to what was spent: USD by account and day (UTC, ``2026-01-31``)."""

    def spent(self, since: str) -> dict[tuple[str, str], float]:
        """What all together spent, by account and day, from a day on."""

    def set_paused(self, route: str | None, paused: bool) -> None:
        """Stop or go on with shadowing a route (None: every route)."""

    def paused(self) -> frozenset[str | None]:
        """Routes that a person paused; contains None when all are."""

    def routes_with_text(self) -> frozenset[str]:
        """Routes that text is stored of, also those that nobody configures any more."""

    def forget_text_before(self, route: str, time: float) -> int:
        """Delete the text of a route's exchanges that arrived before ``time`` (unix seconds); counts stay.

        Some of them only, so that others come in between: to be called until it returns 0. Returns how many.
        """

    def fold_counts(self, until: float) -> bool:
        """Keep counts older than 35 days by day alone, older than a year by month alone; they stay exact.

        Some of them only, so that others come in between: to be called until it returns False.  ``until``: the moment
        (unix seconds) that reports are read up to, by which they are old or not.
        """

    def number_of_exchanges(self) -> int: ...

    def recount(self, advance: Callable[[int], None], *, check: bool) -> Recounted:
        """Count everything again from the exchanges and pairs that are kept; others wait meanwhile.

        Args:
            advance: told of each number of exchanges that are done.
            check: only compare, and change nothing.
        """

    def counts_begin(self, moment: float) -> int:
        """Start of the five minutes that counts are kept by at a moment; of the day or month, once they are folded."""

    def close(self) -> None: ...
