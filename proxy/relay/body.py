"""Request bodies on their way through: held where that is needed, streamed where not; what is read of them here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import msgspec

from proxy.openai import codings


class ClientGoneError(Exception):
    """The client left before its request was complete."""


class BodyTooLargeError(Exception):
    """The body is larger than may be held."""


class IncomingBody:
    """A client's request body, read from the server.

    Args:
        receive: The server's.
        length: Bytes, where the client says so.
        hold: Bytes up to which one of known length is held in any case, so that it can be sent again.
    """

    __slots__ = ("_hold", "_length", "_more", "_receive", "_start", "held", "waited")

    def __init__(self, receive: Callable[[], Awaitable[Any]], length: int | None, hold: int) -> None:
        self.held: bytes | None = None  # the whole body, once it is held
        self.waited = 0.0  # seconds spent waiting for the client
        self._receive = receive
        self._length = length
        self._hold = hold
        self._start = b""
        self._more = True

    async def begin(self) -> None:
        """Read the first part, and all the others where the body is to be held."""
        self._start = await self._part()
        if not self._more:
            self.held = self._start
        elif self._length is not None and self._length <= self._hold:
            await self.hold(self._hold)

    async def hold(self, limit: int) -> bytes:
        """All of it. Raises BodyTooLargeError over the limit, ClientGoneError."""
        if self.held is None:
            self.held = await self._gathered(limit)
        if len(self.held) > limit:
            raise BodyTooLargeError
        return self.held

    async def parts(self) -> AsyncIterator[bytes]:
        """What is not held, part by part, as it comes. Raises ClientGoneError."""
        if self._start:
            yield self._start
        while self._more:
            part = await self._part()
            if part:
                yield part

    async def _gathered(self, limit: int) -> bytes:
        if self._length is not None and self._length > limit:
            raise BodyTooLargeError
        parts = [self._start]
        size = len(self._start)
        while self._more:
            if size > limit:
                raise BodyTooLargeError
            parts.append(await self._part())
            size += len(parts[-1])
        return b"".join(parts)

    async def _part(self) -> bytes:
        began = perf_counter()
        message = await self._receive()
        self.waited += perf_counter() - began
        if message["type"] != "http.request":
            raise ClientGoneError
        self._more = message["more_body"]
        part: bytes = message["body"]
        return part


class _ModelOnly(msgspec.Struct):
    model: str | None = None


_MODEL_ONLY = msgspec.json.Decoder(_ModelOnly)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, codings.CodingError)


def may_name_model(noted: Mapping[bytes, bytes]) -> bool:
    """Whether a body can hold a ``model`` field that is read here: forms are not taken apart."""
    return not noted.get(b"content-type", b"").lower().startswith(b"multipart/")


def model_in(body: bytes, content_encoding: str, limit: int) -> str | None:
    """The ``model`` that a JSON body names; None where there is none, or no JSON."""
    try:
        decoded = codings.decode(body, content_encoding, limit) if content_encoding else body
        return _MODEL_ONLY.decode(decoded).model
    except _UNREADABLE:
        return None


def with_model(body: bytes, content_encoding: str, limit: int, model: str) -> bytes | None:
    """The body with another ``model``, in no coding any more; every other value stays byte for byte.

    None where it names none, or cannot be read.
    """
    try:
        decoded = codings.decode(body, content_encoding, limit) if content_encoding else body
        fields = _FIELDS.decode(decoded)
    except _UNREADABLE:
        return None
    if "model" not in fields:
        return None
    fields["model"] = msgspec.Raw(msgspec.json.encode(model))
    return msgspec.json.encode(fields)
