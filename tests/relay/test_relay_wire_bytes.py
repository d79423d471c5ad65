"""Recorded exchanges arrive byte for byte the same, in any coding, however their chunks are cut."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import random
from pathlib import Path

import brotli
import pytest
import zstandard

from tests.relay.relay_tools import Client, Request, run, running, until

WIRE = Path(__file__).parents[2].parent / "shared" / "data" / "wire.jsonl"
CODINGS = {
    "": bytes,
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
CUTS = (1, 7, 64, 1000)
MOST_BYTES = 30_000  # longer ones are left to the end-to-end tests


def recorded() -> list[dict]:
    if not WIRE.exists():
        pytest.skip("shared/data/wire.jsonl is not here")
    lines = WIRE.read_text(encoding="utf-8").splitlines()
    texts = [each for each in map(json.loads, lines) if isinstance(each["response"], str) and each["response"]]
    return [each for each in texts if len(each["response"]) < MOST_BYTES]


def configure(url: str) -> dict:
    return {"routes": [{"name": "all", "teacher": {"url": url.removesuffix("/v1")}}]}


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_recorded_exchanges_stay_the_same(framing: str) -> None:
    records = recorded()
    chosen = random.Random(3).sample(records, min(24, len(records)))
    streams = [each for each in records if "event-stream" in str(each["headers"].get("content-type"))][:12]
    cases = list(zip(chosen + streams, itertools.cycle(CODINGS), itertools.cycle(CUTS[1:] + CUTS)))

    async def scenario() -> None:
        async def handler(request: Request) -> None:
            record, coding, cut = cases[int(request.value(b"x-case") or b"")]
            body = CODINGS[coding](record["response"].encode())
            cut = cut if len(body) < 5000 else max(cut, 64)
            headers = dict(record["headers"]) | ({"content-encoding": coding} if coding else {})
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            length = "transfer-encoding: chunked" if framing == "chunked" else f"content-length: {len(body)}"
            request.writer.write(f"HTTP/1.1 {record['status']} S\r\n{head}{length}\r\n\r\n".encode())
            for start in range(0, len(body), cut):
                piece = body[start : start + cut]
                request.writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if framing == "chunked" else piece)
                if start % (cut * 50) == 0:
                    await request.writer.drain()
                    await asyncio.sleep(0)
            if framing == "chunked":
                request.writer.write(b"0\r\n\r\n")

        async with running(handler, configure) as relay:
            for number, (record, coding, _) in enumerate(cases):
                client = Client(*await asyncio.open_connection(*relay.address))
                sent = record["request"].encode() if isinstance(record["request"], str) else b""
                response = await client.ask(f"{record['method']} {record['path']}", sent, b"x-case: %d\r\n" % number)
                client.leave()
                assert response.status == record["status"]
                assert response.body == CODINGS[coding](record["response"].encode())
                expected = [(name.lower(), str(value)) for name, value in record["headers"].items()]
                expected += [("content-encoding", coding)] if coding else []
                expected += [("content-length", str(len(response.body)))] if framing == "length" else []
                got = [(name.decode(), value.decode()) for name, value in response.headers]
                assert [pair for pair in got if pair[0] not in {"x-understudy-id", "transfer-encoding"}] == expected
                assert relay.upstream.requests[number].body == sent
                assert relay.upstream.requests[number].target.decode() == record["path"]
            await until(lambda: sum(relay.captures().values()) == len(cases))

    run(scenario())
