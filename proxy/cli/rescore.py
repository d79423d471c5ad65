"""``rescore``: the configured comparators over pairs that are stored."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from proxy.arguments import parse_since
from proxy.cli.common import (
    ConfigFlag,
    RouteFlag,
    SinceFlag,
    StudentFlag,
    open_existing_store,
    served_source,
)
from proxy.config.model import Config

if TYPE_CHECKING:
    from proxy.rescore.run import Rescored


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(rescore)


def rescore(
    *, config: ConfigFlag = None, route: RouteFlag = None, student: StudentFlag = None, since: SinceFlag = None
) -> int:
    """Score stored pairs again, as comparators are configured now.

    The report shows the result beside the live evidence, as exploratory. Begun anew, it goes on where it was.
    """
    from rich.console import Console

    from proxy.analyst.names import routes_named, students_named
    from proxy.progress import counting
    from proxy.rescore.run import Between
    from proxy.rescore.run import rescore as score_again

    loaded = served_source(config).load()
    asked = students_named(routes_named(loaded, route), student)
    now = time.time()
    between = Between(
        now=now,
        since=None if since is None else parse_since(since, now=now),
        until=_oldest_unsettled(loaded),
    )
    store = open_existing_store(loaded)
    shown = functools.partial(counting, Console(stderr=True, highlight=False))
    left = 0
    for route_, student_ in asked:
        done = score_again(store, route_, student_, between, shown)
        print(f"{route_.name}: {student_.name} (version {done.version}): {_said(done)}")
        left += done.left.total()
    if not asked:
        print("no students are configured: there is nothing to score")
    return 1 if left else 0


def _oldest_unsettled(config: Config) -> float | None:
    from proxy.analyst.unsettled import depth_of
    from proxy.journal.embedded import EmbeddedReader, journal_directory

    return depth_of(lambda: EmbeddedReader(journal_directory(config.store), owner="rescore")).oldest


def _said(done: Rescored) -> str:
    from proxy.store.records import COUNTED_EXCLUDED, COUNTED_MISSING

    outcomes = done.outcomes
    if not (outcomes.total() or done.left):
        return f"no stored pairs that are not scored by {done.decides} as it is configured"
    parts = [f"{outcomes['agreed']:,} agreed", f"{outcomes['disagreed']:,} disagreed"]
    for name, kinds in (("missing", COUNTED_MISSING), ("left out", COUNTED_EXCLUDED)):
        told = {kind: outcomes[kind] for kind in kinds if outcomes[kind]}
        if told:
            parts.append(f"{sum(told.values()):,} {name} ({_counts(told)})")
    text = (
        f"{outcomes.total():,} pairs scored again by {done.decides}: {', '.join(parts)}; `understudy report` shows them"
    )
    if done.failures:
        text += f"\n  comparators failed: {_counts(_by_name(done.failures))}"
    if done.left:
        text += f"\n  {done.left.total():,} left for the next run: {_counts(_by_name(done.left))}"
    return text


def _by_name(failures: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {f"{label} {what}": number for (label, what), number in failures.items()}


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{name} {number:,}" for name, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
