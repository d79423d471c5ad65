"""uvicorn's protocol with some things mended.

httptools stops parsing at the head of every request with ``Upgrade``, as if the other protocol began there.  A server
that ignores the offer (RFC 9110, 7.8), and this one always does, has to read the body all the same.

uvicorn sends chunks to clients that speak HTTP/1.0, which know none.  Theirs is a body that ends with the connection;
the application never says that it is complete, upon which uvicorn closes.

It bounds no request's head, and says that what it cannot parse is wrong in words of its own.

When it is told to end, it closes every connection that rests just then, under the request that is on its way.

What ASGI has no word for, the application does through ``scope["extensions"]["understudy.client"]``, a ``Client``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from proxy.relay import refusals
from proxy.relay.refusals import Refusal

CLIENT = "understudy.client"

_LONGEST_HEAD = 2**18
_REST_SECONDS = 1.0  # for which a connection may rest once the server is to end


class Client:
    """Who sent the request: the connection, while that request is answered."""

    __slots__ = ("_protocol", "_start", "_together", "_transport")

    def __init__(self, protocol: RelayProtocol) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._together = False
        self._start = b""

    def on_leaving(self, callback: Callable[[], None] | None) -> None:
        """Have the callback called once, should the client leave; for when all of its request is read."""
        self._protocol.client_left = callback
        if callback is not None:
            self._protocol.flow.resume_reading()  # or its leaving would stay unread
            if self._transport.is_closing():
                callback()

    def answer_together(self) -> None:
        """The answer's first part follows at once: send its head along with it, one system call for both."""
        self._together = True

    # What uvicorn's cycle wants of a transport

    def write(self, data: bytes) -> None:
        if self._together:
            self._together = False
            self._start = data
            return
        if self._start:
            data, self._start = self._start + data, b""
        self._transport.write(data)

    def close(self) -> None:
        if self._start:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        closing: bool = self._transport.is_closing()
        return closing


class RelayProtocol(HttpToolsProtocol):
    client_left: Callable[[], None] | None = None
    _ending = False
    _in_head = False
    _head_size = 0

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.client_left is not None:
            self.client_left()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._get_upgrade() != b"websocket":  # that one gets 501, and what follows is no HTTP
                self._read_on(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(refusals.INVALID_HTTP)
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > _LONGEST_HEAD:
                self._refuse(refusals.HEADERS_TOO_LARGE)

    def shutdown(self) -> None:
        """End after the next answer, which says so, or after a short rest."""
        self._ending = True
        if self._is_idle():
            self._end_after_rest()
        elif not self.cycle.response_started:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._ending:
            self._end_after_rest()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _end_after_rest(self) -> None:
        self.loop.call_later(_REST_SECONDS, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what never became a request."""
        if self.transport.is_closing():
            return
        self.transport.write(
            b"HTTP/1.1 %d \r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (refusal.status, len(refusal.body), refusal.body)
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers go no further, and would gather without bound
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self.scope["extensions"] = {CLIENT: (client := Client(self))}  # type: ignore[dict-item] # not made of JSON
        super().on_headers_complete()
        if self._ending:
            self.cycle.keep_alive = False
        self.cycle.transport = client  # type: ignore[assignment] # all of one that a cycle uses
        if self.scope["http_version"] == "1.0":
            self.cycle.chunked_encoding = False
            self.cycle.expected_content_length = sys.maxsize

    def _read_on(self, rest: bytes) -> None:
        framing = [pair for pair in self.headers if pair[0] in {b"content-length", b"transfer-encoding"}]
        if framing:
            self.cycle.more_body = True
            self.cycle.message_event.clear()
            self.parser = httptools.HttpRequestParser(_AfterHead(self))
            head = b"".join(b"%s: %s\r\n" % pair for pair in framing)
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + head + b"\r\n")
        if rest:
            self.data_received(rest)


class _AfterHead:
    """Gives the protocol all that a parser finds after the first message's head, which it knows already."""

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._head_seen = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)  # asked once, when a parser is made

    def on_message_begin(self) -> None:
        if self._head_seen:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._head_seen:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_seen:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._head_seen:
            self._protocol.on_headers_complete()
        self._head_seen = True
