"""Pairs read one at a time: a pair may hold megabytes of text, and whoever wants them may want thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from proxy.store.base import PairFilter
from proxy.store.records import StoredPair


def one_by_one(first: Callable[[PairFilter], StoredPair | None], which: PairFilter) -> Iterator[StoredPair]:
    """The pairs asked for, each read when it is asked for: none is held meanwhile, and no transaction stays open.

    ``first`` gives the first pair that a filter lets through; it may ask another store object each time, as other
    threads must.
    """
    left = which.limit
    while left is None or left > 0:
        stored = first(msgspec.structs.replace(which, limit=1))
        if stored is None:
            return
        yield stored
        which = msgspec.structs.replace(which, before=(stored.exchange.arrived_at, stored.id))
        left = None if left is None else left - 1
