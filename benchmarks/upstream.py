"""A teacher that costs next to nothing: ``python -m benchmarks.upstream`` prints its port and serves until killed.

Answers are static; a streamed one is written event by event, one for each stream in turn.
"""

from __future__ import annotations

import asyncio

import httptools
import uvloop

from benchmarks.messages import chat_answer, chat_events

_ANSWER = chat_answer()
_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_ANSWER), _ANSWER)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_CHUNKS = [b"%x\r\n%b\r\n" % (len(event), event) for event in chat_events()]
_END = b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    def connection_made(self, transport):
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._paused = False
        self._left = iter(())

    def data_received(self, data):
        self._parser.feed_data(data)

    def on_body(self, data):
        self._body += data

    def on_message_complete(self):
        streamed = b'"stream": true' in self._body
        self._body = b""
        if not streamed:
            self._transport.write(_WHOLE)
            return
        self._transport.write(_HEAD)
        self._left = iter([*_CHUNKS, _END])
        asyncio.get_running_loop().call_soon(self._next_event)

    def _next_event(self):
        if self._paused or self._transport.is_closing():
            return
        chunk = next(self._left, None)
        if chunk is not None:
            self._transport.write(chunk)
            asyncio.get_running_loop().call_soon(self._next_event)

    def pause_writing(self):
        self._paused = True

    def resume_writing(self):
        self._paused = False
        self._next_event()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
