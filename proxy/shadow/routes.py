"""A configuration made ready for work: comparators built, a client for each student."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
import msgspec

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
) -> dict[str, ServedRoute]:
    """Make every route ready.  A student that is configured as ``before`` keeps its client, and so its breaker.

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
        comparators = build_comparators(route)
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
