"""A configuration made ready for work: comparators built, a client for each student."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from comparators.base import Comparator
from proxy.config.model import Config, Route, Student
from proxy.definition import build_comparators, definition_hash
from proxy.shadow.breaker import BreakerPolicy
from proxy.shadow.exchanges import Terms
from proxy.shadow.redaction import redactor
from proxy.shadow.students import StudentClient


class ServedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route with all that its exchanges need."""

    terms: Terms
    students: tuple[StudentClient, ...]


def serve_routes(
    config: Config,
    session: aiohttp.ClientSession,
    *,
    salt: bytes,
    before: Mapping[str, ServedRoute],
    policy: BreakerPolicy,
    now: Callable[[], float],
    introduce: Callable[[Route, Comparator], None] = lambda _, __: None,
) -> dict[str, ServedRoute]:
    """Make every route ready.

    A student that is configured as ``before`` keeps its client, and so its breaker; comparators that are stay the same,
    with what they remember.  New ones are introduced, with their route.

    Raises:
        ConfigurationError: a comparator cannot be built.
    """
    clients = {
        (name, client.student.name): client
        for name, served in before.items()
        if served.terms.limit == config.limits.decoded
        for client in served.students
    }

    def client(route: Route, student: Student) -> StudentClient:
        known = clients.get((route.name, student.name))
        if known is not None and known.student == student:
            return known
        return StudentClient(student, session, limit=config.limits.decoded, policy=policy, now=now)

    ready = {}
    for route in config.routes:
        comparators = _comparators(route, before.get(route.name), introduce)
        terms = Terms(
            route=route,
            definition=definition_hash(route, comparators),
            comparators=comparators,
            redact=redactor(route.redact),
            salt=salt,
            limit=config.limits.decoded,
        )
        ready[route.name] = ServedRoute(
            terms=terms, students=tuple(client(route, student) for student in route.students)
        )
    return ready


def comparators_of(routes: Mapping[str, ServedRoute]) -> list[Comparator]:
    """All that the routes use, each by itself."""
    return [comparator for served in routes.values() for _, comparator in served.terms.comparators]


def _comparators(
    route: Route, before: ServedRoute | None, introduce: Callable[[Route, Comparator], None]
) -> tuple[tuple[str, Comparator], ...]:
    built = build_comparators(route)
    if before is not None and before.terms.route.comparators == route.comparators:
        known = before.terms.comparators
        if [each.version for _, each in known] == [each.version for _, each in built]:  # files it reads may be others
            return known
    for _, comparator in built:
        introduce(route, comparator)
    return built
