"""A scripted HTTP/1.1 upstream on a real socket: what it sends is exactly the bytes a test gives it.

It runs in a thread with an event loop of its own, so that tests can use blocking clients.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str  # path and query, raw
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Reply:
    """What to send.  ``pieces``: the body, written one by one; ``pause``: seconds between them.

    Exactly these headers are sent, and a content-length unless ``chunked`` or ``close_delimited``.
    """

    status: int = 200
    headers: Sequence[tuple[str, str]] = (("content-type", "application/json"),)
    pieces: Sequence[bytes] = (b"",)
    chunked: bool = False
    close_delimited: bool = False
    pause: float = 0.0
    delay: float = 0.0  # seconds before the first byte
    abort_after: int | None = None  # pieces after which the connection is cut
    hang: bool = False  # never answer


def json_reply(value: Any, status: int = 200, **more: Any) -> Reply:
    return Reply(status=status, pieces=(msgspec.json.encode(value),), **more)


def sse_reply(events: Sequence[bytes], **more: Any) -> Reply:
    return Reply(headers=(("content-type", "text/event-stream"),), pieces=events, chunked=True, **more)


Handler = Callable[[Seen], Reply | Awaitable[Reply]]


@dataclass
class Upstream:
    """A server whose ``handler`` may be replaced at any time.  Use it as a context manager."""

    handler: Handler
    host: str = "127.0.0.1"
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    _stop: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join(10)

    async def _serve(self, ready: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        server = await asyncio.start_server(self._connection, self.host, self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stopping.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (request := await _read_request(reader, writer)) is not None:
                self.seen.append(request)
                reply = self.handler(request)
                if isinstance(reply, Awaitable):
                    reply = await reply
                if not await _send(writer, request, reply):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    lower = {name.lower(): value for name, value in headers}
    if lower.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if lower.get("transfer-encoding", "").lower() == "chunked":
        body = b"".join([piece async for piece in _chunks(reader)])
    else:
        body = await reader.readexactly(int(lower.get("content-length", 0)))
    return Seen(method, target, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


async def _send(writer: asyncio.StreamWriter, request: Seen, reply: Reply) -> bool:
    """Whether the connection may be used again."""
    if reply.hang:
        await asyncio.Event().wait()
    if reply.delay:
        await asyncio.sleep(reply.delay)
    writer.write(_head(reply))
    if request.method != "HEAD" and reply.status not in {204, 304}:
        for number, piece in enumerate(reply.pieces):
            if number == reply.abort_after:
                await writer.drain()
                writer.transport.abort()
                return False
            if number and reply.pause:
                await asyncio.sleep(reply.pause)
            if piece:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece)
                await writer.drain()
        if reply.chunked:
            writer.write(b"0\r\n\r\n")
    await writer.drain()
    return not reply.close_delimited


def _head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} Status"] + [f"{name}: {value}" for name, value in reply.headers]
    if reply.chunked:
        lines.append("transfer-encoding: chunked")
    elif not reply.close_delimited and reply.status not in {204, 304}:
        lines.append(f"content-length: {sum(map(len, reply.pieces))}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
