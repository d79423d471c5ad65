"""Whether this machine's processes do their work: what ``/readyz`` answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from proxy.errors import UnderstudyError
from proxy.relay.refusals import PROBE_PATH
from proxy.supervisor import ChildState

# Answered by a relay itself, from its event loop, without asking any upstream: the one request that is never relayed.
_PROBE = (
    b"GET "
    + PROBE_PATH.encode()
    + b" HTTP/1.1\r\nHost: readiness.probe\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cmVhZGluZXNzLXByb2JlIQ==\r\n\r\n"
)
_ANSWER = b"HTTP/1.1 501 "
_WAIT = 2.0


async def relays(host: str, port: int) -> bool:
    """Whether a relay behind this address answers from its own loop within two seconds."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    try:
        async with asyncio.timeout(_WAIT):
            reader, writer = await asyncio.open_connection(reachable, port)
            try:
                writer.write(_PROBE)
                return await reader.readexactly(len(_ANSWER)) == _ANSWER
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


def children_up(children: Sequence[ChildState], role: str) -> bool:
    """Whether every child of a role is running."""
    return all(child.pid is not None for child in children if child.role == role)


class Part:
    """Something that is asked how it is, in a thread of its own: one that hangs keeps nobody waiting.

    While an answer is outstanding it is not asked again.
    """

    def __init__(self, name: str, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._asked: Future[str] | None = None

    async def state(self, patience: float) -> str:
        """``ok``, or what is wrong. ``patience``: seconds to wait for it. Called from one event loop."""
        if self._asked is None or self._asked.done():
            self._asked = self._thread.submit(self._state)
        answer = asyncio.wrap_future(self._asked)
        done, _ = await asyncio.wait([answer], timeout=patience)
        return answer.result() if done else f"does not answer within {patience:g} s"

    def _state(self) -> str:
        try:
            self._ask()
        except UnderstudyError as error:
            return str(error)
        return "ok"
