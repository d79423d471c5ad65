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
# Of the teacher asked a second time: what would act twice, or say whose request it is, or answer from a cache.
DROPPED_FROM_REPLAYS = ALWAYS_DROPPED - {"logit_bias", "service_tier"}
_ENCRYPTED_REASONING = "reasoning.encrypted_content"
_STREAMED = frozenset({"chat/completions", "completions", "responses"})
_RIVALS, _RIVALS_OF_COMPLETIONS = 20, 5  # as many as OpenAI's API gives beside each token
_LOGPROBS_OF_RESPONSES = "message.output_text.logprobs"


def student_request(
    surface: str,
    body: dict[str, Any],
    *,
    model: str,
    put: dict[str, Any],
    drop: Sequence[str],
    stream: bool,
    logprobs: bool | None = None,
    always_dropped: frozenset[str] = ALWAYS_DROPPED,
) -> dict[str, Any]:
    """The body of the request to a student; ``body`` itself is left as it is.

    Args:
        surface: The request's surface.
        body: The client's request.
        model: The student's model.
        put: Fields to put, last of all.
        drop: Fields to drop beside those, before ``put``.
        stream: Whether to ask for an event stream (with its usage); embeddings have none.
        logprobs: Whether to ask for log-probabilities (embeddings have none); None: as the client does.
        always_dropped: Fields that are the teacher's alone.
    """
    asked = {key: value for key, value in without_credentials(body).items() if key not in always_dropped}
    asked["model"] = model
    asked.pop("stream", None)
    if stream and surface in _STREAMED:
        asked["stream"] = True
        if surface != "responses":
            asked["stream_options"] = {"include_usage": True}
    if surface == "responses":
        _drop_encrypted_reasoning(asked)
    if logprobs is not None and takes_logprobs(surface):
        _ask_for_logprobs(surface, asked) if logprobs else _leave_out_logprobs(asked)
    for field in drop:
        asked.pop(field, None)
    asked.update(put)
    return asked


def takes_logprobs(surface: str) -> bool:
    """Whether the surface's answers can have log-probabilities."""
    return surface in _STREAMED


def asks_for_logprobs(body: dict[str, Any]) -> bool:
    """Whether the client's own request has a field for them, whatever it says: an API may refuse the very name."""
    include = body.get("include")
    wanted = isinstance(include, list) and _LOGPROBS_OF_RESPONSES in include
    return wanted or not {"logprobs", "top_logprobs"}.isdisjoint(body)


def _ask_for_logprobs(surface: str, asked: dict[str, Any]) -> None:
    """Ask for log-probabilities, and for those of each token's best rivals: as many as the client wants, if it does."""
    if surface == "completions":
        asked["logprobs"] = asked.get("logprobs") or _RIVALS_OF_COMPLETIONS
        return
    asked["top_logprobs"] = asked.get("top_logprobs") or _RIVALS
    if surface == "chat/completions":
        asked["logprobs"] = True
    else:
        asked["include"] = [*_other_includes(asked), _LOGPROBS_OF_RESPONSES]


def _leave_out_logprobs(asked: dict[str, Any]) -> None:
    include = _other_includes(asked)
    for field in ("logprobs", "top_logprobs", "include"):
        asked.pop(field, None)
    if include:
        asked["include"] = include


def _other_includes(asked: dict[str, Any]) -> list[Any]:
    include = asked.get("include")
    return [each for each in include if each != _LOGPROBS_OF_RESPONSES] if isinstance(include, list) else []


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
