"""``/api``: routes, the report, drift, pairs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import JSONResponse, StreamingResponse

from proxy.admin.access import require
from proxy.admin.pair_pages import cursor, page
from proxy.admin.plane import Plane
from proxy.admin.refusals import REFUSALS, known_query, plus_kept
from proxy.analyst.findings import drift_json
from proxy.analyst.names import check_names, routes_named, students_named
from proxy.arguments import pair_filter, parse_since
from proxy.config.model import Route
from proxy.store.pair_json import pair_json

MOST_PAIRS = 1000

_Text = Annotated[str | None, Query()]


def api_router(plane: Plane) -> APIRouter:
    """Routes for people and scripts; every answer is JSON."""
    may_read = Depends(require("read", lambda: plane.config.admin.tokens))
    router = APIRouter(
        prefix="/api", dependencies=[may_read, Depends(known_query), Depends(plus_kept)], responses=REFUSALS
    )

    @router.get("/routes")
    def get_routes() -> dict[str, Any]:
        """The configured routes, without credentials."""
        paused = plane.with_store(lambda store: store.paused())
        return {"routes": [_route_json(route, paused) for route in plane.config.routes]}

    @router.get("/report")
    def get_report(
        route: _Text = None,
        student: _Text = None,
        evidence: Annotated[int | None, Query(ge=1)] = None,
        since: _Text = None,
    ) -> dict[str, Any]:
        """The verdict and its evidence, as ``understudy report --format json`` gives them."""
        start = None if since is None else parse_since(since, now=plane.clock())
        return plane.report(route=route, student=student, evidence=evidence, since=start)

    @router.get("/drift")
    def get_drift(route: _Text = None, student: _Text = None) -> dict[str, Any]:
        """How far requests and answers of the newest days are from those before: a route, then its students."""
        routes = routes_named(plane.config, route)
        asked: list[tuple[str, str | None]] = [(each.name, None) for each in routes if student is None]
        asked += [(owner.name, one.name) for owner, one in students_named(routes, student)]
        return {"drift": plane.with_store(lambda store: [drift_json(store, *each) for each in asked])}

    @router.get("/pairs", response_class=JSONResponse)
    def get_pairs(
        *,
        route: _Text = None,
        student: _Text = None,
        disagreements: bool = False,
        kind: _Text = None,
        segment: Annotated[str | None, Query(description="key=value")] = None,
        since: _Text = None,
        limit: Annotated[int, Query(ge=1, le=MOST_PAIRS)] = 100,
        before: Annotated[str | None, Query(description="`next` of the page before")] = None,
    ) -> StreamingResponse:
        """Pairs, newest first: 100 of them unless ``limit`` says otherwise, 1000 at most.

        Fewer where they are large (32 MiB a page).  ``next`` is null when no more follow.
        """
        check_names(plane.config, route, student)
        which = pair_filter(
            route=route,
            student=student,
            disagreements=disagreements,
            kind=kind,
            segment=segment,
            since=since,
            limit=limit,
            before=None if before is None else cursor(plane, before),
            now=plane.clock(),
        )
        # A generator: Starlette runs each step of it in a thread, once the client has taken the one before.
        return StreamingResponse(page(plane, which), media_type="application/json")

    @router.get("/pairs/{pair_id}")
    def get_pair(pair_id: str) -> dict[str, Any]:
        """One pair."""
        stored = plane.with_store(lambda store: store.pair(pair_id))
        if stored is None:
            raise HTTPException(status_code=404, detail=f"no pair {pair_id!r}")
        return pair_json(stored)

    return router


def _route_json(route: Route, paused: frozenset[str | None]) -> dict[str, Any]:
    return {
        "name": route.name,
        "match": route.match.model_dump(exclude_defaults=True),
        "teacher": {"url": route.teacher.url, "model": route.teacher.model},
        "students": [
            {"name": student.name, "url": student.url, "model": student.model, "version": student.base_version}
            for student in route.students
        ],
        "comparators": [use.label for use in route.comparators],
        "sample": route.sample,
        "gate": route.gate.model_dump(),
        "paused": route.name in paused or None in paused,
    }
