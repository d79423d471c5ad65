"""New connections to upstreams: addresses, proxies that the environment names, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohappyeyeballs
import msgspec
import structlog

from proxy.relay.headers import RawHeaders
from proxy.relay.upstream.base import Origin, TimedOutError, UnreachableError
from proxy.relay.upstream.connection import Connection, Owner

_CONNECT_SECONDS = 30.0
_EYEBALLS_SECONDS = 0.25  # RFC 8305, 5
_ADDRESSES_SECONDS = 10.0
_LONGEST_TUNNEL_ANSWER = 2**14
_log = structlog.get_logger()
_PROXIED = frozenset({"http", "https", "all"})


class ForwardProxy(msgspec.Struct, frozen=True):
    """A proxy on the way to an upstream."""

    origin: Origin
    headers: RawHeaders = ()


class Dialer:
    """Opens connections.

    Goes through the proxy that the environment names (``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``);
    to proxies of ``http:`` URLs alone.

    Args:
        owner: Who keeps the connections.
        context: How certificates are verified; by default with the system's.
    """

    def __init__(self, owner: Owner, context: ssl.SSLContext | None = None) -> None:
        self._owner = owner
        self._context = context or ssl.create_default_context()
        self._proxies = {scheme: url for scheme, url in getproxies().items() if scheme in _PROXIED}
        self._failing: set[Origin] = set()
        self._proxy_of: dict[Origin, ForwardProxy | None] = {}
        self._addresses: dict[tuple[str, int], tuple[float, asyncio.Future[Any]]] = {}

    async def dial(self, origin: Origin, seconds: float) -> Connection:
        """A connection, ready to be used.

        Raises:
            UnreachableError: refused, no such host, no valid certificate, refused by the proxy.
            TimedOutError: not within so many seconds, 30 at most.
        """
        try:
            async with asyncio.timeout(min(seconds, _CONNECT_SECONDS)):
                connection = await self._dialled(origin)
        except TimeoutError as error:
            self._say_failing(origin, "timed out")
            raise TimedOutError("timed out") from error
        except (OSError, ValueError) as error:
            self._say_failing(origin, f"{type(error).__name__}: {error}")
            raise UnreachableError(type(error).__name__) from error
        if origin in self._failing:
            self._failing.discard(origin)
            _log.info("upstream_reached_again", host=origin.host, port=origin.port)
        return connection

    def _say_failing(self, origin: Origin, error: str) -> None:
        if origin not in self._failing:  # said once, not with every request
            self._failing.add(origin)
            _log.error("upstream_unreachable", host=origin.host, port=origin.port, error=error)

    async def _dialled(self, origin: Origin) -> Connection:
        proxy = self._proxy(origin)
        secure = origin.scheme == "https"
        connected = await self._connected(proxy.origin if proxy is not None else origin)
        try:
            if proxy is not None and secure:
                await _tunnel(connected, origin, proxy)
            forward = None if secure else proxy
            added = forward.headers if forward is not None else ()
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(origin, self._owner, proxied=forward is not None, added=added),
                sock=connected,
                ssl=self._context if secure else None,
                server_hostname=origin.host if secure else None,
            )
        except BaseException:
            connected.close()
            raise
        return connection

    async def _connected(self, origin: Origin) -> socket.socket:
        addresses = await self._resolved(origin.host, origin.port)
        connected = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=_EYEBALLS_SECONDS, interleave=1
        )
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    async def _resolved(self, host: str, port: int) -> Any:
        """Addresses, asked for once for all that dial at the same time, and again after some seconds."""
        until, asked = self._addresses.get((host, port), (0.0, None))
        if asked is None or until < monotonic() or (asked.done() and (asked.cancelled() or asked.exception())):
            loop = asyncio.get_running_loop()
            asked = loop.create_task(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be left to ask
            self._addresses[host, port] = (monotonic() + _ADDRESSES_SECONDS, asked)
        return await asyncio.shield(asked)

    def _proxy(self, origin: Origin) -> ForwardProxy | None:
        if not self._proxies:
            return None
        if origin not in self._proxy_of:
            self._proxy_of[origin] = _proxy_for(origin, self._proxies)
        return self._proxy_of[origin]


async def _tunnel(connected: socket.socket, origin: Origin, proxy: ForwardProxy) -> None:
    loop = asyncio.get_running_loop()
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    authority = f"{host}:{origin.port}".encode("ascii")
    head = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n" % (authority, authority)
    head += b"".join(b"%s: %s\r\n" % pair for pair in proxy.headers)
    await loop.sock_sendall(connected, head + b"\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):  # the upstream says nothing before we do
        part = await loop.sock_recv(connected, _LONGEST_TUNNEL_ANSWER)
        answer += part
        if not part or len(answer) > _LONGEST_TUNNEL_ANSWER:
            raise ConnectionError("the proxy on the way gave no answer")
    if answer.split(b" ", 2)[1:2] != [b"200"]:
        raise ConnectionRefusedError("the proxy on the way refused")


def _proxy_for(origin: Origin, proxies: dict[str, str]) -> ForwardProxy | None:
    named = proxies.get(origin.scheme) or proxies.get("all")
    if not named or proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    parts = urlsplit(named if "//" in named else f"http://{named}")
    if parts.scheme != "http":
        raise ValueError(f"the environment names a proxy of {parts.scheme}: which is not supported; http: is")
    headers = []
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.append((b"proxy-authorization", b"Basic " + b64encode(pair.encode())))
    return ForwardProxy(Origin.of(f"http://{parts.netloc.rpartition('@')[2]}"), tuple(headers))
