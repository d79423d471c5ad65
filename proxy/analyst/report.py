"""The report: what the stored counts say of every route and student (CONTRACT.md, "A report")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from proxy.analyst.entry import route_entry, student_entry
from proxy.analyst.judging import Chosen
from proxy.analyst.names import listed, routes_named, students_named
from proxy.analyst.rescored import rescored_entry
from proxy.analyst.shapes import Window, rfc3339
from proxy.config.model import Config, Route, Student
from proxy.definition import build_comparators, definition_hash
from proxy.errors import UsageError
from proxy.journal.base import Depth, bucket_of
from proxy.store.base import Store
from proxy.store.records import Evidence


def build_report(
    config: Config,
    store: Store,
    *,
    now: float,
    unsettled: Depth | None,
    route: str | None = None,
    student: str | None = None,
    evidence: int | None = None,
    since: float | None = None,
) -> dict[str, Any]:
    """The contract's report, ready for JSON.

    Args:
        config: which routes and students there are, and their gates.
        store: counts are all that is read of it.
        now: unix seconds.
        unsettled: what waits in the journal; counts are read up to the five-minute bucket of the oldest exchange, so
            that disagreements that take longer cannot be overlooked. None: nothing waits.
        route: this route alone.
        student: students of this name alone.
        evidence: an earlier evidence, by its id, in place of those in force.
        since: unix seconds; read from then on. Chosen after looking, so it is exploratory and never promotes.

    Raises:
        UsageError: there is no such route, student or evidence; the message names those there are.
        StoreError: the store cannot be read just now.
    """
    if since is not None:
        since = store.counts_begin(min(max(since, 0.0), now))  # within what can be written as a date
    window = window_at(now, unsettled, since=since)
    routes = routes_named(config, route)
    asked = students_named(routes, student)
    entries = []
    if evidence is not None:
        entries.append(_earlier_entry(store, asked, evidence, window))
    else:
        for route_ in routes:
            if not route_.students:
                entries.append(route_entry(store, route_, window))
            for owner, one in asked:
                if owner is route_:
                    entries += _entries(store, owner, one, window)
    return {"generated": rfc3339(now), "since": rfc3339(window.since), "routes": entries}


def window_at(now: float, unsettled: Depth | None, *, since: int | None = None) -> Window:
    """The time to read: up to the five minutes of the oldest exchange that is not settled."""
    oldest = None if unsettled is None else unsettled.oldest
    return Window(
        now=now,
        since=since,
        until=None if oldest is None else bucket_of(oldest),
        unsettled=0 if unsettled is None else unsettled.entries,
    )


def chosen_in_force(store: Store, route: Route, student: Student) -> Chosen:
    """The newest evidence.

    There is none yet where version or definition of agreement have changed since.
    """
    version = store.version_in_force(route.name, student.name, student.base_version)
    definition = definition_hash(route, build_comparators(route))
    newest = next(reversed(store.evidences(route.name, student.name)), None)
    in_force = newest if newest and (newest.version, newest.definition) == (version, definition) else None
    return Chosen(version=version, evidence=in_force)


def _entries(store: Store, route: Route, student: Student, window: Window) -> Iterator[dict[str, Any]]:
    """The newest evidence, and what was scored again by the same definition."""
    chosen = chosen_in_force(store, route, student)
    yield student_entry(store, route, student, chosen, window)
    definition = definition_hash(route, build_comparators(route))
    rescoring = store.rescoring(route.name, student.name, chosen.version, definition)
    if rescoring is not None and rescoring.first is not None:
        yield rescored_entry(store, route, student, rescoring, chosen.evidence, window)


def _earlier_entry(
    store: Store, asked: Sequence[tuple[Route, Student]], evidence_id: int, window: Window
) -> dict[str, Any]:
    there: list[str] = []
    for route, student in asked:
        evidences = store.evidences(route.name, student.name)
        for evidence, successor in _with_successor(evidences):
            if evidence.id == evidence_id:
                chosen = Chosen(version=evidence.version, evidence=evidence, successor=successor)
                return student_entry(store, route, student, chosen, window)
            there.append(f"{evidence.id} ({route.name}, {student.name}, number {evidence.number})")
    raise UsageError(f"there is no evidence {evidence_id}; evidence: {listed(there)}")


def _with_successor(evidences: Sequence[Evidence]) -> Iterator[tuple[Evidence, Evidence | None]]:
    yield from zip(evidences, [*evidences, None][1:], strict=True)
