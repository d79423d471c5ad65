"""Chat completions: whole, or put together from deltas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comparators.base import Answer, ToolCall
from proxy.openai import chunks, json_text
from proxy.openai.errors import error_label
from proxy.openai.reading import Assembled, Reading, UnreadableAnswerError, text_or_none, token_logprobs
from proxy.openai.stream import Payload

# Strings that a delta says whole, and some servers say again in each; all others are pieces of one text.
_SAID_WHOLE = frozenset({"role", "id", "type", "name"})


def assemble(payloads: Iterable[Payload]) -> Assembled:
    """Put a stream of ``chat.completion.chunk`` together."""
    return chunks.assemble(payloads, "chat.completion", _Choice)


def read(response: dict[str, Any]) -> Reading:
    """Read a ``chat.completion``."""
    choice, count = chunks.first_choice(response)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise UnreadableAnswerError("not_the_surface")
    finish_reason = text_or_none(choice.get("finish_reason"))
    logprobs = choice.get("logprobs")
    logprobs = logprobs if isinstance(logprobs, dict) else {}
    error = choice.get("error")
    return Reading(
        answer=Answer(
            model=text_or_none(response.get("model")),
            content=_content(message.get("content")),
            refusal=text_or_none(message.get("refusal")),
            tool_calls=_tool_calls(message),
            finish_reason=finish_reason,
            logprobs=token_logprobs(logprobs.get("content")) or token_logprobs(logprobs.get("refusal")),
            response=response,
        ),
        error=error_label(error) if error or finish_reason == "error" else None,
        choices=count,
    )


def _content(content: Any) -> str | None:
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(text for text in texts if isinstance(text, str))
    if content is not None and not isinstance(content, str):
        raise UnreadableAnswerError("not_the_surface")
    return content or None


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise UnreadableAnswerError("not_the_surface")
    read = [_tool_call(call) for call in calls]
    legacy = message.get("function_call")
    if legacy is not None and not read:
        read.append(_tool_call({"function": legacy}))
    return tuple(read)


def _tool_call(call: Any) -> ToolCall:
    if isinstance(call, dict):
        for kind, arguments in (("function", "arguments"), ("custom", "input")):
            asked = call.get(kind)
            if isinstance(asked, dict) and isinstance(asked.get("name"), str):
                said = asked.get(arguments)
                return ToolCall(
                    name=asked["name"],
                    # Some servers give the arguments as an object.
                    arguments=said if isinstance(said, str) else json_text.encode(said or {}).decode(),
                    id=text_or_none(call.get("id")),
                )
    raise UnreadableAnswerError("not_the_surface")


class _Text:
    """A text that comes in pieces."""

    def __init__(self) -> None:
        self.pieces: list[str] = []


class _Call:
    """A tool call that comes in pieces."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.fields: dict[str, Any] = {}


class _Choice:
    """One choice, growing by deltas."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._message: dict[str, Any] = {"role": "assistant", "content": None}
        self._calls: list[_Call] = []

    @property
    def finished(self) -> bool:
        return bool(self._fields.get("finish_reason"))

    def add(self, piece: dict[str, Any]) -> None:
        for key, value in piece.items():
            if key in ("delta", "message"):
                for name, part in value.items() if isinstance(value, dict) else ():
                    if name == "tool_calls":
                        self._add_calls(part)
                    else:
                        _join(self._message, name, part)
            elif key == "logprobs":
                chunks.extend_lists(self._fields, key, value)
            elif key not in ("index", "obfuscation"):
                chunks.keep(self._fields, key, value)

    def whole(self) -> dict[str, Any]:
        message = _settled(self._message)
        if self._calls:
            message["tool_calls"] = [_whole_call(call) for call in sorted(self._calls, key=lambda call: call.index)]
        if message["content"] == "" and any(
            message.get(instead) for instead in ("tool_calls", "refusal", "function_call")
        ):
            message["content"] = None  # streams begin with an empty text, unstreamed bodies have none
        return {"message": message, "finish_reason": None, **self._fields}

    def _add_calls(self, parts: Any) -> None:
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                call = self._call(part)
                for key, value in part.items():
                    if key != "index":
                        _join(call.fields, key, value)

    def _call(self, part: dict[str, Any]) -> _Call:
        """The call that a delta goes on with: by index; where a server gives none, or always the same, by id."""
        index = part.get("index")
        begun = [call for call in self._calls if call.index == index] if isinstance(index, int) else self._calls
        function = part.get("function")
        names_one = isinstance(function, dict) and bool(function.get("name"))
        if begun and not (names_one and part.get("id") and part["id"] != begun[-1].fields.get("id")):
            return begun[-1]
        self._calls.append(_Call(index if isinstance(index, int) else len(self._calls)))
        return self._calls[-1]


def _join(target: dict[str, Any], key: str, value: Any) -> None:
    """Take in a delta's value: texts and lists go on, objects go on inside, of anything else the last one stands."""
    known = target.get(key)
    if value is None:
        target.setdefault(key, None)
    elif isinstance(value, str):
        if key in _SAID_WHOLE:
            target[key] = value or known
        else:
            if not isinstance(known, _Text):
                known = target[key] = _Text()
            known.pieces.append(value)
    elif isinstance(value, dict):
        if not isinstance(known, dict):
            known = target[key] = {}
        for name, part in value.items():
            _join(known, name, part)
    elif isinstance(value, list) and isinstance(known, list):
        known.extend(value)
    else:
        target[key] = value


def _settled(target: dict[str, Any]) -> dict[str, Any]:
    return {key: _settled_value(value) for key, value in target.items()}


def _settled_value(value: Any) -> Any:
    if isinstance(value, _Text):
        return "".join(value.pieces)
    return _settled(value) if isinstance(value, dict) else value


def _whole_call(call: _Call) -> dict[str, Any]:
    fields = _settled(call.fields)
    if isinstance(fields.get("function"), dict):
        fields.setdefault("type", "function")
        fields["function"].setdefault("arguments", "")
    return fields
