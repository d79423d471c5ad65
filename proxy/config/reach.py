"""Routes that no request can reach, and rules of a sample that none fits: an earlier one has all that they match."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from proxy.config.model import HeaderSegment, Match, Route
from proxy.config.problems import Problem
from proxy.config.sampling import MODEL, SampleRule

_WILDCARDS = frozenset("*?[")


def unreachable(routes: Sequence[Route]) -> Iterator[Problem]:
    """A problem for each of them, as far as that can be told from the globs one by one."""
    for index, route in enumerate(routes):
        before = next((each for each in routes[:index] if _has_all(each.match, route.match)), None)
        if before is not None:
            text = f"nothing reaches {route.name}: whatever it matches, {before.name} has before"
            advice = f"put {route.name} first, or narrow {before.name}"
            yield Problem(path=("routes", index, "match"), text=f"{text}; {advice}")


def idle_rules(route: Route) -> Iterator[tuple[SampleRule, str]]:
    """Rules of its sample that never decide, each with why; as far as that can be told from the globs one by one."""
    headers = {name.lower(): value for name, value in route.match.header.items()}
    segments = {segment.as_: segment.header.lower() for segment in route.segments if isinstance(segment, HeaderSegment)}
    for index, rule in enumerate(route.sampling.rules):
        earlier = route.sampling.rules[:index]
        same = (each for each in earlier if each.key == rule.key)
        before = next((each for each in same if _includes(each.pattern, rule.pattern)), None)
        matched = route.match.model if rule.key == MODEL else headers.get(segments.get(rule.key, ""))
        if before is not None:
            yield rule, f"{before.key}={before.pattern} before it has all of them"
        elif matched is not None and _are_apart(matched, rule.pattern):
            yield rule, f"the route matches {matched} alone"


def _has_all(earlier: Match, later: Match) -> bool:
    """Whether each criterion of the earlier holds wherever those of the later do."""
    headers = {name.lower(): value for name, value in later.header.items()}
    return (
        (_is_every_path(earlier.path) or _includes(earlier.path, later.path))
        and _includes(earlier.model, later.model)
        and all(_includes(value, headers.get(name.lower())) for name, value in earlier.header.items())
    )


def _is_every_path(glob: str | None) -> bool:
    return glob is None or (glob.endswith("*") and glob.strip("*") in ("", "/"))


def _includes(glob: str | None, other: str | None) -> bool:
    """Whether the first glob matches all that the second does. None matches also what is not there."""
    if glob is None or other is None:
        return glob is None
    if not glob.strip("*"):
        return True
    return glob == other or (not _WILDCARDS & set(other) and fnmatch.fnmatchcase(other, glob))


def _are_apart(glob: str, other: str) -> bool:
    """Whether nothing fits both, where one of them at least has no wildcards."""
    if _WILDCARDS & set(glob):
        glob, other = other, glob
    return not _WILDCARDS & set(glob) and not fnmatch.fnmatchcase(glob, other)
