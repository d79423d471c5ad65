"""Whether this machine's processes do their work: what ``/readyz`` answers."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from proxy.supervisor import ChildState

# Answered by a relay itself, from its event loop, without asking any upstream: the one request that is never relayed.
_PROBE = (
    b"GET / HTTP/1.1\r\nHost: readiness.probe\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cmVhZGluZXNzLXByb2JlIQ==\r\n\r\n"
)
_ANSWER = b"HTTP/1.1 501 "
_WAIT = 2.0


def relays(host: str, port: int) -> bool:
    """Whether a relay behind this address answers from its own loop within two seconds."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    try:
        with socket.create_connection((reachable, port), timeout=_WAIT) as connection:
            connection.sendall(_PROBE)
            return connection.recv(len(_ANSWER), socket.MSG_WAITALL) == _ANSWER
    except OSError:
        return False


def children_up(children: Sequence[ChildState], role: str) -> bool:
    """Whether every child of a role is running."""
    return all(child.pid is not None for child in children if child.role == role)
