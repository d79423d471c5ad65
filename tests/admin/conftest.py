from __future__ import annotations

from contextlib import closing

import pytest

from proxy.store.sqlite import SQLiteStore


@pytest.fixture
def store(tmp_path):
    with closing(SQLiteStore(tmp_path / "understudy.db")) as opened:
        yield opened
