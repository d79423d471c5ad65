"""``recount``: the counts from the pairs that are kept."""

from __future__ import annotations

from typing import Annotated

import typer

from proxy.cli.common import ConfigFlag, open_existing_store, served_source


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(recount)


def recount(
    config: ConfigFlag = None,
    check: Annotated[bool, typer.Option("--check", help="Only compare: exit status 1 where they differ.")] = False,
) -> int:
    """Count everything again from the pairs that are kept.

    Shadow workers wait meanwhile; nothing is lost.
    """
    from rich.console import Console

    from proxy.progress import counting

    store = open_existing_store(served_source(config).load(with_keys=False))
    console = Console(stderr=True, highlight=False)
    total = store.number_of_exchanges()
    with counting(console, "exchanges", total) as advance:
        found = store.recount(advance, check=check)
    counted = f"{found.exchanges:,} exchanges, {found.pairs:,} pairs"
    if not found.wrong:
        print(f"{counted}: every count is what they come to")
        return 0
    print(
        f"{counted}: {found.wrong:,} daily counts {'are not' if check else 'were not, and are now,'} what they come to"
    )
    return int(check)
