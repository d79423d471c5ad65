"""The seam to upstreams: one method, a request in, an answer out.

UpstreamError
├── UnreachableError   no answer could be had: refused, reset, not HTTP
├── TimedOutError      nothing came for as long as the configuration allows
└── BrokenOffError     the answer ended before its end
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from proxy.errors import UnderstudyError
from proxy.relay.headers import RawHeaders

_DEFAULT_PORTS = {"http": 80, "https": 443}


class UpstreamError(UnderstudyError):
    """An upstream gave no whole answer."""


class UnreachableError(UpstreamError):
    """No answer could be had."""


class TimedOutError(UpstreamError):
    """Nothing came for as long as the configuration allows."""


class BrokenOffError(UpstreamError):
    """The answer ended before its end."""


class Origin(msgspec.Struct, frozen=True):
    """Where an upstream is."""

    scheme: str
    host: str  # an IPv6 address without its brackets
    port: int
    authority: bytes  # as the Host header names it

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of a base URL that was found valid."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        usual = _DEFAULT_PORTS[parts.scheme]
        port = parts.port or usual
        written = f"[{host}]" if ":" in host else host
        return cls(parts.scheme, host, port, (written if port == usual else f"{written}:{port}").encode("ascii"))


class UpstreamRequest(msgspec.Struct, frozen=True):
    """What an upstream is asked. A held body can be sent again, a streamed one only once."""

    method: str
    origin: Origin
    target: bytes  # path and query, sent as they stand
    headers: RawHeaders  # without Host; nothing is added to them but what framing needs
    timeout: float  # seconds to the first byte, and between bytes
    held: bytes = b""
    streamed: Callable[[], AsyncIterator[bytes]] | None = None
    chunked: bool = False  # the client sent it chunked, so it is passed on chunked


class UpstreamAnswer(Protocol):
    """An answer under way."""

    status: int
    headers: RawHeaders
    asked_at: float  # perf_counter: when the request began to go out
    body_at: float  # when the body's first byte came; 0 until then
    ended_at: float  # when the last byte had come, or what there is broke off; 0 until then

    @property
    def waited(self) -> float:
        """Seconds until the answer's head was there."""

    @property
    def ready(self) -> bool:
        """Whether the next chunk, or the end, is there without waiting."""

    @property
    def ended(self) -> bool:
        """Whether the last byte was given out."""

    async def chunk(self) -> bytes:
        """What has come, at least a byte, or nothing at the end. Raises TimedOutError, BrokenOffError."""

    def close(self) -> None:
        """Done with it; an answer that has not ended is broken off at once."""


class Upstream(Protocol):
    """Asks upstreams. Cancelling ``ask`` breaks the request off at once."""

    async def ask(self, request: UpstreamRequest) -> UpstreamAnswer:
        """The answer, as soon as its head is there.

        Raises:
            UnreachableError: no answer could be had.
            TimedOutError: nothing came in time.
        """
