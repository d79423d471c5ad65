"""Turns of a conversation: how far it is, what its newest question says, which conversation it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal

from proxy.openai import json_text

Turn = Literal["first", "later", "after_tool"]

# Tuples, not sets: a stranger's `role` may be a list, which no set can be asked about.
_TOOL_ROLES = ("tool", "function")
_INSTRUCTING_ROLES = ("system", "developer")
_TEXT_PARTS = ("text", "input_text")


def turn_of(surface: str, body: dict[str, Any]) -> Turn:
    """``after_tool`` where the newest message is a tool's result, ``later`` where the model has spoken before."""
    turn: Turn = "first"
    for message in _messages(surface, body):
        who = _speaker(message)
        if who == "tool":
            turn = "after_tool"
        elif who == "model" or (who == "user" and turn == "after_tool"):
            turn = "later"
    return turn


def conversation_key(surface: str, body: dict[str, Any]) -> str | None:
    """SHA-256 of the messages up to and including the model's first answer; None where there is none yet.

    Reasoning items do not count as the answer: clients keep them or leave them out from turn to turn.
    """
    opening = []
    for message in _messages(surface, body):
        if message.get("type") == "reasoning":
            continue
        opening.append(message)
        if _speaker(message) == "model":
            text = json_text.canonical([body.get("instructions"), opening])
            return hashlib.sha256(text).hexdigest()
    return None


def prompt_text(surface: str, body: dict[str, Any]) -> str:
    """The text of the newest user turn (of all its messages in a row), without images and files.

    For completions and embeddings it is the whole prompt or input; ``""`` where that is given as tokens.
    """
    if surface == "completions":
        return _joined(body.get("prompt"))
    asked = body.get("input") if surface in ("responses", "embeddings") else None
    if isinstance(asked, str) or surface == "embeddings":
        return _joined(asked)
    newest: list[str] = []
    in_turn = False
    for message in _messages(surface, body):
        is_user = _speaker(message) == "user"
        if is_user and not in_turn:
            newest = []
        if is_user:
            newest.extend(_texts(message.get("content")))
        in_turn = is_user
    return "\n".join(newest)


def system_text(surface: str, body: dict[str, Any]) -> str:
    """The text of all system and developer messages, and of the Responses API's instructions."""
    texts = [body["instructions"]] if isinstance(body.get("instructions"), str) else []
    for message in _messages(surface, body):
        if message.get("role") in _INSTRUCTING_ROLES:
            texts.extend(_texts(message.get("content")))
    return "\n".join(texts)


def number_of_messages(surface: str, body: dict[str, Any]) -> int:
    """How many messages (items, on the Responses API) were sent; 1 where the surface has none."""
    return len(list(_messages(surface, body))) or 1


def _messages(surface: str, body: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if surface == "chat/completions":
        messages = body.get("messages")
    elif surface == "responses":
        messages = body.get("input")
    else:
        return ()
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else ()


def _speaker(message: dict[str, Any]) -> Literal["user", "model", "tool", "other"]:
    role = message.get("role")
    if role == "user":
        return "user"
    if role in _TOOL_ROLES:
        return "tool"
    if role is not None:
        return "other" if role in _INSTRUCTING_ROLES else "model"
    kind = message.get("type")
    if not isinstance(kind, str):
        return "other"
    return "tool" if kind.endswith("_output") else "model"


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [
        part["text"]
        for part in content
        if isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)
    ]


def _joined(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, list):
        return ""
    return "\n".join(text for text in prompt if isinstance(text, str))
