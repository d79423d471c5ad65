"""A static answer from uvicorn as the relay runs it: what this machine makes of the server alone."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn
import uvloop

from benchmarks.messages import chat_answer

_ANSWER = chat_answer()
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER)).encode())]


async def application(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _ANSWER})


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(
            application, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
        )
        uvloop.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
