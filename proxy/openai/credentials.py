"""Credentials inside a request body: ``tools[].authorization`` and ``tools[].headers``, taken out."""

from __future__ import annotations

from operator import is_
from typing import Any

_NAMES = frozenset({"authorization", "headers"})


def without_credentials(body: dict[str, Any]) -> dict[str, Any]:
    """The body without them: the same object where there are none, else a copy of what had to change."""
    tools = body.get("tools")
    if not isinstance(tools, list):
        return body
    stripped = _tools(tools)
    return body if stripped is tools else {**body, "tools": stripped}


def may_hide_credentials(text: bytes) -> bool:
    """Whether a JSON text names a credential at all: a key given twice hides the first one from every reader."""
    return b'"authorization"' in text or b'"headers"' in text


def _tools(tools: list[Any]) -> list[Any]:
    stripped = [_tool(tool) if isinstance(tool, dict) else tool for tool in tools]
    return tools if all(map(is_, stripped, tools)) else stripped


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    inner = tool.get("tools")  # a namespace of tools
    stripped = _tools(inner) if isinstance(inner, list) else inner
    if stripped is inner and _NAMES.isdisjoint(map(str.lower, tool)):
        return tool
    kept = {key: value for key, value in tool.items() if key.lower() not in _NAMES}
    return {**kept, "tools": stripped} if "tools" in kept else kept
