"""``/api/pairs`` as it goes out: pair by pair, as fast as the client takes them, and bounded in bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec
import structlog

from proxy.admin.plane import Plane
from proxy.analyst.pairs import one_by_one
from proxy.errors import StoreError, UsageError
from proxy.store.base import PairFilter
from proxy.store.pair_json import pair_json
from proxy.store.records import StoredPair

PAGE_BYTES = 32 * 2**20  # the pair that reaches it is the page's last
_BEGIN = b'{"pairs":['

_log = structlog.get_logger()


def cursor(plane: Plane, before: str) -> tuple[float, str]:
    """Where the page goes on that follows on the pair of this id. Raises UsageError, StoreError."""
    stored = plane.with_store(lambda store: store.pair(before))
    if stored is None:
        raise UsageError(f"before: there is no pair {before!r}; give the `next` of the page before")
    return stored.exchange.arrived_at, stored.id


def page(plane: Plane, which: PairFilter) -> Iterator[bytes]:
    """JSON in pieces: ``{"pairs": [pair, …], "next": id or null}``.  ``next``: where more may follow.

    The first piece is there once the store has given its first pair. Raises StoreError until then; a store that fails
    later ends the page, and asked for the next one says why.
    """
    pairs = one_by_one(lambda one: plane.with_store(lambda store: next(store.pairs(one), None)), which)
    pieces = _pieces(pairs, which.limit)
    return itertools.chain([next(pieces)], pieces)


def _pieces(pairs: Iterator[StoredPair], limit: int | None) -> Iterator[bytes]:
    size = number = 0
    last: str | None = None
    while size < PAGE_BYTES and number != limit:
        try:
            stored = next(pairs, None)
        except StoreError as error:
            if not number:
                raise
            _log.warning("pairs_cut_short", error=str(error))
            break
        if stored is None:
            last = None
            break
        piece = (b"," if number else _BEGIN) + msgspec.json.encode(pair_json(stored))
        last, number, size = stored.id, number + 1, size + len(piece)
        del stored  # not held while the client takes its time
        yield piece
    yield (b"" if number else _BEGIN) + b'],"next":' + msgspec.json.encode(last) + b"}"
