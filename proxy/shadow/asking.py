"""One HTTP request to a student, its answer read within bounds.  What went wrong is told by exceptions or a status."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from http import HTTPStatus

import aiohttp
import msgspec
from aiohttp import http_exceptions
from yarl import URL

USER_AGENT = "understudy"
LARGE = 2**20  # an answer longer than this waits for one of the student's few places for large ones
LONGEST_ERROR = 2**16
_BROKEN = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError)


class NotConnectedError(Exception):
    """No byte of a response came: asking once more does no harm."""


class BrokenOffError(Exception):
    """The connection failed within the response."""


class TooLargeError(Exception):
    """The response is longer than the limit."""


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole response; the body as it came."""

    status: int
    body: bytes
    content_type: str
    content_encoding: str
    retry_after: str | None
    latency: float  # seconds from sending the request to the last byte
    first_byte: float | None  # seconds to the first byte of the body

    @property
    def successful(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def open_session() -> aiohttp.ClientSession:
    """The connection pool of a worker: no cookies, no environment, no limit of its own (lanes bound it)."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        raise_for_status=False,
    )


def headers_for(api_key: str | None, *, stream: bool) -> dict[str, str]:
    """All that a student is told beside the body: nothing of the client's."""
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": "text/event-stream" if stream else "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    if api_key is not None:
        headers["Authorization"] = f"Bearer {api_key}"
    return headers


async def send(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    payload: bytes | None,
    limit: int,
    large: asyncio.Semaphore,
    held: contextlib.AsyncExitStack,
) -> HttpAnswer:
    """Ask and read the whole answer.  The caller bounds the time.

    An answer over ``LARGE`` bytes takes one of the places of ``large`` until ``held`` is closed.

    Raises:
        NotConnectedError, BrokenOffError, TooLargeError
    """
    started = time.monotonic()
    try:
        response = await session.request(
            method, URL(url, encoded=True), data=payload, headers=headers, allow_redirects=False
        )
    except _BROKEN as error:
        raise NotConnectedError(type(error).__name__) from error
    with contextlib.closing(response):  # an unread rest is thrown away with its connection
        body, first_byte = await _read(response, limit=limit, large=large, held=held)
        finished = time.monotonic()
        return HttpAnswer(
            status=response.status,
            body=body,
            content_type=response.headers.get("Content-Type", ""),
            content_encoding=response.headers.get("Content-Encoding", ""),
            retry_after=response.headers.get("Retry-After"),
            latency=finished - started,
            first_byte=None if first_byte is None else first_byte - started,
        )


async def _read(
    response: aiohttp.ClientResponse, *, limit: int, large: asyncio.Semaphore, held: contextlib.AsyncExitStack
) -> tuple[bytes, float | None]:
    failed = response.status >= HTTPStatus.MULTIPLE_CHOICES
    limit = min(limit, LONGEST_ERROR) if failed else limit
    chunks: list[bytes] = []
    size, first_byte, placed = 0, None, False
    try:
        async for chunk in response.content.iter_any():
            first_byte = first_byte or time.monotonic()
            size += len(chunk)
            if size > limit:
                if failed:  # the beginning of an error tells enough
                    break
                raise TooLargeError
            if size > LARGE and not placed:
                await held.enter_async_context(large)
                placed = True
            chunks.append(chunk)
    except _BROKEN as error:
        raise BrokenOffError(type(error).__name__) from error
    return b"".join(chunks), first_byte
