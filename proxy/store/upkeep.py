"""What keeps a store small, in steps so short that whoever else needs the store comes in between."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.config.model import Route
from proxy.store.base import Store

_DEFAULT_RETENTION: float = Route.model_fields["retention"].default


def tend(store: Store, retention: Mapping[str, float], *, now: float, read_until: float) -> bool:
    """One step; False once nothing is left to be done, so that it is called until then.

    Args:
        store: what is tended.
        retention: for how long text is kept, seconds by route. A stored route that is not named, because it was
            renamed or taken out, goes by the shortest of those that are; with none of them, by the default.
        now: unix seconds.
        read_until: unix seconds; what reports are read up to: when the oldest exchange that is not settled was
            captured, or else now.

    Raises:
        StoreError: the store cannot be written just now.
    """
    shortest = min(retention.values(), default=_DEFAULT_RETENTION)
    forgot = any(
        store.forget_text_before(route, now - retention.get(route, shortest))
        for route in sorted(store.routes_with_text())
    )
    return forgot or store.fold_counts(read_until)
