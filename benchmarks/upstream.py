"""A static upstream that costs next to nothing: ``python -m benchmarks.upstream PORT``.

``POST /v1/chat/completions`` gets a chat completion of 1.4 KB; with ``"stream": true`` in the body, events of one write
each.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

EVENTS = 200
_PADDING = "x" * 1000
COMPLETION = json.dumps(
    {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": _PADDING}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 400, "completion_tokens": 250, "total_tokens": 650},
        "system_fingerprint": "fp_" + "0" * 60,
    }
).encode()
WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(COMPLETION)
) + COMPLETION
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(number: int) -> bytes:
    choice = {"index": 0, "delta": {"content": f"word{number:03d} "}, "finish_reason": None}
    body = {"id": "chatcmpl-benchmark", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return _chunk(b"data: " + json.dumps({**body, "choices": [choice]}).encode() + b"\n\n")


PIECES = [*(_event(number) for number in range(EVENTS)), _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


class Static(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            whole = end + 4 + length
            if len(self.waiting) < whole:
                return
            body, self.waiting = self.waiting[end + 4 : whole], self.waiting[whole:]
            if b'"stream": true' in body:
                self.transport.write(HEAD)
                asyncio.get_running_loop().call_soon(self.stream, 0)
            else:
                self.transport.write(WHOLE)

    def stream(self, number: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(PIECES[number])
        if number + 1 < len(PIECES):
            asyncio.get_running_loop().call_soon(self.stream, number + 1)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Static, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
