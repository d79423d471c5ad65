"""Which requests cannot be asked of a student, and why: they need the teacher's own state, or would act twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ASKED_IN = {"chat/completions": "messages", "completions": "prompt", "responses": "input", "embeddings": "input"}
# Tuples, not sets: a stranger's `type` may be a list, which no set can be asked about.
_OWN_TOOLS = ("function", "custom")  # the client runs these itself
_PLAIN_ITEMS = (
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
)
# Chat models that search the web whether asked to or not: gpt-4o-search-preview, gpt-5-search-api and their snapshots.
_SEARCHING_MODELS = ("search-preview", "search-api")


def not_shadowable(surface: str, body: dict[str, Any]) -> str | None:
    """Why a request cannot be asked of a student, in one word; None if it can.

    The first that holds of: ``previous_response_id``, ``conversation``, ``stored_prompt``, ``background``,
    ``audio_output``, ``hosted_tool``, ``missing_input``, ``item_reference``, ``compaction``, ``file_id``.
    """
    return _settings_reason(surface, body) or _input_reason(surface, body.get(_ASKED_IN[surface]))


def _settings_reason(surface: str, body: dict[str, Any]) -> str | None:
    state = _teacher_state(body) if surface == "responses" else None
    if state is not None:
        return state
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        return "audio_output"
    if surface in _PARTS and _has_hosted_tool(surface, body):
        return "hosted_tool"
    return None


def _input_reason(surface: str, asked: Any) -> str | None:
    if not isinstance(asked, str | list) or not asked or (surface == "chat/completions" and isinstance(asked, str)):
        return "missing_input"
    reason_of = _PARTS.get(surface)
    if reason_of is not None and isinstance(asked, list):
        for part in asked:
            reason = reason_of(part)
            if reason is not None:
                return reason
    return None


def _teacher_state(body: dict[str, Any]) -> str | None:
    if body.get("previous_response_id") is not None:
        return "previous_response_id"
    if body.get("conversation") is not None:
        return "conversation"
    if body.get("prompt") is not None:
        return "stored_prompt"
    if body.get("background"):
        return "background"
    return None


def _has_hosted_tool(surface: str, body: dict[str, Any]) -> bool:
    tools = body.get("tools")
    if isinstance(tools, list):
        for tool in tools:
            if isinstance(tool, dict) and tool.get("type", "function") not in _OWN_TOOLS:
                return True
    if surface != "chat/completions":
        return False
    if body.get("web_search_options") is not None or body.get("data_sources"):
        return True
    model = body.get("model")
    return isinstance(model, str) and any(part in model for part in _SEARCHING_MODELS)


def _message_reason(message: Any) -> str | None:
    if not isinstance(message, dict):
        return "missing_input"
    audio = message.get("audio")
    if isinstance(audio, dict) and audio.get("id") is not None:
        return "item_reference"  # an earlier spoken answer, which the teacher keeps
    return "file_id" if _names_a_file(message.get("content")) else None


def _item_reason(item: Any) -> str | None:
    if not isinstance(item, dict):
        return "missing_input"
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item or "content" in item else "item_reference"
    if kind == "item_reference":
        return "item_reference"
    if isinstance(kind, str) and kind.startswith("compaction"):
        return "compaction"  # the conversation so far, readable by the teacher alone
    if kind not in _PLAIN_ITEMS:
        return "hosted_tool"
    return "file_id" if _names_a_file(item.get("content")) or _names_a_file(item.get("output")) else None


def _names_a_file(parts: Any) -> bool:
    """Whether a content part is a file that the teacher keeps.  A citation that names one is only text."""
    if not isinstance(parts, list):
        return False
    for part in parts:
        if isinstance(part, dict):
            file = part.get("file")
            if part.get("file_id") is not None or (isinstance(file, dict) and file.get("file_id") is not None):
                return True
    return False


_PARTS: dict[str, Callable[[Any], str | None]] = {"chat/completions": _message_reason, "responses": _item_reason}
