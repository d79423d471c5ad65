"""What several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli.remembered import remembered
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


def config_source(file: str | None, *, otherwise: str = "set UNDERSTUDY_CONFIG") -> ConfigSource:
    """Where the configuration is. Raises UsageError when there is none, which says what to do ``otherwise``."""
    chosen = _chosen(file)
    if Path(chosen).is_file():
        return ConfigSource(file=chosen)
    found = "is a directory" if Path(chosen).is_dir() else "is no file"
    wrong = f"{chosen} {found}" if Path(chosen).exists() else f"no configuration at {chosen}"
    raise UsageError(f"{wrong}; give --config FILE, or {otherwise}")


def served_source(file: str | None) -> ConfigSource:
    """The same, or else the flags that were served in this directory. Raises UsageError when there is neither."""
    if _chosen(file) == DEFAULT_FILE and not Path(DEFAULT_FILE).exists():
        flags = remembered()
        if flags is not None:
            return flags
    return config_source(file)


def _chosen(file: str | None) -> str:
    return file or os.environ.get("UNDERSTUDY_CONFIG") or DEFAULT_FILE


def open_existing_store(config: Config) -> Store:
    """The store of a running or past Understudy. Raises UsageError when there is none."""
    from proxy.store import open_store

    try:
        return open_store(config.store, create=False)
    except StoreError as error:
        raise UsageError(str(error)) from error
