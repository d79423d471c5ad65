"""Event streams (``text/event-stream``), as the HTML standard defines them: bytes in, events out."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

_BOM = b"\xef\xbb\xbf"


class Event(msgspec.Struct, frozen=True):
    """One event: its name (empty where the stream gives none) and its data, still as UTF-8."""

    name: str
    data: bytes


class EventParser:
    """Reads a stream in pieces, cut anywhere.  Lines end with LF, CR or CRLF; comments, ids and retries are let go.

    Unlike the standard, ``close`` also gives a last event that no blank line ends: servers forget it, and a client
    may leave just before it.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._after_cr = False
        self._first_line = True
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[Event]:
        """The events that this piece completes."""
        if not piece:
            return []
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        events = []
        for line in piece.splitlines(keepends=True):
            if line.endswith((b"\n", b"\r")):
                event = self._end_line(bytes(self._line) + line.rstrip(b"\r\n"))
                self._line.clear()
                if event is not None:
                    events.append(event)
            else:
                self._line += line
        return events

    def close(self) -> Event | None:
        """The event that the stream ended in, if it has data."""
        if self._line:
            self._end_line(bytes(self._line))
            self._line.clear()
        return self._end_line(b"")

    def _end_line(self, line: bytes) -> Event | None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            event = Event(self._name, b"\n".join(self._data)) if self._data else None
            self._name = ""
            self._data = []
            return event
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        return None


def parse(stream: bytes) -> Iterator[Event]:
    """The events of a whole stream, or of what there is of one."""
    parser = EventParser()
    yield from parser.feed(stream)
    last = parser.close()
    if last is not None:
        yield last
