"""What several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from proxy.config.model import Config
from proxy.errors import StoreError, UsageError
from proxy.runtime import ConfigSource
from proxy.store.base import Store

ConfigFlag = Annotated[
    str | None, typer.Option("--config", help="Configuration file [$UNDERSTUDY_CONFIG, understudy.yaml].")
]
RouteFlag = Annotated[str | None, typer.Option("--route", help="This route alone.")]
StudentFlag = Annotated[str | None, typer.Option("--student", help="This student alone.")]
SinceFlag = Annotated[str | None, typer.Option("--since", help="A duration back from now (7d) or an RFC 3339 time.")]

DEFAULT_FILE = "understudy.yaml"


def config_source(file: str | None) -> ConfigSource:
    """Where the configuration is. Raises UsageError when there is none."""
    chosen = file or os.environ.get("UNDERSTUDY_CONFIG") or DEFAULT_FILE
    if not Path(chosen).is_file():
        raise UsageError(f"no configuration at {chosen}; give --config FILE, or set UNDERSTUDY_CONFIG")
    return ConfigSource(file=chosen)


def open_existing_store(config: Config) -> Store:
    """The store of a running or past Understudy. Raises UsageError when there is none."""
    from proxy.store import open_store

    try:
        return open_store(config.store, create=False)
    except StoreError as error:
        raise UsageError(str(error)) from error
