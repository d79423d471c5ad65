"""The API's page names every path and parameter that there is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.admin.planes import client

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def test_the_page_names_every_path_with_its_parameters(tmp_path):
    described = client(tmp_path).get("/openapi.json").json()["paths"]
    there = {
        path: [parameter["name"] for parameter in methods["get"].get("parameters", []) if parameter["in"] == "query"]
        for path, methods in described.items()
    }

    rows = [line.split("|")[1:3] for line in PAGE.splitlines() if line.startswith("| `/")]
    told = {path.strip().strip("`"): re.findall(r"`(\w+)`", parameters) for path, parameters in rows}

    assert told == there


def test_the_error_shown_is_the_one_that_is_answered(tmp_path):
    assert client(tmp_path).get("/api/pairs?limt=1").text.replace('":"', '": "') in PAGE
