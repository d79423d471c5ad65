"""Content codings: gzip, deflate, br and zstd, decoded up to a limit and never beyond it.

Every decoder works in small steps with bounded output, so that neither a bomb nor a million tiny members costs more
than the limit allows.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

_STEP = 4096  # bytes of input at a time: what is left of a step is copied
_ZSTD_EXPANSION = 2**15  # a zstd block of 4 bytes may hold 128 KiB, and its decoder cannot be told to stop
_ZSTD_WINDOW = 8 * 2**20  # RFC 9659: no window over 8 MiB in HTTP
_GZIP_WBITS = 31
_ZLIB_WBITS = 15
_RAW_WBITS = -15

_Decoder = Callable[[bytes, int, bool], bytes]


class CodingError(ValueError):
    """A body that cannot be decoded: ``reason`` is ``unknown_coding``, ``too_large`` or ``corrupt``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(body: bytes, content_encoding: str, limit: int, *, partial: bool = False) -> bytes:
    """The body without its content codings; the same object where there are none.

    Args:
        body: The bytes as they were on the wire.
        content_encoding: The header's value: several codings in the order in which they were applied.
        limit: Bytes that neither the result nor a step on the way may exceed.
        partial: Take what can be read of a body that was cut off, instead of calling it corrupt.

    Raises:
        CodingError: It cannot be decoded.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    decoders = []
    for name in reversed(names):
        if name in ("", "identity"):
            continue
        if name not in _DECODERS:
            raise CodingError("unknown_coding")
        decoders.append(_DECODERS[name])
    if len(body) > limit and not decoders:
        raise CodingError("too_large")
    for decoder in decoders:
        if body:  # an answer to HEAD, say, has a coding and no body
            body = decoder(body, limit, partial)
    return body


def is_known(content_encoding: str) -> bool:
    """Whether ``decode`` knows every coding of a header's value."""
    return all(name.strip().lower() in ("", "identity", *_DECODERS) for name in content_encoding.split(","))


class _Output:
    """Collects decoded bytes up to the limit."""

    def __init__(self, limit: int) -> None:
        self._buffer = io.BytesIO()
        self._limit = limit
        self._size = 0

    @property
    def room(self) -> int:
        """How much to ask a decoder for: one byte over the limit, to notice that there is more."""
        return self._limit - self._size + 1

    def add(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise CodingError("too_large")
        self._buffer.write(data)

    def value(self) -> bytes:
        return self._buffer.getvalue()


def _gzip(body: bytes, limit: int, partial: bool) -> bytes:
    return _inflate(body, limit, partial, _GZIP_WBITS)


def _deflate(body: bytes, limit: int, partial: bool) -> bytes:
    """The standard's zlib stream, or the raw one that some servers send under the same name."""
    try:
        return _inflate(body, limit, partial, _ZLIB_WBITS)
    except CodingError as error:
        if error.reason != "corrupt":
            raise
    return _inflate(body, limit, partial, _RAW_WBITS)


def _inflate(body: bytes, limit: int, partial: bool, wbits: int) -> bytes:
    output = _Output(limit)
    view = memoryview(body)
    position = 0
    decoder = zlib.decompressobj(wbits)
    while position < len(view):
        step = view[position : position + _STEP]
        try:
            output.add(decoder.decompress(step, output.room))
        except zlib.error:
            raise CodingError("corrupt") from None
        position += len(step) - len(decoder.unused_data) - len(decoder.unconsumed_tail)
        if decoder.eof and position < len(view):
            if wbits != _GZIP_WBITS:
                raise CodingError("corrupt")
            if view[position] == 0 and not body[position:].strip(b"\0"):
                break  # padding, as gzip itself allows
            decoder = zlib.decompressobj(wbits)
    if not decoder.eof and not partial:
        raise CodingError("corrupt")
    return output.value()


def _brotli(body: bytes, limit: int, partial: bool) -> bytes:
    import brotli

    output = _Output(limit)
    decoder = brotli.Decompressor()
    position = 0
    try:
        while position < len(body) and not decoder.is_finished():
            step = body[position : position + _STEP]
            position += len(step)
            output.add(decoder.process(step, output_buffer_limit=output.room))
            while not decoder.can_accept_more_data():
                output.add(decoder.process(b"", output_buffer_limit=output.room))
    except brotli.error:
        raise CodingError("corrupt") from None
    if not decoder.is_finished() and not partial:
        raise CodingError("corrupt")
    return output.value()


def _zstd(body: bytes, limit: int, partial: bool) -> bytes:
    import zstandard

    output = _Output(limit)
    frames = zstandard.ZstdDecompressor(max_window_size=max(_ZSTD_WINDOW, limit))
    decoder = frames.decompressobj()
    view = memoryview(body)
    position = 0
    try:
        while position < len(view):
            if decoder.eof:
                decoder = frames.decompressobj()
            step = view[position : position + max(64, output.room // _ZSTD_EXPANSION)]
            output.add(decoder.decompress(step))
            position += len(step) - len(decoder.unused_data)
    except zstandard.ZstdError:
        raise CodingError("corrupt") from None
    if not decoder.eof and not partial:
        raise CodingError("corrupt")
    return output.value()


_DECODERS: dict[str, _Decoder] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
