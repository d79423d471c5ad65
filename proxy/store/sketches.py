"""Sketches of what requests and answers are like, for drift: sums of features by the hour.  For SQLite.

A sketch is one array of integers for each feature, and to merge two is to add them: over exchanges, replicas and hours,
in any order, exactly.  They are written in the transaction of the exchanges and pairs they are of.  Hours of long ago
fold into days when counts do.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from proxy.store import statements
from proxy.store.connection import Connection
from proxy.store.folding import DAY, Folded, day_of
from proxy.store.records import ExchangeRecord, Features, PairRecord, SketchRow, probability_of

HOUR = 3_600
# Bins of each feature, by side (docs/drift.md).  What is stored outlives a version: a feature that is to have other
# bins, or whose bins are to mean something else, needs another name.
BINS = {
    "length": 32,
    "system_length": 32,
    "messages": 32,
    "tools": 256,
    "response_format": 64,
    "language": 677,
    "digits": 11,
    "punctuation": 11,
    "system_prompt": 64,
    "novelty": 2**14,
    "words": 512,
    "finish_reason": 8,
    "format": 8,
    "label": 256,
}
FIXED_POINT = 2**14  # what stands for 1.0 in `words`
_FOREVER = 2**62

Array = npt.NDArray[np.int64]
Key = TypeVar("Key")


class _Of(NamedTuple):
    """What sketches are kept apart by, beside the feature."""

    replica: str
    route: str
    side: str
    student: str
    hour: int
    probability: float


class SketchBook:
    """What one transaction adds: told of every new exchange and pair, it writes when all are known."""

    def __init__(self, connection: Connection, replica: str) -> None:
        self._connection = connection
        self._replica = replica
        self._added: dict[_Of, dict[str, Array]] = {}

    def add_exchange(self, exchange: ExchangeRecord) -> None:
        self._add(exchange, "input", "", exchange.probability, exchange.request_features)
        self._add(exchange, "teacher", "", exchange.probability, exchange.teacher_features)

    def add_pair(self, exchange: ExchangeRecord, pair: PairRecord) -> None:
        """The student's answer, and the teacher's once more: so there are both sides of the same exchanges."""
        if pair.features:
            probability = probability_of(exchange, pair)
            self._add(exchange, "student", pair.student, probability, pair.features)
            self._add(exchange, "teacher", pair.student, probability, exchange.teacher_features)

    def enter(self) -> None:
        """Add to what is stored."""
        for of, added in self._added.items():
            kept = self._connection.query(statements.SKETCHES_OF, **of._asdict())
            sums = _summed([*((row["feature"], unpacked(row["bins"])) for row in kept), *added.items()])
            _write(self._connection, of, {feature: sums[feature] for feature in added})

    def _add(self, exchange: ExchangeRecord, side: str, student: str, probability: float, features: Features) -> None:
        if exchange.source != "live" or not features:
            return
        hour = hour_of(exchange.captured_at)
        added = self._added.setdefault(_Of(self._replica, exchange.route, side, student, hour, probability), {})
        for feature, values in features.items():
            bins = added.setdefault(feature, np.zeros(BINS[feature], np.int64))
            if isinstance(values, Mapping):
                for bin_, n in values.items():
                    bins[bin_] += n
            else:
                bins += np.asarray(values, np.int64)


def read_sketches(
    connection: Connection, folded: Folded, route: str, *, side: str, student: str, since: float | None,
    until: float | None,
) -> list[SketchRow]:  # fmt: skip
    """``proxy.store.base.Store.sketches``."""
    found = connection.query(
        statements.SKETCHES,
        route=route,
        side=side,
        student=student,
        since=0 if since is None else hour_of(folded.start_of(since)),
        until=_FOREVER if until is None else hour_of(folded.start_of(until)),
    )
    sums = _summed(((row["hour"], row["feature"], row["probability"]), unpacked(row["bins"])) for row in found)
    return [SketchRow(*of, bins) for of, bins in sums.items()]


def fold_sketches(connection: Connection, before: int) -> bool:
    """Fold the oldest day of hours before a moment, of one side; False when there was none.  One transaction."""
    found = connection.query(statements.OLDEST_HOURLY_SKETCH, before=before)
    if not found:
        return False
    oldest = _Of(**found[0])
    of = oldest._replace(hour=day_of(oldest.hour))
    day = {**of._asdict(), "next_day": of.hour + DAY}
    with connection.writing():
        hours = connection.query(statements.SKETCHES_OF_DAY, **day)
        connection.execute(statements.DELETE_SKETCHES_OF_DAY, day)
        _write(connection, of, _summed((row["feature"], unpacked(row["bins"])) for row in hours))
    return True


def _write(connection: Connection, of: _Of, sketches: dict[str, Array]) -> None:
    rows = [of._asdict() | {"feature": feature, "bins": packed(bins)} for feature, bins in sketches.items()]
    connection.execute_many(statements.SET_SKETCH, rows)


def packed(bins: Array) -> bytes:
    """64-bit integers, little-endian, deflated: most bins are empty, most numbers small."""
    return zlib.compress(bins.astype("<i8").tobytes(), 1)


def unpacked(stored: bytes) -> Array:
    return np.frombuffer(zlib.decompress(stored), "<i8").astype(np.int64)


def hour_of(moment: float) -> int:
    """Start of the hour that a moment falls into."""
    return int(moment // HOUR) * HOUR


def _summed(sketches: Iterable[tuple[Key, Array]]) -> dict[Key, Array]:
    sums: dict[Key, Array] = {}
    for key, bins in sketches:
        before = sums.get(key)
        sums[key] = bins if before is None else before + bins
    return sums
