"""Tools of the relay's tests: an upstream and a client that show exact bytes, a relay between them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry

from proxy.config.model import Config
from proxy.errors import JournalError
from proxy.journal.base import Exchange, Tally
from proxy.metrics import RelayMetrics
from proxy.relay.server import serve_relay

CHAT = "/v1/chat/completions"
QUESTION = b'{"model":"m-1","messages":[{"role":"user","content":"hi"}]}'
ANSWER = (
    b'{"id":"c","object":"chat.completion","model":"m-1","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}'
)
JSON = b"content-type: application/json\r\n"
_CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","model":"m-1","choices":[{"index":0,%s}]}\n\n'
EVENTS = (
    _CHUNK % b'"delta":{"role":"assistant","content":"hel"}',
    _CHUNK % b'"delta":{"content":"lo"},"finish_reason":"stop"',
    b"data: [DONE]\n\n",
)


run = uvloop.run  # as relays run: connections end in other ways than on asyncio's own loop


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.005)


@dataclass
class Request:
    """A request as its bytes came in."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int  # of this connection's requests, from 1
    body: bytes = b""

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]

    def value(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)


@dataclass
class Upstream:
    """Answers with the bytes that its handler writes."""

    handler: Callable[[Request], Awaitable[None]]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    reads_bodies: bool = True

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = 0
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number += 1
                line, headers = parse_head(head)
                request = Request(line, headers, reader, writer, number)
                self.requests.append(request)
                if self.reads_bodies:
                    request.body = await read_body(reader, dict(headers))
                await self.handler(request)
                await writer.drain()
        writer.close()


def answering(raw: bytes) -> Callable[[Request], Awaitable[None]]:
    """A handler that always writes the same."""

    async def handler(request: Request) -> None:
        request.writer.write(raw)

    return handler


def whole(body: bytes = ANSWER, status: bytes = b"200 OK", headers: bytes = JSON) -> bytes:
    return b"HTTP/1.1 %s\r\n%scontent-length: %d\r\n\r\n%s" % (status, headers, len(body), body)


def chunked(parts: tuple[bytes, ...], headers: bytes = b"content-type: text/event-stream\r\n") -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\n%stransfer-encoding: chunked\r\n\r\n%s0\r\n\r\n" % (headers, chunks)


def parse_head(head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    line, *lines = head[:-4].split(b"\r\n")
    pairs = (each.partition(b":") for each in lines)
    return line, [(name.lower(), value.strip()) for name, _, value in pairs]


async def read_body(reader: asyncio.StreamReader, headers: dict[bytes, bytes]) -> bytes:
    if headers.get(b"transfer-encoding") == b"chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body
    return await reader.readexactly(int(headers.get(b"content-length", 0)))


@dataclass
class Response:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def value(self, name: bytes) -> bytes:
        return dict(self.headers)[name]


class Client:
    """A connection to the relay."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, line: str, body: bytes | None = None, headers: bytes = b"") -> None:
        length = b"" if body is None else b"content-length: %d\r\n" % len(body)
        self.writer.write(
            f"{line} HTTP/1.1\r\nhost: relay.test\r\n".encode() + headers + length + b"\r\n" + (body or b"")
        )

    async def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        line, headers = parse_head(await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10))
        return int(line.split(b" ")[1]), headers

    async def response(self, *, method: str = "GET") -> Response:
        status, headers = await self.head()
        if method == "HEAD" or status in {204, 304}:
            return Response(status, headers, b"")
        return Response(status, headers, await asyncio.wait_for(read_body(self.reader, dict(headers)), 10))

    async def ask(self, line: str, body: bytes | None = None, headers: bytes = b"") -> Response:
        self.send(line, body, headers)
        return await self.response(method=line.split(" ", maxsplit=1)[0])

    def leave(self) -> None:
        self.writer.transport.abort()


class ScriptedJournal:
    """A ``JournalWriter`` in memory, which can be made to fail or to wait."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.tallies: list[Tally] = []
        self.failing = False
        self.opens_after = 0  # failed attempts at first
        self.gate = threading.Event()
        self.gate.set()
        self.closed = False

    def open(self) -> ScriptedJournal:
        if self.opens_after:
            self.opens_after -= 1
            raise JournalError("no room")
        return self

    def append(self, exchanges: Any, tallies: Any) -> None:
        self.gate.wait(30)
        if self.failing:
            raise JournalError("no room")
        self.exchanges += exchanges
        self.tallies += tallies

    def maintain(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    @property
    def totals(self) -> dict[tuple[str, str], int]:
        totals: dict[tuple[str, str], int] = {}
        for tally in self.tallies:
            key = (tally.outcome, tally.reason)
            totals[key] = totals.get(key, 0) + tally.n
        return totals


@dataclass
class Running:
    """A relay with what is on either side of it."""

    upstream: Upstream
    journal: ScriptedJournal
    registry: CollectorRegistry
    address: tuple[str, int]
    stop: asyncio.Event
    paused: set[str | None]
    serving: asyncio.Task[None]

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection(*self.address))

    async def ask(self, line: str = f"POST {CHAT}", body: bytes | None = QUESTION, headers: bytes = b"") -> Response:
        client = await self.connect()
        response = await client.ask(line, body, headers)
        client.leave()
        return response

    def captures(self) -> dict[str, int]:
        return {
            sample.labels["outcome"]: int(sample.value)
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == "understudy_captures_total"
        }

    def requests(self, route: str = "chat") -> int:
        return int(
            sum(
                sample.value
                for metric in self.registry.collect()
                for sample in metric.samples
                if sample.name == "understudy_requests_total" and sample.labels["route"] == route
            )
        )

    async def captured(self, outcome: str, n: int = 1) -> None:
        """Wait until so many captures had an outcome, and nothing else was counted."""
        await until(lambda: {each: count for each, count in self.captures().items() if count} == {outcome: n})
        await until(lambda: self.journal.totals.get((outcome, ""), 0) == n or outcome == "not_shadowable")

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.serving, 20)


Configure = Callable[[str], dict[str, Any]]


def chat_route(url: str, **more: Any) -> dict[str, Any]:
    """A route ``chat`` for chat completions, and the same upstream for the rest."""
    route = {"name": "chat", "match": {"path": "*/chat/completions"}, "teacher": {"url": url}, **more}
    return {"teacher": {"url": url}, "routes": [route]}


@contextlib.asynccontextmanager
async def running(
    handler: Callable[[Request], Awaitable[None]],
    configure: Configure = chat_route,
    *,
    journal: ScriptedJournal | None = None,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
    drain_seconds: float = 5.0,
    reread: Callable[[], Config] | None = None,
) -> AsyncIterator[Running]:
    """A relay in front of an upstream with this handler."""
    upstream = Upstream(handler)
    server = await asyncio.start_server(upstream.connected, "127.0.0.1", 0, ssl=tls[0] if tls else None)
    port = server.sockets[0].getsockname()[1]
    upstream.url = f"https://localhost:{port}/v1" if tls else f"http://127.0.0.1:{port}/v1"
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(200)
    config = Config.model_validate(configure(upstream.url))
    journal = journal or ScriptedJournal()
    registry, stop, paused = CollectorRegistry(), asyncio.Event(), set[str | None]()
    serving = asyncio.create_task(
        serve_relay(
            reread or (lambda: config),
            config,
            listening,
            journal.open,
            RelayMetrics(registry),
            lambda: frozenset(paused),
            drain_seconds=drain_seconds,
            stop=stop,
            tls=tls[1] if tls else None,
        )
    )
    relay = Running(upstream, journal, registry, listening.getsockname(), stop, paused, serving)
    try:
        yield relay
    finally:
        journal.gate.set()
        if not serving.done():
            await relay.end()
        server.close()
