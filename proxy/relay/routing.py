"""Which route a request belongs to, and where its upstream is: the configuration, compiled once."""

from __future__ import annotations

import string
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

import msgspec

from proxy.config.checks import CREDENTIAL_HEADERS
from proxy.config.model import Config, DefaultTeacher, HeaderSegment, Limits, Match, Route, Teacher
from proxy.relay.access import AccessKeys
from proxy.relay.globs import Glob, glob
from proxy.relay.headers import CREDENTIALS, RawHeaders
from proxy.relay.sampling import Shares
from proxy.relay.upstream.base import Origin


class Target:
    """An upstream: where it is, with which key, and for how long to wait."""

    def __init__(self, teacher: DefaultTeacher) -> None:
        self.origin = Origin.of(teacher.url)
        self.prefix = quote(urlsplit(teacher.url).path.rstrip("/"), safe=string.punctuation).encode("ascii")
        self.timeout = teacher.timeout
        key = teacher.api_key.get_secret_value()
        self.own_key = None if key == "passthrough" else key
        self.model = teacher.model if isinstance(teacher, Teacher) else None

    def target_for(self, path: bytes, query: bytes) -> bytes:
        """What the upstream is asked for, given a client's raw path and query: neither of them is re-quoted.

        A leading ``/v1`` gives way to the upstream's own path; without one in either, the path follows unchanged.
        """
        if self.prefix and (path == b"/v1" or path.startswith(b"/v1/")):
            path = path[3:]
        target = (self.prefix + path) or b"/"
        return b"%s?%s" % (target, query) if query else target


class CompiledRoute:
    """A route as the relay needs it."""

    def __init__(self, route: Route) -> None:
        self.name = route.name
        self.target = Target(route.teacher)
        segments = {each.as_: each.header.lower() for each in route.segments if isinstance(each, HeaderSegment)}
        self.shares = Shares(route.sampling, segments)
        self.segment_headers = frozenset(segments.values()) - CREDENTIAL_HEADERS
        self.noted_headers = _raw_names(self.segment_headers | self.shares.headers) - CREDENTIALS
        self.model: Glob | None = glob(route.match.model) if route.match.model is not None else None
        self._path: Glob | None = glob(route.match.path) if route.match.path is not None else None
        self._headers = _header_globs(route.match)

    def fits(self, path: str, headers: RawHeaders) -> bool:
        """Whether all but ``match.model`` holds."""
        if self._path is not None and not self._path(path):
            return False
        return all(
            any(other == name and matches(value.decode("latin-1")) for other, value in headers)
            for name, matches in self._headers
        )


class RoutingTable(msgspec.Struct, frozen=True):
    """All that a configuration decides about a request; swapped as a whole on reload."""

    routes: tuple[CompiledRoute, ...]
    default: Target | None
    access: AccessKeys
    limits: Limits

    def candidates(self, path: str, headers: RawHeaders) -> list[CompiledRoute]:
        """Routes in order that fit but perhaps for the model, up to the first that fits whatever the model."""
        found = []
        for route in self.routes:
            if route.fits(path, headers):
                found.append(route)
                if route.model is None:
                    break
        return found


def compile_table(config: Config) -> RoutingTable:
    """Read the configuration once."""
    return RoutingTable(
        routes=tuple(CompiledRoute(route) for route in config.routes),
        default=Target(config.teacher) if config.teacher is not None else None,
        access=AccessKeys(key.get_secret_value() for key in config.access.keys),
        limits=config.limits,
    )


def choose(candidates: Iterable[CompiledRoute], model: str | None) -> CompiledRoute | None:
    """The first candidate that the model fits."""
    for route in candidates:
        if route.model is None or (model is not None and route.model(model)):
            return route
    return None


def _header_globs(match: Match) -> tuple[tuple[bytes, Glob], ...]:
    return tuple((name.lower().encode("latin-1"), glob(value)) for name, value in match.header.items())


def _raw_names(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode("latin-1", "replace") for name in names)
