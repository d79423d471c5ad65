"""One HTTP/1.1 connection to an upstream: a request goes out as it was given, its answer comes in as it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any, Protocol

import httptools

from proxy.relay.headers import RawHeaders
from proxy.relay.upstream.base import BrokenOffError, Origin, TimedOutError, UnreachableError, UpstreamRequest

_IDLE_SECONDS = 4.0  # usual servers close idle connections after 5 s or more: we are to be first
_LONGEST_HEAD = 2**20
_UNREAD = 2**16  # bytes that may wait for the client before the upstream has to
_SLICE = 2**18  # larger bodies are written in parts, at the upstream's pace
_NEVER = float("inf")
_SWITCHING = 101
_FINAL = 200  # statuses below announce another answer


class NothingHeardError(UnreachableError):
    """The connection ended before a byte of an answer came."""


class Answer:
    """See ``UpstreamAnswer``."""

    __slots__ = (
        "_chunks",
        "_connection",
        "_waiter",
        "asked_at",
        "body_at",
        "complete",
        "ended_at",
        "failure",
        "headers",
        "heard_at",
        "status",
    )

    def __init__(self, connection: Connection, asked_at: float) -> None:
        self.status = 0  # 0: the head has not come
        self.headers: RawHeaders = ()
        self.asked_at = asked_at
        self.heard_at = 0.0
        self.body_at = 0.0
        self.ended_at = 0.0
        self.complete = False  # all of it has come
        self.failure: BaseException | None = None
        self._connection = connection
        self._chunks: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None

    @property
    def waited(self) -> float:
        return max(0.0, self.heard_at - self.asked_at)

    @property
    def ready(self) -> bool:
        return self.complete or bool(self._chunks)

    @property
    def ended(self) -> bool:
        return self.complete and not self._chunks

    async def head(self) -> None:
        """Wait until status and headers are there. Raises what went wrong."""
        while not self.status:
            if self.failure is not None:
                raise self.failure
            await self._something()

    async def chunk(self) -> bytes:
        while not self._chunks:
            if self.failure is not None:
                raise self.failure
            if self.complete:
                return b""
            await self._something()
        chunks = self._chunks
        self._chunks = []
        self._connection.read_on(self)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def close(self) -> None:
        if not self.complete:
            self._connection.abort()

    def conclude(self, at: float) -> None:
        """All of it has come."""
        self.complete = True
        self.ended_at = at

    def add(self, chunk: bytes, at: float) -> None:
        if not self.body_at:
            self.body_at = at
        self._chunks.append(chunk)

    def wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _something(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class Owner(Protocol):
    """Who keeps connections between exchanges."""

    def idle(self, connection: Connection) -> None:
        """An exchange has ended and the next one may begin."""

    def gone(self, connection: Connection) -> None:
        """It will carry no exchange any more."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time.

    Args:
        origin: What it leads to.
        owner: Who is told when it is idle, and when it is gone.
        proxied: Whether a forward proxy is at the other end, which wants the whole URL.
        added: Headers that this proxy wants.
    """

    def __init__(self, origin: Origin, owner: Owner, *, proxied: bool = False, added: RawHeaders = ()) -> None:
        self.origin = origin
        self._owner = owner
        self._url_start = b"http://" + origin.authority if proxied else b""
        self._added = added
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser = self._new_parser()
        self._answer: Answer | None = None
        self._bodiless = False  # the answer to HEAD, which the parser cannot know
        self._in_head = True
        self._reusable = False
        self._head_size = 0
        self._received_at = 0.0  # perf_counter; 0: nothing since the request
        self._headers: list[tuple[bytes, bytes]] = []
        self._unread = 0
        self._reading_paused = False
        self._writable: asyncio.Future[None] | None = None  # there while the transport wants no more
        self._upload: asyncio.Task[None] | None = None
        self._timeout = _IDLE_SECONDS
        self._deadline = _NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = _NEVER

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    async def ask(self, request: UpstreamRequest, asked_at: float) -> Answer:
        """Send the request; the answer, once its head is there.

        Raises:
            NothingHeardError: the connection ended and nothing had come.
            UnreachableError: what came is no HTTP, or ended within the head.
            TimedOutError: nothing came in time.
        """
        self._answer = answer = Answer(self, asked_at)
        self._received_at = 0.0
        self._bodiless = request.method == "HEAD"
        self._timeout = request.timeout
        try:
            self._send(request)
            await answer.head()
        except BaseException:
            self.abort()
            raise
        return answer

    def close(self) -> None:
        """Let what was written go out, then end."""
        self._transport.close()

    def abort(self) -> None:
        """End at once."""
        if self._upload is not None:
            self._upload.cancel()
        self._transport.abort()

    def read_on(self, answer: Answer) -> None:
        """All that has come of an answer was taken."""
        if answer is self._answer:
            self._unread = 0
            if self._reading_paused:
                self._reading_paused = False
                self._expect_within(self._timeout)
                self._transport.resume_reading()

    # Sending

    def _send(self, request: UpstreamRequest) -> None:
        url = self._url_start + request.target
        head = [b"%s %s HTTP/1.1\r\nHost: %s" % (request.method.encode("ascii"), url, self.origin.authority)]
        framed = request.chunked
        for name, value in (*request.headers, *self._added):
            head += (b"\r\n", name, b": ", value)
            framed = framed or name == b"content-length"
        held = request.held
        if request.chunked:
            head.append(b"\r\ntransfer-encoding: chunked")
        elif held and not framed:
            head.append(b"\r\ncontent-length: %d" % len(held))
        head.append(b"\r\n\r\n")
        if request.streamed is None and len(held) <= _SLICE:
            if request.chunked:
                head += (b"%x\r\n" % len(held), held, b"\r\n0\r\n\r\n") if held else (b"0\r\n\r\n",)
            else:
                head.append(held)
            self._transport.write(b"".join(head))
            self._expect_within(self._timeout)
            return
        self._transport.write(b"".join(head))
        self._deadline = _NEVER
        parts = request.streamed() if request.streamed is not None else _sliced(held)
        self._upload = self._loop.create_task(self._send_parts(parts, chunked=request.chunked))

    async def _send_parts(self, parts: AsyncIterator[bytes], *, chunked: bool) -> None:
        answer = self._answer
        try:
            async for part in parts:
                if self._transport.is_closing():
                    return
                self._transport.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                if self._writable is not None:
                    self._expect_within(self._timeout)
                    await self._writable
                    self._deadline = _NEVER
        except Exception as error:  # noqa: BLE001 - whatever the body's source says, its asker is told
            self._upload = None
            if answer is not None:
                self._fail(answer, error)
            return
        self._upload = None
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        self._expect_within(self._timeout)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # Receiving

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:  # nobody asked
            self.abort()
            return
        self._received_at = perf_counter()
        if self._deadline != _NEVER:
            self._expect_within(self._timeout)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if answer.complete:
                self.abort()
            else:
                self._fail(answer, BrokenOffError("not HTTP") if answer.status else UnreachableError("not HTTP"))
        if answer.complete:
            self._finish()
        elif self._in_head:
            self._head_size += len(data)
            if self._head_size > _LONGEST_HEAD:
                self._fail(answer, UnreachableError("head too long"))
        answer.wake()

    def eof_received(self) -> None:
        pass  # the transport closes, and connection_lost says what that means

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.gone(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._upload is not None:
            self._upload.cancel()
        answer = self._answer
        if answer is None or answer.complete or answer.failure is not None:
            return
        if exc is None and answer.status and _ends_with_the_connection(answer.headers):
            answer.conclude(perf_counter())
            answer.wake()
        elif answer.status:
            self._fail(answer, BrokenOffError("broken off"))
        else:
            self._fail(answer, UnreachableError("broken off") if self._received_at else NothingHeardError("closed"))

    # The parser's callbacks

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.complete:
            raise httptools.HttpParserError("not asked for")
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else a trailer
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        answer, status = self._answer, self._parser.get_status_code()
        if answer is None or status == _SWITCHING:
            raise httptools.HttpParserError("not asked for")
        if status < _FINAL:
            return
        self._in_head = False
        answer.status, answer.headers = status, self._headers
        answer.heard_at = self._received_at
        if self._bodiless:
            self._completed(answer)

    def on_body(self, body: bytes) -> None:
        answer = self._answer
        if answer is None or answer.complete:
            raise httptools.HttpParserError("not asked for")
        answer.add(body, self._received_at)
        self._unread += len(body)
        if self._unread > _UNREAD and not self._reading_paused:
            self._reading_paused = True
            self._deadline = _NEVER  # now it is the client who is slow
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if not self._in_head and self._answer is not None:
            self._completed(self._answer)

    def _completed(self, answer: Answer) -> None:
        answer.conclude(self._received_at)
        self._reusable = self._parser.should_keep_alive()  # the parser knows only as long as it is at this message

    # Ending

    def _finish(self) -> None:
        """The answer has come whole: be ready for another request, or end."""
        if self._upload is not None:
            self.abort()
            return
        if not self._reusable or self._transport.is_closing():
            self.close()
            return
        if self._bodiless:
            self._parser = self._new_parser()
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
        self._answer = None
        self._in_head = True
        self._head_size = self._unread = 0
        self._expect_within(_IDLE_SECONDS)
        self._owner.idle(self)

    def _fail(self, answer: Answer, error: BaseException) -> None:
        if answer.failure is None and not answer.complete:
            answer.failure = error
            answer.ended_at = perf_counter()
            answer.wake()
        self.abort()

    def _new_parser(self) -> Any:
        parser = httptools.HttpResponseParser(self)
        # what usual clients bear with, and what framing makes void anyhow (RFC 9112, 6.3)
        parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        return parser

    # Time: one timer a connection, looked at now and then, instead of one for each thing waited for

    def _expect_within(self, seconds: float) -> None:
        now = self._loop.time()
        self._deadline = deadline = now + seconds
        if deadline < self._looks_at:
            self._look_at(now, deadline)

    def _look_at(self, now: float, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = min(deadline, now + _IDLE_SECONDS)
        self._timer = self._loop.call_at(self._looks_at, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if now < self._deadline:
            self._look_at(now, self._deadline)
        elif self._answer is None:
            self.close()
        else:
            self._fail(self._answer, TimedOutError("timed out"))


def _ends_with_the_connection(headers: RawHeaders) -> bool:
    codings = [value for name, value in headers if name.lower() == b"transfer-encoding"]
    if codings:
        return b"chunked" not in codings[-1].lower()
    return not any(name.lower() == b"content-length" for name, _ in headers)


async def _sliced(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]
