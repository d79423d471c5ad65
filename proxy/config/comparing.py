"""Comparators of a configuration that cannot work: unknown, with wrong options, for other requests, or in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from proxy.config.addresses import leads_to
from proxy.config.model import Config, Route
from proxy.config.problems import Path, Problem

if TYPE_CHECKING:
    from comparators.base import Comparator

_SURFACES = ("chat/completions", "completions", "responses", "embeddings")


def comparator_problems(config: Config) -> Iterator[Problem]:
    """A problem for each."""
    # Imported here: the relay reads this configuration too, and needs no comparator.
    from comparators.registry import ComparatorError, build

    for number, route in enumerate(config.routes):
        for index, use in enumerate(route.comparators):
            where = ("routes", number, "comparators", index)
            try:
                comparator = build(use.use, use.options, beside=("name",))
            except ComparatorError as error:
                yield Problem(path=where, text=" ".join(str(error).split()))
                continue
            yield from _never_scoring(route, use.use, comparator, where)
            yield from _circles(config, comparator, where)


def _never_scoring(route: Route, use: str, comparator: Comparator, where: Path) -> Iterator[Problem]:
    path = route.match.path or ""
    surface = next((each for each in _SURFACES if path.endswith(f"/{each}")), None)
    if route.students and surface is not None and surface not in comparator.surfaces:
        asked = "embeddings" if surface == "embeddings" else f"answers of {surface}"
        text = f"{use} cannot compare {asked}, which are all that {path} matches"
        yield Problem(path=where, text=f"{text}; it compares {', '.join(sorted(comparator.surfaces))}")


def _circles(config: Config, comparator: Comparator, where: Path) -> Iterator[Problem]:
    """What it asks would be an exchange of this proxy, and so a pair to ask about, for ever."""
    for url in _asked(comparator):
        if leads_to(url, config.listen):
            yield Problem(path=where, text=f"its url leads back to this proxy, which listens on {config.listen}")


def _asked(comparator: Comparator) -> Iterator[str]:
    url = getattr(comparator.options, "url", None)
    if comparator.runs == "awaited" and isinstance(url, str):
        yield url
    for used in getattr(comparator, "used", ()):
        yield from _asked(used)
