"""``understudy recount``, as a user calls it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from proxy.store.sqlite import SQLiteStore
from tests.analyst.report_builders import record

CONFIG = """
routes:
  - name: intents
    teacher: {url: http://t/v1}
"""


def recount(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proxy.cli", "recount", *flags]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "understudy.yaml").write_text(CONFIG)
    with closing(SQLiteStore(tmp_path / "understudy.db")) as store:
        record(store, ["agreed", "disagreed", "unavailable"])
    return tmp_path


def test_right_counts_are_said_to_be_so(folder):
    done = recount(folder, "--check")

    assert (done.returncode, done.stdout) == (0, "3 exchanges, 3 pairs: every count is what they come to\n")


def test_wrong_ones_are_found_and_then_mended(folder):
    with closing(sqlite3.connect(folder / "understudy.db")) as store:
        store.execute("UPDATE daily_counts SET n = n + 1 WHERE measure = 'pairs'")
        store.commit()

    found = recount(folder, "--check")
    assert (found.returncode, "are not what they come to" in found.stdout) == (1, True)

    mended = recount(folder)
    assert (mended.returncode, "were not, and are now" in mended.stdout) == (0, True)
    assert recount(folder, "--check").returncode == 0


def test_without_a_store_there_is_nothing_to_count(tmp_path):
    (tmp_path / "understudy.yaml").write_text(CONFIG)

    done = recount(tmp_path)

    assert done.returncode == 2
    assert "there is no store here yet" in done.stderr
