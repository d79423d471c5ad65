"""What each role loads: a relay stays small, and the command line starts quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"scipy", "numpy", "sklearn", "openai", "fastapi", "sqlite_utils", "py3langid", "rapidfuzz", "genai_prices"}


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import proxy.child, proxy.relay.server, proxy.journal.embedded, proxy.metrics",
        "import proxy.main",
        "import proxy.cli.app",
    ],
)
def test_relay_supervisor_and_command_line_load_nothing_heavy(statement):
    assert loaded_by(statement) & HEAVY == set()


def test_a_relay_knows_no_store_worker_or_comparator():
    loaded = loaded_by("import proxy.child, proxy.relay.server, proxy.journal.embedded, proxy.metrics")
    rooms = {name.split(".")[1] for name in loaded if name.startswith("proxy.")}
    assert rooms & {"store", "shadow", "analysis", "analyst", "admin"} == set()
    assert loaded & {"comparators.text", "comparators.label", "comparators.registry"} == set()


def test_a_shadow_worker_loads_no_statistics_and_no_web_framework():
    assert loaded_by("import proxy.shadow.worker, proxy.store") & {"scipy", "sklearn", "fastapi", "openai"} == set()
