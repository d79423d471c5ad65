"""A configuration made ready for work: comparators built, a client for each student."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from comparators.base import Comparator
from proxy.config.model import Config, Route
from proxy.definition import build_comparators, definition_hash
from proxy.shadow.breaker import BreakerPolicy
from proxy.shadow.exchanges import Redact
from proxy.shadow.pairs import Terms
from proxy.shadow.redaction import redactor
from proxy.shadow.students import StudentClient


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A student, ready to be asked, and the terms of its pairs."""

    client: StudentClient
    terms: Terms

    @property
    def name(self) -> str:
        return self.client.student.name


class ServedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route with all that its exchanges need."""

    route: Route
    comparators: tuple[tuple[str, Comparator], ...]
    redact: Redact
    limit: int  # bytes of one body once decoded
    students: tuple[Served, ...]


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
        (name, each.name): each.client
        for name, served in before.items()
        for each in served.students
        if each.terms.limit == config.limits.decoded
    }

    def client(route: Route, student_index: int) -> StudentClient:
        student = route.students[student_index]
        known = clients.get((route.name, student.name))
        if known is not None and known.student == student:
            return known
        return StudentClient(student, session, limit=config.limits.decoded, policy=policy, now=now)

    ready = {}
    for route in config.routes:
        comparators = build_comparators(route)
        definition = definition_hash(route, comparators)
        redact = redactor(route.redact)
        students = tuple(
            Served(
                client=client(route, index),
                terms=Terms(
                    student=student,
                    definition=definition,
                    comparators=comparators,
                    redact=redact,
                    salt=salt,
                    limit=config.limits.decoded,
                    sample=route.sample,
                ),
            )
            for index, student in enumerate(route.students)
        )
        ready[route.name] = ServedRoute(
            route=route, comparators=comparators, redact=redact, limit=config.limits.decoded, students=students
        )
    return ready
