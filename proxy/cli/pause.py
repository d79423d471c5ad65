"""``pause`` and ``resume``: stop and go on with shadowing."""

from __future__ import annotations

import typer

from proxy.analyst.names import check_names
from proxy.cli.common import ConfigFlag, RouteFlag, open_existing_store, served_source
from proxy.config.model import Config
from proxy.store.base import Store


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(pause)
    app.command()(resume)


def pause(config: ConfigFlag = None, route: RouteFlag = None) -> None:
    """Stop shadowing, of one route or all.

    The teacher's answers go on, nothing is captured.
    """
    _opened(config, route)[1].set_paused(route, True)
    print(f"paused {route or 'every route'}; understudy resume goes on")


def resume(config: ConfigFlag = None, route: RouteFlag = None) -> None:
    """Go on with shadowing, of one route or all."""
    loaded, store = _opened(config, route)
    paused = store.paused()
    if route is not None and None in paused:  # all were paused at once: now each of the others is
        for other in loaded.routes:
            store.set_paused(other.name, other.name != route)
    for name in paused if route is None else {route, None}:
        store.set_paused(name, False)
    print(f"resumed {route or 'every route'}")


def _opened(config: str | None, route: str | None) -> tuple[Config, Store]:
    loaded = served_source(config).load(with_keys=False)
    check_names(loaded, route, None)
    return loaded, open_existing_store(loaded)
