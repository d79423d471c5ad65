"""``/metrics``, ``/healthz`` and ``/readyz``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response

from proxy.admin import health, metrics
from proxy.admin.access import require
from proxy.admin.plane import Plane
from proxy.config.checks import parse_listen
from proxy.errors import UnderstudyError
from proxy.runtime import metrics_directory
from proxy.supervisor import read_children


def probes_router(plane: Plane) -> APIRouter:
    """Routes for Prometheus and for whoever restarts or balances processes."""
    router = APIRouter()
    may_read = Depends(require("read", lambda: plane.config.admin.tokens))

    @router.get("/metrics", dependencies=[may_read])
    def get_metrics(accept: Annotated[str, Header()] = "") -> Response:
        """Prometheus or OpenMetrics text.  Gauges that cannot be computed just now are left out."""
        children = read_children(plane.runtime)
        families = metrics.process_families(children)
        if "shadow" in plane.roles:
            try:
                families += metrics.journal_families(plane.depth(), plane.clock())
                families += metrics.report_families(plane.cached_report.get()["routes"])
            except UnderstudyError as error:
                problem = {"X-Understudy-Incomplete": type(error).__name__}
            else:
                problem = {}
        else:
            problem = {}
        body, content_type = metrics.render(accept, metrics_directory(plane.runtime), families)
        return Response(body, headers={"Content-Type": content_type, **problem})

    @router.get("/healthz")
    def get_health() -> dict[str, str]:
        """Whether this process is alive."""
        return {"status": "ok"}

    @router.get("/readyz")
    def get_readiness(response: Response) -> dict[str, Any]:
        """Whether this role does its work.  A relay with journal trouble goes on relaying, so it stays ready."""
        children = read_children(plane.runtime)
        state: dict[str, Any] = {"journal": _journal_state(plane), "store": _store_state(plane)}
        ready = True
        if "relay" in plane.roles:
            relaying = health.relays(*parse_listen(plane.config.listen))
            state["relay"] = "ok" if relaying else "does not answer"
            ready = relaying
        if "shadow" in plane.roles:
            state["shadow"] = "ok" if health.children_up(children, "shadow") else "not running"
            if "relay" not in plane.roles:
                ready = all(state[part] == "ok" for part in ("shadow", "journal", "store"))
        response.status_code = 200 if ready else 503
        return {"status": "ready" if ready else "not ready", **state}

    return router


def _journal_state(plane: Plane) -> str:
    try:
        plane.depth()
    except UnderstudyError as error:
        return str(error)
    return "ok"


def _store_state(plane: Plane) -> str:
    try:
        plane.with_store(lambda store: store.paused())
    except UnderstudyError as error:
        return str(error)
    return "ok"
