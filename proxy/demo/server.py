"""An OpenAI-compatible server for one of the demonstration's models: chat completions and the list of models.

``python -m proxy.demo.server teacher --fd 3`` serves on a listening socket that it was given.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import msgspec

from proxy.demo.models import RECIPES, Classifier, train

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LARGEST_BODY = 2**20


class RequestError(Exception):
    """A request that cannot be answered; said in OpenAI's shape."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


class ModelServer:
    """The ASGI application.  ``seconds`` is how long an answer takes, as a large model would."""

    def __init__(self, name: str, classifier: Classifier, *, seconds: float = 0.0) -> None:
        self._name = name
        self._classifier = classifier
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope["method"], scope["path"], receive, send)
        except RequestError as error:
            kind = "invalid_request_error"
            body = {"message": str(error), "type": kind, "param": error.param, "code": error.code}
            await _send_json(send, error.status, {"error": body})

    async def _answer(self, method: str, path: str, receive: Receive, send: Send) -> None:
        if (method, path) == ("GET", "/v1/models"):
            model = {"id": self._name, "object": "model", "created": 0, "owned_by": "understudy-demo"}
            await _send_json(send, 200, {"object": "list", "data": [model]})
        elif (method, path) == ("POST", "/v1/chat/completions"):
            await self._complete(await _read(receive), send)
        else:
            raise RequestError(404, f"there is nothing at {path}", code="not_found")

    async def _complete(self, body: dict[str, Any], send: Send) -> None:
        if body.get("model") != self._name:
            raise RequestError(404, f"the only model here is {self._name}", code="model_not_found", param="model")
        prompt = _prompt(body.get("messages"))
        await asyncio.sleep(self._seconds)
        label = self._classifier.label(prompt[-1])
        asked, answered = sum(map(_tokens, prompt)), _tokens(label)
        usage = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
        common = {"id": f"chatcmpl-{time.time_ns():x}", "created": int(time.time()), "model": self._name}
        if not body.get("stream"):
            message = {"role": "assistant", "content": label, "refusal": None}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            await _send_json(send, 200, {**common, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        await _start(send, 200, b"text/event-stream; charset=utf-8")
        with_usage = usage if (body.get("stream_options") or {}).get("include_usage") else None
        for event in _events({**common, "object": "chat.completion.chunk"}, label, with_usage):
            await send({"type": "http.response.body", "body": b"data: " + event + b"\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def _events(common: dict[str, Any], label: str, usage: dict[str, int] | None) -> Iterator[bytes]:
    half = len(label) // 2
    deltas = [({"role": "assistant", "content": ""}, None), ({"content": label[:half]}, None)]
    for delta, reason in [*deltas, ({"content": label[half:]}, None), ({}, "stop")]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        yield msgspec.json.encode({**common, "choices": [choice]})
    if usage is not None:
        yield msgspec.json.encode({**common, "choices": [], "usage": usage})


def _prompt(messages: Any) -> list[str]:
    """The texts of the messages; the last is what is to be labelled."""
    if not isinstance(messages, list) or not messages:
        raise RequestError(400, "messages must be a list with at least one message", param="messages")
    texts = [_text(message) for message in messages]
    if not texts[-1].strip():
        raise RequestError(400, "the last message has no text", param="messages")
    return texts


def _text(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return " ".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return content if isinstance(content, str) else ""


def _tokens(text: str) -> int:
    return len(_TOKEN.findall(text))


async def _read(receive: Receive) -> dict[str, Any]:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _LARGEST_BODY:
            raise RequestError(413, "the request is larger than 1 MiB")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise RequestError(400, "the body must be a JSON object") from None


async def _start(send: Send, status: int, content_type: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]})


async def _send_json(send: Send, status: int, body: dict[str, Any]) -> None:
    await _start(send, status, b"application/json")
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


def main() -> None:
    """Train the model that is named and serve it until SIGTERM."""
    import uvicorn

    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", choices=list(RECIPES))
    parser.add_argument("--name", required=True)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.0)
    arguments = parser.parse_args()
    application = ModelServer(arguments.name, train(RECIPES[arguments.recipe]), seconds=arguments.seconds)
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off", access_log=False))
    server.run(sockets=[socket.socket(fileno=arguments.fd)])


if __name__ == "__main__":
    main()
