"""uvicorn's protocol with two things mended.

httptools stops parsing at the head of every request with ``Upgrade``, as if the other protocol began there.  A server
that ignores the offer (RFC 9110, 7.8), and this one always does, has to read the body all the same.

uvicorn sends chunks to clients that speak HTTP/1.0, which know none.  Theirs is a body that ends with the connection;
the application never says that it is complete, upon which uvicorn closes.
"""

from __future__ import annotations

import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class RelayProtocol(HttpToolsProtocol):
    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._get_upgrade() != b"websocket":  # that one gets 501, and what follows is no HTTP
                self._read_on(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
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
