"""``pause`` and ``resume``: stop and go on with shadowing."""

from __future__ import annotations

import typer

from proxy.analyst.names import check_names
from proxy.cli.common import ConfigFlag, RouteFlag, open_existing_store, served_source


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(pause)
    app.command()(resume)


def pause(config: ConfigFlag = None, route: RouteFlag = None) -> None:
    """Stop shadowing, of one route or all.

    The teacher's answers go on, nothing is captured.
    """
    _set_paused(config, route, paused=True)
    print(f"paused {route or 'every route'}; understudy resume goes on")


def resume(config: ConfigFlag = None, route: RouteFlag = None) -> None:
    """Go on with shadowing, of one route or all."""
    _set_paused(config, route, paused=False)
    print(f"resumed {route or 'every route'}")


def _set_paused(config: str | None, route: str | None, *, paused: bool) -> None:
    loaded = served_source(config).load()
    check_names(loaded, route, None)
    open_existing_store(loaded).set_paused(route, paused)
