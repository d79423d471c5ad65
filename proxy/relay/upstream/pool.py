"""The ``Upstream`` that is used: connections kept for the next request, and one retry where one had just died."""

from __future__ import annotations

import ssl
from time import perf_counter

from proxy.relay.upstream.base import Origin, UpstreamRequest
from proxy.relay.upstream.connection import Answer, Connection, NothingHeardError
from proxy.relay.upstream.dialing import Dialer


class PooledUpstream:
    """Make it inside a running event loop, and ``close`` it there.

    A connection from the pool that the upstream has just closed gets one retry on a fresh one, if no byte of an
    answer came.  A body that can be sent only once always goes over a fresh connection.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._dialer = Dialer(self, context)
        self._idle: dict[Origin, dict[Connection, None]] = {}
        self._closed = False

    @property
    def idle_connections(self) -> int:
        """How many are kept."""
        return sum(map(len, self._idle.values()))

    async def ask(self, request: UpstreamRequest) -> Answer:
        """See ``Upstream``."""
        asked_at = perf_counter()
        pooled = self._pooled(request.origin) if request.streamed is None else None
        if pooled is not None:
            try:
                return await pooled.ask(request, asked_at)
            except NothingHeardError:
                pass
        fresh = await self._dialer.dial(request.origin, request.timeout)
        return await fresh.ask(request, asked_at)

    def close(self) -> None:
        """Close all that are idle, and each of the others when its exchange has ended."""
        self._closed = True
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def idle(self, connection: Connection) -> None:
        """See ``Owner``."""
        if self._closed:
            connection.close()
        else:
            self._idle.setdefault(connection.origin, {})[connection] = None

    def gone(self, connection: Connection) -> None:
        """See ``Owner``."""
        self._idle.get(connection.origin, {}).pop(connection, None)

    def _pooled(self, origin: Origin) -> Connection | None:
        connections = self._idle.get(origin)
        while connections:
            connection, _ = connections.popitem()  # the one used last: the others may stay idle until they end
            if connection.usable:
                return connection
        return None
