"""Routes and students that a user asks for by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.config.model import Config, Route, Student
from proxy.errors import UsageError


def check_names(config: Config, route: str | None, student: str | None) -> None:
    """Raises UsageError when a route or student is not configured, naming those that are."""
    students_named(routes_named(config, route), student)


def routes_named(config: Config, name: str | None) -> list[Route]:
    """The route of this name, or all. Raises UsageError when there is none of that name."""
    chosen = [route for route in config.routes if name in (None, route.name)]
    if name is not None and not chosen:
        raise UsageError(f"there is no route {name!r}; routes: {listed(route.name for route in config.routes)}")
    return chosen


def students_named(routes: Sequence[Route], name: str | None) -> list[tuple[Route, Student]]:
    """The students of this name, or all, with their routes. Raises UsageError when there is none of that name."""
    every = [(route, student) for route in routes for student in route.students]
    chosen = [(route, student) for route, student in every if name in (None, student.name)]
    if name is not None and not chosen:
        there = listed(f"{student.name} (route {route.name})" for route, student in every)
        raise UsageError(f"there is no student {name!r}; students: {there}")
    return chosen


def listed(names: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(names) or "none"
