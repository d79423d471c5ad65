"""Headers on their way through: what a hop keeps to itself, what is ours, what is secret.

All names are lower-case bytes, as the server hands them over.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from proxy.config.checks import CREDENTIAL_HEADERS

RawHeaders = Sequence[tuple[bytes, bytes]]

TAGS = b"x-understudy-tags"
SHADOW = b"x-understudy-shadow"
SESSION = b"x-understudy-session"
ACCESS_KEY = b"x-understudy-key"
EXCHANGE_ID = b"x-understudy-id"

KEY_HEADERS = frozenset({b"authorization", b"api-key", b"x-api-key"})
CREDENTIALS = frozenset(name.encode() for name in CREDENTIAL_HEADERS)

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_KEPT_FROM_UPSTREAM = _HOP_BY_HOP | {b"host", b"expect", TAGS, SHADOW, SESSION, ACCESS_KEY}
_FRAMING = frozenset({b"content-length", b"host"})  # a Connection header that names these would cut a message apart


class RequestHead(msgspec.Struct):
    """A client's request headers, read in one pass."""

    forwarded: list[tuple[bytes, bytes]]
    noted: dict[bytes, bytes]  # by name: ours, hop-by-hop, keys, content-*; of several, what the last one says

    @property
    def chunked(self) -> bool:
        return b"transfer-encoding" in self.noted

    @property
    def content_length(self) -> int | None:
        value = self.noted.get(b"content-length")
        return int(value) if value is not None and value.isdigit() else None

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.content_length)

    @property
    def is_json(self) -> bool:
        return b"json" in self.noted.get(b"content-type", b"")

    @property
    def wants_websocket(self) -> bool:
        return (
            self.noted.get(b"upgrade", b"").strip().lower() == b"websocket"
            and b"upgrade" in self.noted.get(b"connection", b"").lower()
        )


_LISTS = frozenset({b"connection", b"upgrade", b"content-encoding", TAGS})
_NOTED = _KEPT_FROM_UPSTREAM | KEY_HEADERS | {b"content-length", b"content-type", b"content-encoding"}


def read_request_headers(headers: RawHeaders) -> RequestHead:
    """What goes on to an upstream, in order, and what the relay itself needs to know."""
    forwarded: list[tuple[bytes, bytes]] = []
    noted: dict[bytes, bytes] = {}
    named: set[bytes] | None = None
    for name, value in headers:
        if name in _NOTED:
            if name == b"connection":
                named = (named or set()) | _connection_named(value)
            noted[name] = noted[name] + b"," + value if name in noted and name in _LISTS else value
            if name in _KEPT_FROM_UPSTREAM:
                continue
        forwarded.append((name, value))
    if named:
        forwarded = [pair for pair in forwarded if pair[0] not in named]
    return RequestHead(forwarded, noted)


def with_own_key(forwarded: RawHeaders, key: str, *, as_api_key: bool) -> list[tuple[bytes, bytes]]:
    """The same headers with the client's keys replaced by one of ours."""
    kept = [pair for pair in forwarded if pair[0] not in KEY_HEADERS]
    kept.append((b"api-key", key.encode()) if as_api_key else (b"authorization", b"Bearer " + key.encode()))
    return kept


class AnswerHead(msgspec.Struct):
    """An answer's headers, read in one pass."""

    forwarded: list[tuple[bytes, bytes]]
    content_type: str = ""
    content_encoding: str = ""
    has_length: bool = False  # other than 0


def read_answer_headers(headers: RawHeaders, exchange_id: bytes) -> AnswerHead:
    """The teacher's headers for the client: in order, repeated ones kept, hop-by-hop ones gone, ours added once."""
    kept: list[tuple[bytes, bytes]] = []
    head = AnswerHead(kept)
    named: set[bytes] | None = None
    for raw, value in headers:
        name = raw.lower()
        if name in _HOP_BY_HOP:
            if name == b"connection":
                named = (named or set()) | _connection_named(value)
            elif name == b"transfer-encoding":
                named = (named or set()) | {b"content-length"}  # with both, the length is void (RFC 9112, 6.3)
            continue
        if name == EXCHANGE_ID:
            continue
        if name == b"content-type":
            head.content_type = value.decode("latin-1")
        elif name == b"content-encoding":
            coding = value.decode("latin-1")
            head.content_encoding = f"{head.content_encoding}, {coding}" if head.content_encoding else coding
        elif name == b"content-length":
            head.has_length = value.strip() != b"0"
        kept.append((name, value))
    if named:
        head.forwarded = kept = [(name, value) for name, value in kept if name not in named]
    kept.append((EXCHANGE_ID, exchange_id))
    return head


def header_value(headers: RawHeaders, name: bytes) -> str:
    """The value of a header, several joined with commas; empty where it is absent."""
    return ", ".join(value.decode("latin-1") for other, value in headers if other == name)


def _connection_named(value: bytes) -> set[bytes]:
    return {token.strip() for token in value.lower().split(b",")} - _FRAMING
