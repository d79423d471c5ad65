"""What the admin plane refuses, said in one way: ``{"detail": "one line"}`` that names what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from proxy.errors import UnderstudyError, UsageError

_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "int_parsing": lambda _: "must be a whole number",
    "bool_parsing": lambda _: "must be true or false",
    "greater_than_equal": lambda context: f"must be {context['ge']} or more",
    "less_than_equal": lambda context: f"must be {context['le']} or less",
}
_LONGEST_SHOWN = 60


class Refusal(BaseModel):
    """The body of every answer that is an error."""

    detail: str = Field(description="What is wrong and what is allowed, in one line.")


# For the description of routes.  FastAPI describes errors of its own, with another shape, where no 4XX is named.
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Refusal, "description": "400: asked wrongly; 401: a token is missing; 404: not there."},
    503: {"model": Refusal, "description": "Store or journal cannot be read just now."},
}


def known_query(request: Request) -> None:
    """A dependency that refuses query parameters which the route does not have, or that are given twice."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            raise UsageError(f"{name[:_LONGEST_SHOWN]}: unknown parameter; {_allowed(name, known)}")
        times = len(request.query_params.getlist(name))
        if times > 1:
            raise UsageError(f"{name}: is given {times} times; give it once")


def explain_errors(app: FastAPI) -> None:
    """Turn what went wrong into an answer of one line: 400 for what was asked wrongly, 503 for what is down."""

    @app.exception_handler(UnderstudyError)
    def answer(_: Request, error: UnderstudyError) -> JSONResponse:
        detail = " ".join(str(error).split())
        return JSONResponse({"detail": detail}, status_code=400 if isinstance(error, UsageError) else 503)

    @app.exception_handler(RequestValidationError)
    def explain(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": "; ".join(map(_explained, error.errors()))}, status_code=400)


def _explained(problem: Mapping[str, Any]) -> str:
    text = _TEXTS.get(problem["type"])
    said = text(problem.get("ctx", {})) if text else problem["msg"]
    return f"{problem['loc'][-1]}: {said}; found {str(problem['input'])[:_LONGEST_SHOWN]}"


def _allowed(name: str, known: list[str]) -> str:
    if not known:
        return "this takes none"
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known here are {', '.join(known)}"
