"""``/metrics``, ``/healthz`` and ``/readyz``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response

from proxy.admin import health, metrics
from proxy.admin.access import require
from proxy.admin.plane import Plane
from proxy.admin.refusals import REFUSALS
from proxy.config.checks import parse_listen
from proxy.errors import UnderstudyError
from proxy.runtime import metrics_directory
from proxy.supervisor import read_children

LONGEST_HEADER = 300  # characters
PATIENCE = 0.5  # seconds that a probe waits for what the journal and the store say of themselves


def probes_router(plane: Plane) -> APIRouter:
    """Routes for Prometheus and for whoever restarts or balances processes."""
    router = APIRouter()
    may_read = Depends(require("read", lambda: plane.config.admin.tokens))

    @router.get("/metrics", dependencies=[may_read], responses=REFUSALS)
    def get_metrics(accept: Annotated[str, Header()] = "") -> Response:
        """Prometheus or OpenMetrics text.  Gauges that cannot be computed just now are left out."""
        computed = metrics.process_families(read_children(plane.runtime))
        headers = {}
        try:
            computed += metrics.journal_families(plane.depth(), plane.clock())
            if "analyst" in plane.roles:
                computed += metrics.report_families(plane.cached_report.get()["routes"])
        except UnderstudyError as error:
            headers["X-Understudy-Incomplete"] = _header(f"{type(error).__name__}: {error}")
        zeros = metrics.known_ahead(plane.config, plane.roles)
        counted = metrics.counted_families(metrics_directory(plane.runtime), zeros)
        body, content_type = metrics.render(accept, counted, computed)
        return Response(body, headers={"Content-Type": content_type, **headers})

    # Neither probe waits for a thread of the pool, which requests that hang on a disk may have used up.
    @router.get("/healthz")
    async def get_health() -> dict[str, str]:
        """Whether this process is alive."""
        return {"status": "ok"}

    journal = health.Part("journal-state", plane.depth)
    store = health.Part("store-state", lambda: plane.with_store(lambda opened: opened.paused()))

    @router.get("/readyz")
    async def get_readiness(response: Response) -> dict[str, Any]:
        """Whether this role does its work.  A relay with journal trouble goes on relaying, so it stays ready."""
        state: dict[str, Any] = {}
        if "relay" in plane.roles:
            state["relay"] = "ok" if await health.relays(*parse_listen(plane.listen)) else "does not answer"
        for role in sorted(plane.roles & {"shadow", "analyst"}):
            up = health.children_up(read_children(plane.runtime), role)
            state[role] = "ok" if up else "not running"
        state["journal"], state["store"] = await asyncio.gather(journal.state(PATIENCE), store.state(PATIENCE))
        deciding = {"relay"} if "relay" in plane.roles else {"shadow", "analyst", "journal", "store"}
        ready = all(state[part] == "ok" for part in deciding & state.keys())
        response.status_code = 200 if ready else 503
        return {"status": "ready" if ready else "not ready", **state}

    return router


def _header(text: str) -> str:
    """One line that a header can hold."""
    return " ".join(text.encode("ascii", "replace").decode().split())[:LONGEST_HEADER]
