"""docs/configuration.md: its table is made from the models, its example is read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.cli import reference
from proxy.config.load import load_checked

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_says_what_the_models_say():
    assert reference.main(["--check"], PAGE) == 0


def test_a_page_that_differs_is_found_and_written_again(tmp_path, capsys):
    page = tmp_path / "configuration.md"
    page.write_text(PAGE.read_text().replace("| data plane |", "| something else |"))
    assert reference.main(["--check"], page) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert reference.main([], page) == 0
    assert page.read_text() == PAGE.read_text()


def test_the_table_holds_kinds_bounds_and_defaults():
    table = reference.table()
    assert "| `routes[].students[].timeout` | duration | `1m` | for the whole answer |" in table
    assert "| `routes[].sample` | number or mapping | `1.0` | share of units shadowed, more than 0" in table
    assert "| `routes[].gate.margin` | number, 0 or more, less than 1 | `0.03` |" in table
    assert "| `limits.journal` | size | `10GiB` |" in table
    assert "| `routes[].comparators` | list of mappings | `[{use: auto}]` |" in table
    assert "| `teacher.url` | URL | needed |" in table
    assert all(line.count("|") >= 5 and not line.endswith("|  |") for line in table.splitlines()), "a key without words"


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL))
def test_the_examples_of_the_page_are_read(tmp_path, example):
    file = tmp_path / "understudy.yaml"
    file.write_text(example)
    assert load_checked(file, {}).routes[0].name == "intents"


def test_making_the_page_loads_nothing_heavy():
    code = "import sys, proxy.cli.reference as r; r.table(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"scipy", "sqlite_utils", "fastapi", "openai", "sklearn", "uvicorn", "aiohttp"} & set(loaded)
