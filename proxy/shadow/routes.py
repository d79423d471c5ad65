"""A configuration made ready for work: comparators built, a client for each student."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from comparators.base import Comparator, Ledger
from proxy.config.model import Config, Route, Student
from proxy.definition import build_comparators, definition_hash
from proxy.shadow.breaker import BreakerPolicy
from proxy.shadow.budgets import Budget
from proxy.shadow.exchanges import Terms
from proxy.shadow.redaction import redactor
from proxy.shadow.replays import TeacherClient, replay_student
from proxy.shadow.students import StudentClient
from proxy.store.records import TEACHER_REPLAY


class ServedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route with all that its exchanges need."""

    terms: Terms
    students: tuple[StudentClient, ...]
    replay: TeacherClient | None = None  # the teacher, to be asked a second time

    @property
    def clients(self) -> tuple[StudentClient, ...]:
        """All that are asked."""
        return self.students if self.replay is None else (*self.students, self.replay)


def serve_routes(
    config: Config,
    session: aiohttp.ClientSession,
    *,
    salt: bytes,
    before: Mapping[str, ServedRoute],
    policy: BreakerPolicy,
    ledger: Ledger,
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
        for client in served.clients
    }

    def client(route: Route, student: Student) -> StudentClient:
        known = clients.get((route.name, student.name))
        if known is not None and known.student == student:
            return known
        kind = TeacherClient if student.name == TEACHER_REPLAY else StudentClient
        budget = None
        if student.budget.is_given:
            budget = Budget(f"student {route.name}/{student.name}", student.budget, ledger, now)
        return kind(student, session, limit=config.limits.decoded, policy=policy, budget=budget, now=now)

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
        again = replay_student(route)
        replay = None if again is None else client(route, again)
        assert replay is None or isinstance(replay, TeacherClient)  # noqa: S101 -- no student is called so
        students = tuple(client(route, student) for student in route.students)
        ready[route.name] = ServedRoute(terms=terms, students=students, replay=replay)
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
