"""What keeps a store small, by what is configured.  For whoever does it now and then: one process is enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.config.model import Route
from proxy.store.base import Store

_EVERY_ROUTES = "teacher_version"  # a segment that needs no naming in the configuration
_DEFAULT_RETENTION: float = Route.model_fields["retention"].default


def keep_configured_segments(store: Store, routes: Iterable[Route]) -> None:
    """Let clients not crowd out of the counts what the configuration names: its segments and the values it requires.

    Raises:
        StoreError: the store cannot be written just now.
    """
    for route in routes:
        named = [segment for segment in route.segments if segment != "tags"]
        keys = [_EVERY_ROUTES, *(segment if isinstance(segment, str) else segment.as_ for segment in named)]
        store.keep_segments(route.name, keys=keys, values=route.gate.required_segments or ())


def tend(store: Store, routes: Sequence[Route], *, now: float, read_until: float | None) -> bool:
    """One step, short enough for whoever else needs the store; False once nothing is left to be done.

    Text goes as its route's ``retention`` says.  A stored route that is no longer configured, because it was renamed or
    taken out, goes by the shortest one of those that are; with none of them, by the default.

    Args:
        store: what is tended.
        routes: those that are configured.
        now: unix seconds.
        read_until: unix seconds; what reports are read up to: when the oldest exchange that is not settled was
            captured, or else now.  None: it is not known just now, so no counts are folded.

    Raises:
        StoreError: the store cannot be written just now.
    """
    retention = {route.name: route.retention for route in routes}
    shortest = min(retention.values(), default=_DEFAULT_RETENTION)
    forgot = any(
        store.forget_text_before(name, now - retention.get(name, shortest)) for name in sorted(store.routes_with_text())
    )
    return forgot or (read_until is not None and store.fold_counts(read_until))
