"""The tools that a request offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def offered_tools(body: Mapping[str, Any]) -> list[str]:
    """Their names, in the request's order; of a tool that has none its type."""
    tools = body.get("tools")
    if not isinstance(tools, list):
        tools = body.get("functions")
    return [_name(tool) for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []


def _name(tool: dict[str, Any]) -> str:
    kind = tool.get("type")
    inner = tool.get(kind) if isinstance(kind, str) else None  # a function's or a custom tool's own fields
    name = (inner if isinstance(inner, dict) else tool).get("name") or kind
    return name if isinstance(name, str) else ""
