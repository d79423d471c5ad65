"""``pairs``: pairs as JSON lines."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from proxy.analyst.names import check_names
from proxy.arguments import pair_filter
from proxy.cli.common import (
    ConfigFlag,
    RouteFlag,
    SinceFlag,
    StudentFlag,
    open_existing_store,
    served_source,
)
from proxy.cli.kinds import HELP, check_kind
from proxy.store.base import PairFilter


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(pairs)


def pairs(
    *,
    config: ConfigFlag = None,
    route: RouteFlag = None,
    student: StudentFlag = None,
    disagreements: Annotated[bool, typer.Option("--disagreements", help="Disagreements alone.")] = False,
    kind: Annotated[str | None, typer.Option(help=HELP)] = None,
    segment: Annotated[str | None, typer.Option(help="Of this segment alone: key=value.")] = None,
    since: SinceFlag = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
) -> None:
    """Print pairs as JSON lines, newest first."""
    from proxy.analyst.pairs import one_by_one
    from proxy.store.pair_json import pair_json

    loaded = served_source(config).load(with_keys=False)
    check_names(loaded, route, student)
    which = pair_filter(
        route=route,
        student=student,
        disagreements=disagreements,
        kind=kind,
        segment=segment,
        since=since,
        limit=limit,
        now=time.time(),
    )
    store = open_existing_store(loaded)
    if kind is not None:
        check_kind(kind, lambda: any(True for _ in store.pairs(PairFilter(kind=kind, limit=1))))
    for stored in one_by_one(lambda one: next(store.pairs(one), None), which):
        print(json.dumps(pair_json(stored), ensure_ascii=False))
