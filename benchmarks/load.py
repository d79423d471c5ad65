"""Closed-loop load: ``python -m benchmarks.load --port P --connections N --seconds S [--stream]`` prints JSON.

Each connection sends its next request once it has the whole answer.  Used for streams, and instead of wrk where
that is not installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import httptools
import uvloop

from benchmarks.messages import chat_request


class Client(asyncio.Protocol):
    def __init__(self, request: bytes, until: float) -> None:
        self.latencies: list[float] = []
        self.events = self.errors = 0
        self.ended = asyncio.get_running_loop().create_future()
        self._request = request
        self._until = until

    def connection_made(self, transport):
        self._transport = transport
        self._send()

    def _send(self):
        self._parser = httptools.HttpResponseParser(self)
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data):
        self._parser.feed_data(data)

    def on_body(self, data):
        self.events += data.count(b"\n\n")

    def on_message_complete(self):
        if self._parser.get_status_code() == 200:
            self.latencies.append(time.perf_counter() - self._sent)
        else:
            self.errors += 1
        if time.perf_counter() < self._until:
            asyncio.get_running_loop().call_soon(self._send)
        else:
            self._transport.close()

    def connection_lost(self, _error):
        if not self.ended.done():
            self.ended.set_result(None)


async def run(port: int, connections: int, seconds: float, *, stream: bool) -> dict[str, float]:
    body = chat_request(stream=stream)
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nauthorization: Bearer sk-benchmark\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (port, len(body), body)
    )
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: Client(request, began + seconds), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.wait([client.ended for client in clients], timeout=seconds + 10)
    took = time.perf_counter() - began
    latencies = sorted(latency for client in clients for latency in client.latencies)
    return {
        "seconds": took,
        "requests": len(latencies),
        "events": sum(client.events for client in clients),
        "errors": sum(client.errors for client in clients) + sum(not client.ended.done() for client in clients),
        "p50_us": 1e6 * latencies[len(latencies) // 2],
        "p99_us": 1e6 * latencies[len(latencies) * 99 // 100],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--stream", action="store_true")
    given = parser.parse_args()
    print(json.dumps(uvloop.run(run(given.port, given.connections, given.seconds, stream=given.stream))))


if __name__ == "__main__":
    main()
