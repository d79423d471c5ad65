"""``report``: the verdict and its evidence."""

from __future__ import annotations

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from proxy.analyst.unsettled import depth_of
from proxy.arguments import parse_since
from proxy.cli.common import ConfigFlag, RouteFlag, SinceFlag, StudentFlag, open_existing_store, served_source
from proxy.config.model import Config
from proxy.errors import NotAvailableError, UsageError
from proxy.journal.base import Depth


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(report)


def report(
    *,
    config: ConfigFlag = None,
    route: RouteFlag = None,
    student: StudentFlag = None,
    evidence: Annotated[
        int | None, typer.Option(help="An earlier evidence, by its id (not its number); the report shows both.")
    ] = None,
    since: SinceFlag = None,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
) -> None:
    """Print the verdict on each student, and why.

    How well it agrees with its teacher, and what follows from that.
    """
    from proxy.analyst.report import build_report
    from proxy.analyst.text import render_report

    if form is Format.HTML:
        raise NotAvailableError("--format html")
    loaded = served_source(config).load(with_keys=False)
    now = time.time()
    start = None if since is None else parse_since(since, now=now)
    built = build_report(
        loaded,
        open_existing_store(loaded),
        now=now,
        unsettled=_unsettled(loaded),
        route=route,
        student=student,
        evidence=evidence,
        since=start,
    )
    text = json.dumps(built, indent=2, ensure_ascii=False) if form is Format.JSON else render_report(built)
    if out is None:
        sys.stdout.write(text.rstrip("\n") + "\n")
        return
    try:
        out.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from error


def _unsettled(config: Config) -> Depth:
    from proxy.journal.embedded import EmbeddedReader, journal_directory

    return depth_of(lambda: EmbeddedReader(journal_directory(config.store), owner="report"))
