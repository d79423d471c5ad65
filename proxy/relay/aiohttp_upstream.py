"""Upstreams asked through aiohttp, with all taken off that it adds of its own."""

from __future__ import annotations

import functools
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextvars import ContextVar
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from multidict import CIMultiDict
from yarl import URL

from proxy.relay.headers import RawHeaders
from proxy.relay.upstream import BrokenOffError, TimedOutError, UnreachableError, UpstreamRequest

_IDLE_SECONDS = 4.0  # usual servers close idle connections after 5 s or more: we are to be first
_CONNECT_SECONDS = 30.0
_LONGEST_HEADER = 256 * 2**10
_MOST_HEADERS = 1000
_READ_BUFFER = 2**16
_SLICE = 2**18  # aiohttp warns of bytes over 1 MiB and would write them at once
_ADDED_BY_AIOHTTP: CIMultiDict[None] = CIMultiDict(
    (name, None) for name in ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
)


class _Attempt:
    """One try of one request: which connection it got, and when."""

    __slots__ = ("asked_at", "connection", "fresh_only")

    def __init__(self, *, fresh_only: bool) -> None:
        self.fresh_only = fresh_only
        self.connection: _Connection | None = None
        self.asked_at = 0.0


_ATTEMPT: ContextVar[_Attempt] = ContextVar("understudy_upstream_attempt")


class _Connection(ResponseHandler):
    """A connection that knows how often it was used, and whether anything was heard since."""

    uses = 0
    heard_at = 0.0

    def data_received(self, data: bytes) -> None:
        if not self.heard_at:
            self.heard_at = perf_counter()
        super().data_received(data)


class _Connector(aiohttp.TCPConnector):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(limit=0, keepalive_timeout=_IDLE_SECONDS, ssl=context)
        self._factory: Any = functools.partial(_Connection, loop=self._loop)

    async def connect(self, req: ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:  # noqa: ASYNC109 - aiohttp's signature
        attempt = _ATTEMPT.get()
        attempt.asked_at = perf_counter()
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol: Any = connection.protocol
            if not (attempt.fresh_only and protocol.uses):
                break
            connection.close()  # pooled beside one that had just died
        protocol.uses += 1
        protocol.heard_at = 0.0
        attempt.connection = protocol
        return connection


class _AnyMethod(frozenset[str]):
    def __contains__(self, method: object) -> bool:
        return True


class _PlainRequest(ClientRequest):
    """A request to which nothing is added."""

    GET_METHODS = _AnyMethod()  # type: ignore[assignment] # no `Content-Length: 0` where the client sent none

    def update_auto_headers(self, skip_auto_headers: Any) -> None:  # noqa: ARG002 - aiohttp's signature
        self._skip_auto_headers = _ADDED_BY_AIOHTTP


class AiohttpUpstream:
    """The ``Upstream`` that is used; make it inside a running event loop, and ``close`` it there.

    A connection from the pool that the upstream has just closed gets one retry on a fresh one, if no byte of an
    answer came and the body is still held.  Requests go through the proxy that the environment names
    (``HTTP_PROXY``, ``HTTPS_PROXY``, ``NO_PROXY``).
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._proxies = getproxies()
        self._proxy_of: dict[str, tuple[URL, str | None] | None] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._session = aiohttp.ClientSession(
            connector=_Connector(context or ssl.create_default_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_PlainRequest,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        self._session._retry_connection = False  # noqa: SLF001 - aiohttp would retry GETs even on fresh connections

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def ask(self, request: UpstreamRequest) -> AiohttpAnswer:
        """See ``Upstream``."""
        attempt = _Attempt(fresh_only=False)
        try:
            return await self._try(request, attempt)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if not _just_closed(error, attempt) or request.streamed is not None:
                raise _translated(error) from error
        try:
            return await self._try(request, _Attempt(fresh_only=True))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error) from error

    async def _try(self, request: UpstreamRequest, attempt: _Attempt) -> AiohttpAnswer:
        _ATTEMPT.set(attempt)
        url = URL(request.url, encoded=True)
        options: dict[str, Any] = {}
        headers = request.headers
        proxy = self._proxy(url)
        if proxy is not None:
            address, authorization = proxy
            options["proxy"] = address
            if authorization is not None and url.scheme == "https":
                options["proxy_headers"] = {"Proxy-Authorization": authorization}
            elif authorization is not None:
                headers = [*headers, ("proxy-authorization", authorization)]
        response = await self._session.request(
            request.method,
            url,
            headers=headers,
            data=_body(request),
            chunked=True if request.chunked else None,
            allow_redirects=False,
            timeout=self._timeout(request.timeout),
            **options,
        )
        return AiohttpAnswer(response, attempt)

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get(seconds)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=min(seconds, _CONNECT_SECONDS), sock_read=seconds)
            self._timeouts[seconds] = timeout
        return timeout

    def _proxy(self, url: URL) -> tuple[URL, str | None] | None:
        if not self._proxies:
            return None
        origin = f"{url.scheme}://{url.raw_authority}"
        if origin not in self._proxy_of:
            self._proxy_of[origin] = _proxy_for(url, self._proxies)
        return self._proxy_of[origin]


class AiohttpAnswer:
    """See ``UpstreamAnswer``."""

    __slots__ = ("_content", "_failure", "_response", "asked_at", "headers", "status", "waited")

    def __init__(self, response: aiohttp.ClientResponse, attempt: _Attempt) -> None:
        self.status = response.status
        self.headers: RawHeaders = response.raw_headers
        self.asked_at = attempt.asked_at
        heard_at = attempt.connection.heard_at if attempt.connection is not None else 0.0
        self.waited = max(0.0, heard_at - attempt.asked_at)
        self._response = response
        self._content = response.content
        self._failure: Exception | None = None

    @property
    def ended(self) -> bool:
        return self._content.at_eof()

    async def chunk(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            return await self._content.readany()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            broken = TimedOutError("timed out") if isinstance(error, TimeoutError) else BrokenOffError("broken off")
            rest = self._content._read_nowait(-1)  # noqa: SLF001 - what came before the failure is still the client's
            if not rest:
                raise broken from error
            self._failure = broken
            return rest

    def close(self) -> None:
        self._response.close()


def _body(request: UpstreamRequest) -> Any:
    if request.streamed is not None:
        return request.streamed()
    if not request.held:
        return None
    return request.held if len(request.held) <= _SLICE else _sliced(request.held)


async def _sliced(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]


def _just_closed(error: Exception, attempt: _Attempt) -> bool:
    connection = attempt.connection
    return (
        connection is not None
        and connection.uses > 1
        and not connection.heard_at
        and isinstance(error, aiohttp.ClientConnectionError)
        and not isinstance(error, TimeoutError)
    )


def _translated(error: Exception) -> UnreachableError | TimedOutError:
    if isinstance(error, TimeoutError):
        return TimedOutError("timed out")
    return UnreachableError(type(error).__name__)


def _proxy_for(url: URL, proxies: dict[str, str]) -> tuple[URL, str | None] | None:
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or not url.raw_host or proxy_bypass(f"{url.raw_host}:{url.port}"):
        return None
    parts = urlsplit(named if "//" in named else f"http://{named}")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {b64encode(pair.encode()).decode()}"
    return URL(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"), authorization
