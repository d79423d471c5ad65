"""An admin plane in this process, over a real store and a journal that a test may break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from proxy.admin.plane import Plane
from proxy.admin.server import create_app
from proxy.config.model import Config
from proxy.journal.base import JournalReader
from proxy.store.base import Store
from proxy.store.sqlite import SQLiteStore
from tests.analyst.report_builders import NOW, ONE
from tests.fakes.journal import MemoryJournal


def make_plane(
    directory: Path,
    *,
    config: Config = ONE,
    roles: frozenset[str] = frozenset({"relay", "shadow", "analyst"}),
    open_journal: Callable[[], JournalReader] | None = None,
    open_store: Callable[[], Store] | None = None,
) -> Plane:
    runtime = directory / "runtime"
    (runtime / "metrics").mkdir(parents=True, exist_ok=True)
    return Plane(
        config,
        runtime=runtime,
        roles=roles,
        open_store=open_store or (lambda: SQLiteStore(directory / "understudy.db")),
        open_journal=open_journal or MemoryJournal().reader,
        clock=lambda: NOW,
    )


def client(directory: Path, **more: Any) -> TestClient:
    return TestClient(create_app(make_plane(directory, **more)))
