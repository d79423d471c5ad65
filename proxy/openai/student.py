"""What a student is asked: the client's request without what is the teacher's alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.openai.credentials import without_credentials

ALWAYS_DROPPED = frozenset(
    {
        "stream_options",
        "logit_bias",  # names the teacher's tokens
        "store",
        "metadata",
        "user",
        "safety_identifier",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
    }
)
_ENCRYPTED_REASONING = "reasoning.encrypted_content"
_STREAMED = frozenset({"chat/completions", "completions", "responses"})


def student_request(
    surface: str, body: dict[str, Any], *, model: str, put: dict[str, Any], drop: Sequence[str], stream: bool
) -> dict[str, Any]:
    """The body of the request to a student; ``body`` itself is left as it is.

    Args:
        surface: The request's surface.
        body: The client's request.
        model: The student's model.
        put: Fields to put, last of all.
        drop: Fields to drop beside ``ALWAYS_DROPPED``, before ``put``.
        stream: Whether to ask for an event stream (with its usage); embeddings have none.
    """
    asked = {key: value for key, value in without_credentials(body).items() if key not in ALWAYS_DROPPED}
    asked["model"] = model
    asked.pop("stream", None)
    if stream and surface in _STREAMED:
        asked["stream"] = True
        if surface != "responses":
            asked["stream_options"] = {"include_usage": True}
    if surface == "responses":
        _drop_encrypted_reasoning(asked)
    for field in drop:
        asked.pop(field, None)
    asked.update(put)
    return asked


def _drop_encrypted_reasoning(asked: dict[str, Any]) -> None:
    items = asked.get("input")
    if isinstance(items, list):
        asked["input"] = [item for item in items if not _is_closed_reasoning(item)]
    include = asked.pop("include", None)
    if isinstance(include, list):
        include = [entry for entry in include if entry != _ENCRYPTED_REASONING]
    if include:
        asked["include"] = include


def _is_closed_reasoning(item: Any) -> bool:
    """Reasoning that only the teacher can read: encrypted, or kept by the teacher under the item's id."""
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return False
    return item.get("encrypted_content") is not None or not item.get("content")
