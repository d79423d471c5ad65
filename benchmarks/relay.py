"""What the relay costs: ``make bench``.

One run measures the upstream alone, the relay with capture off, and with capture on (into the journal, no shadow
worker running), by the same load over loopback.  Compare figures of one run alone.  The load generator is Python and
shares the second core with the upstream, so figures of the upstream alone are its limit rather than the upstream's.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.upstream import EVENTS
from tests.fakes.running import Running, free_port, wait_for

CONNECTIONS = 64
SECONDS = 6.0
ALONE = 3000  # requests one after the other, for latency
STREAMS = 32
_MESSAGES = [{"role": "system", "content": "s" * 800}, {"role": "user", "content": "u" * 950}]
WIDTHS = (11, 7, 7, 7, 9, 7, 7)
TICKS = os.sysconf("SC_CLK_TCK")


def request(*, stream: bool) -> bytes:
    """A request of 1.9 KB."""
    body = json.dumps({"model": "gpt-4o", "messages": _MESSAGES, "stream": stream}).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}authorization: Bearer sk-benchmark\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Load:
    """What a round of load saw."""

    answers: int = 0
    events: int = 0
    latencies: list[float] = field(default_factory=list)  # seconds
    failed: int = 0


class Client(asyncio.Protocol):
    """Sends one request after the other until it is told to stop."""

    def __init__(self, load: Load, *, stream: bool, until: float, most: int, ended: asyncio.Future[None]) -> None:
        self.load, self.stream, self.until, self.left, self.ended = load, stream, until, most, ended
        self.request = request(stream=stream)
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.left -= 1
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.stream:
            self.load.events += data.count(b"data: {")
        self.received += data
        if not self.is_whole():
            return
        self.load.failed += not self.received.startswith(b"HTTP/1.1 200")
        self.received = b""
        now = time.perf_counter()
        self.load.answers += 1
        self.load.latencies.append(now - self.began)
        if self.left > 0 and now < self.until:
            self.send()
        else:
            self.transport.close()

    def is_whole(self) -> bool:
        if self.stream:
            return self.received.endswith(b"0\r\n\r\n")
        head, separator, body = self.received.partition(b"\r\n\r\n")
        return bool(separator) and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.failed += exc is not None
        if not self.ended.done():
            self.ended.set_result(None)


def send(port: int, *, connections: int, seconds: float, most: int = 10**9, stream: bool = False) -> tuple[Load, float]:
    """The load that this process can make, bounded in time and number; and the seconds it took."""

    async def run() -> tuple[Load, float]:
        loop, load, began = asyncio.get_running_loop(), Load(), time.perf_counter()
        ends = [loop.create_future() for _ in range(connections)]
        for ended in ends:
            until = began + seconds
            client = Client(load, stream=stream, until=until, most=most, ended=ended)
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
        await asyncio.wait_for(asyncio.gather(*ends), seconds + 30)
        return load, time.perf_counter() - began

    return uvloop.run(run())


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / TICKS


def percentile(latencies: list[float], share: float) -> float:
    return sorted(latencies)[min(len(latencies) - 1, int(share * len(latencies)))]


@dataclass
class Figures:
    name: str
    per_second: float
    cpu_us: float | None
    p50_us: float
    p99_us: float
    events_per_second: float
    event_cpu_us: float | None
    failed: int


def measure(name: str, port: int, pid: int | None) -> Figures:
    send(port, connections=4, seconds=1.0)  # warm
    before = cpu_seconds(pid) if pid else 0.0
    load, took = send(port, connections=CONNECTIONS, seconds=SECONDS)
    used = cpu_seconds(pid) - before if pid else 0.0
    alone, _ = send(port, connections=1, seconds=20.0, most=ALONE)
    before = cpu_seconds(pid) if pid else 0.0
    streamed, stream_took = send(port, connections=STREAMS, seconds=SECONDS / 2, stream=True)
    stream_used = cpu_seconds(pid) - before if pid else 0.0
    return Figures(
        name,
        load.answers / took,
        used / load.answers * 1e6 if pid else None,
        percentile(alone.latencies, 0.5) * 1e6,
        percentile(alone.latencies, 0.99) * 1e6,
        streamed.events / stream_took,
        stream_used / streamed.events * 1e6 if pid else None,
        load.failed + alone.failed + streamed.failed,
    )


@contextmanager
def upstream(port: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.upstream", str(port)])
    try:
        wait_for(lambda: _listens(port), what="the upstream listens")
        yield
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    port = free_port()
    teacher = {"url": f"http://127.0.0.1:{port}/v1"}
    route = {"name": "benchmark", "match": {"path": "/v1/chat/completions"}, "teacher": teacher}
    set_ups = {"relay, capture off": {"teacher": teacher}, "relay, capture on": {"routes": [route]}}
    with upstream(port), tempfile.TemporaryDirectory() as folder:
        figures = [measure("upstream alone", port, None)]
        for number, (name, config) in enumerate(set_ups.items()):
            directory = Path(folder) / str(number)
            directory.mkdir()
            with Running(directory, config, command="relay") as running:
                (relay,) = running.children("relay")
                figures.append(measure(name, int(running.config["listen"].rsplit(":", 1)[1]), relay))
                outcomes = running.by("understudy_captures_total", "outcome")
    show(figures)
    print(f"captures by outcome: {', '.join(f'{name} {n:,.0f}' for name, n in outcomes.items())}")


def show(figures: list[Figures]) -> None:
    alone = figures[0]
    print(f"1.9 KB requests, 1.4 KB answers, {CONNECTIONS} connections; latency one request at a time;")
    print(f"{STREAMS} streams of {EVENTS} events, one write each; loopback, {os.cpu_count()} cores\n")
    names = ["requests/s", "CPU µs", "p50 µs", "p99 µs", "events/s", "CPU µs", "failed"]
    print(f"{'':20} " + " ".join(f"{name:>{width}}" for name, width in zip(names, WIDTHS, strict=True)))
    for row in figures:
        cpu = "" if row.cpu_us is None else f"{row.cpu_us:.0f}"
        event = "" if row.event_cpu_us is None else f"{row.event_cpu_us:.1f}"
        print(
            f"{row.name:20} {row.per_second:11,.0f} {cpu:>7} {row.p50_us:7.0f} {row.p99_us:7.0f}"
            f" {row.events_per_second:9,.0f} {event:>7} {row.failed:7}"
        )
    for row in figures[1:]:
        print(
            f"{row.name} adds {row.p50_us - alone.p50_us:.0f} µs at p50 and {row.p99_us - alone.p99_us:.0f} µs at p99"
            f" to {alone.p50_us:.0f} and {alone.p99_us:.0f} µs, at {row.per_second / alone.per_second:.0%} of its rate"
        )


if __name__ == "__main__":
    main()
