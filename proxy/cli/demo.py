"""``demo``: a self-contained demonstration."""

from __future__ import annotations

from typing import Annotated

import typer


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the report.")] = False,
    mended: Annotated[bool, typer.Option("--mended", help="With a student without the weakness.")] = False,
    requests: Annotated[int, typer.Option(min=100, max=100_000, help="How many requests to send.")] = 3000,
) -> int:
    """Show it at work with two small real models.

    They are trained, sent a few thousand requests, and reported on.
    """
    from proxy.demo.run import run_demo

    return run_demo(once=once, mended=mended, requests=requests)
