"""How a route stands now: what is no matter of counts."""

from __future__ import annotations

import fnmatch

from comparators.base import SURFACES
from proxy.config.model import Route
from proxy.definition import build_comparators
from proxy.store.base import Store


def is_paused(store: Store, route: Route) -> bool:
    """Whether a person stopped its shadowing."""
    return bool({None, route.name} & store.paused())


def surfaces_not_compared(route: Route) -> tuple[str, ...]:
    """Surfaces whose requests the route's path lets in and its deciding comparator does not compare."""
    path = route.match.path
    matched = (surface for surface in SURFACES if path is None or fnmatch.fnmatchcase(f"/v1/{surface}", path))
    (_, deciding), *_ = build_comparators(route)
    return tuple(sorted(set(matched) - deciding.surfaces))
