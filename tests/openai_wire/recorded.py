"""The recorded exchanges of ``../shared/data/wire.jsonl``, for tests that read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from proxy.openai import surfaces

_WIRE = Path(__file__).parents[2].parent / "shared" / "data" / "wire.jsonl"


class Recorded(NamedTuple):
    name: str
    surface: str
    request: bytes
    status: int
    content_type: str
    response: bytes

    @property
    def asked(self) -> dict[str, Any]:
        return json.loads(self.request)

    @property
    def is_stream(self) -> bool:
        return "event-stream" in self.content_type

    def events(self) -> list[Any]:
        """The JSON of each event, read the simplest way there is (these recordings are tame)."""
        lines = self.response.decode().splitlines()
        texts = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
        return [json.loads(text) for text in texts if text != "[DONE]"]


def exchanges() -> list[Recorded]:
    """Every recorded POST to one of the four surfaces; empty where the data is absent."""
    if not _WIRE.exists():
        return []
    found = []
    for line in _WIRE.read_text().splitlines():
        row = json.loads(line)
        surface = surfaces.surface_of(row["path"].split("?")[0])
        if surface is not None and row["method"] == "POST":
            name = f"{row['name']}-{row['n']}"
            content_type = row["headers"].get("content-type", "")
            found.append(
                Recorded(name, surface, _bytes(row["request"]), row["status"], content_type, _bytes(row["response"]))
            )
    return found


def each(chosen: list[Recorded]) -> Any:
    """Parametrize by recorded exchange; one skipped case where the data is absent."""
    if not exchanges():
        skip = pytest.param(None, marks=pytest.mark.skip(reason="../shared/data/wire.jsonl is absent"))
        return pytest.mark.parametrize("exchange", [skip])
    return pytest.mark.parametrize("exchange", chosen, ids=lambda exchange: exchange.name)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
