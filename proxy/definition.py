"""The definition of agreement: the comparators of a route, and what makes evidence begin anew."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from comparators.base import Comparator
from comparators.registry import ComparatorError, build
from proxy.config.model import Route
from proxy.errors import ConfigurationError

UNITS = 2  # how units are counted (proxy/store/units.py): evidence of an earlier way is not gone on with


def build_comparators(route: Route) -> tuple[tuple[str, Comparator], ...]:
    try:
        return tuple((use.label, build(use.use, use.options)) for use in route.comparators)
    except ComparatorError as error:
        raise ConfigurationError(f"route {route.name}: {error}") from error


def definition_hash(route: Route, comparators: Sequence[tuple[str, Comparator]]) -> str:
    """A hash of the comparators in their order (with labels, versions and options), the segments, and ``require``.

    The first comparator decides, so their order matters; that of segments and required values does not.
    """
    require = route.gate.require
    parts: list[Any] = [
        [[label, each.name, each.version, each.options.model_dump(mode="json")] for label, each in comparators],
        sorted(_segment(segment) for segment in route.segments),
        require if isinstance(require, str) else sorted(require),
        UNITS,
    ]
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:16]


def _segment(segment: Any) -> str:
    if isinstance(segment, str):
        return segment
    return msgspec.json.encode(segment.model_dump(mode="json"), order="deterministic").decode()
