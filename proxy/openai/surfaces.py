"""Which kind of request a path asks for."""

from __future__ import annotations

import re
from urllib.parse import unquote

# The longer ending first: a chat completion's path ends like a completion's too.
SURFACES = ("chat/completions", "completions", "responses", "embeddings")

_ENDINGS = tuple((surface, f"/{surface}") for surface in SURFACES)
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/")


def surface_of(path: str) -> str | None:
    """The surface, told by how the path (without its query) ends; None for every other path."""
    for surface, ending in _ENDINGS:
        if path.endswith(ending):
            return surface
    return None


def upstream_path(prefix: str, path: str) -> str:
    """The path at an upstream whose URL has the path ``prefix``, for a client's: the contract's rule for URLs."""
    if prefix and (path == "/v1" or path.startswith("/v1/")):
        path = path[3:]
    return (prefix + path) or "/"


def azure_deployment(path: str) -> str | None:
    """NAME of ``/openai/deployments/NAME/…``, percent-decoded; None for every other path."""
    match = _DEPLOYMENT.search(path)
    return unquote(match[1]) if match else None
