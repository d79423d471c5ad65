"""What the admin plane refuses, said in one way: ``{"detail": "one line"}`` that names what is allowed."""

from __future__ import annotations

import difflib
import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from proxy.admin.values import LONGEST_SHOWN, explained
from proxy.errors import UnderstudyError, UsageError


class Refusal(BaseModel):
    """The body of every answer that is an error."""

    detail: str = Field(description="What is wrong and what is allowed, in one line.")


# For the description of routes.  FastAPI describes errors of its own, with another shape, where no 4XX is named.
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Refusal, "description": "400: asked wrongly; 401: a token is missing; 404: not there."},
    503: {"model": Refusal, "description": "Store or journal cannot be read just now."},
}
_LOST_PLUS = re.compile(r"\d \d\d:?\d\d$")


def known_query(request: Request) -> None:
    """A dependency that refuses query parameters which the route does not have, or that are given twice."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            raise UsageError(f"{name[:LONGEST_SHOWN]}: unknown parameter; {_allowed(name, known)}")
        times = len(request.query_params.getlist(name))
        if times > 1:
            raise UsageError(f"{name}: is given {times} times; give it once")


def plus_kept(request: Request) -> None:
    """A dependency that refuses a time whose zone lost its ``+``: in a URL that stands for a space."""
    if _LOST_PLUS.search(request.query_params.get("since", "")):
        raise UsageError("since: a + in a URL is read as a space; write it as %2B")


def explain_errors(app: FastAPI) -> None:
    """Turn what went wrong into an answer of one line: 400 for what was asked wrongly, 503 for what is down."""

    @app.exception_handler(UnderstudyError)
    def answer(_: Request, error: UnderstudyError) -> JSONResponse:
        detail = " ".join(str(error).split())
        return JSONResponse({"detail": detail}, status_code=400 if isinstance(error, UsageError) else 503)

    @app.exception_handler(RequestValidationError)
    def explain(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = [explained(str(problem["loc"][-1]), problem) for problem in error.errors()]
        return JSONResponse({"detail": "; ".join(problems)}, status_code=400)


def _allowed(name: str, known: list[str]) -> str:
    if not known:
        return "this takes none"
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known here are {', '.join(known)}"
