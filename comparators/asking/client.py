"""Asking another machine: one address, a bounded number of questions at once, each within its time.

What can go wrong, by the names under which it is counted.  No message holds text of a pair, of an answer, or a key::

    AskingError
    ├── BudgetSpentError            the day's money is spent: not asked (comparators.asking.budget)
    ├── EndpointTimeoutError        no whole answer in time
    ├── EndpointUnreachableError    no connection, or it broke off
    ├── EndpointOverloadedError     429 or 503, and no later try succeeded
    ├── EndpointFailedError         another status that is no success
    │   └── EndpointRefusedError    400 or 422: it does not take what it was asked
    └── EndpointAnswerError         an answer that is too long, no JSON, or not of the promised shape
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import SecretStr

from comparators.asking.retry_after import retry_after_seconds
from comparators.base import ComparatorError

if TYPE_CHECKING:
    import httpx

MOST_RETRIES = 2
LONGEST_ANSWER = 2**20
_LONGEST_ERROR = 2**16
_PAUSE = 0.1  # seconds before the same is asked again of one that broke off
_OVERLOADED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class AskingError(ComparatorError):
    """Base of all that can go wrong when another machine is asked.

    ``may_have_cost`` says whether the question may have been worked on, and so be paid for, though no answer came.
    """

    may_have_cost = False


class EndpointTimeoutError(AskingError):
    may_have_cost = True


class EndpointUnreachableError(AskingError):
    pass


class EndpointOverloadedError(AskingError):
    pass


class EndpointFailedError(AskingError):
    pass


class EndpointRefusedError(EndpointFailedError):
    """``fields``: those of the request's fields that the refusal names."""

    def __init__(self, message: str, fields: frozenset[str]) -> None:
        super().__init__(message)
        self.fields = fields


class EndpointAnswerError(AskingError):
    may_have_cost = True


@dataclass(frozen=True)
class _Reply:
    status: int
    retry_after: str | None
    body: bytes
    too_long: bool


class Endpoint:
    """A base URL that is asked by POST, JSON in and JSON out.

    At most ``concurrency`` questions are under way; ``timeout`` is for one of them, its retries among it, from when it
    has a place.  One that answers 429 or 503 with a ``retry-after`` that lies within the time is asked again then, and
    so is one whose connection fails before an answer begins.  Redirects are not followed and the environment's proxies
    are not used: what is asked goes to this address alone.

    Connections belong to the event loop that is running; in another one they are made anew.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: SecretStr | None = None,
        concurrency: int,
        timeout: float,
        longest_answer: int = LONGEST_ANSWER,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url = url.rstrip("/")
        self._api_key = api_key
        self._concurrency = concurrency
        self._timeout = timeout
        self._longest_answer = longest_answer
        self._now = now
        self._opened: _Opened | None = None

    async def post(self, path: str, body: Mapping[str, Any], *, took: Callable[[float], None] = lambda _: None) -> Any:
        """The decoded JSON of a successful answer. Raises an AskingError.

        ``took`` is told its seconds, its retries among them, from when it had a place.
        """
        payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        opened = self._open()
        async with opened.places:
            started = opened.loop.time()
            try:
                async with asyncio.timeout(self._timeout) as limit:
                    reply = await self._ask(opened.client, f"{self._url}/{path}", payload, limit.when() or 0.0)
            except TimeoutError:
                reply = None
            seconds = opened.loop.time() - started
        if reply is None:
            raise EndpointTimeoutError(f"no whole answer within {self._timeout:g} s")
        decoded = _decoded(reply, body)
        took(seconds)
        return decoded

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None and opened.loop is asyncio.get_running_loop():
            await opened.client.aclose()

    def _open(self) -> _Opened:
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened.loop is not loop:  # that of a loop that is gone cannot be closed
            places = asyncio.Semaphore(self._concurrency)
            self._opened = _Opened(loop, self._new_client(), places)
        return self._opened

    def _new_client(self) -> httpx.AsyncClient:
        import httpx

        headers = {"User-Agent": "understudy", "Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        return httpx.AsyncClient(
            headers=headers,
            timeout=None,  # noqa: S113 -- the whole question has one
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=self._concurrency),
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context() if self._url.startswith("https:") else False,
        )

    async def _ask(self, client: httpx.AsyncClient, url: str, payload: bytes, deadline: float) -> _Reply:
        clock = asyncio.get_running_loop().time
        retries = 0
        while True:
            reply = await self._send(client, url, payload)
            pause = _PAUSE * 2**retries if reply is None else self._pause_wished(reply)
            if pause is None or retries >= MOST_RETRIES or clock() + pause >= deadline:
                break
            retries += 1
            await asyncio.sleep(pause)
        if reply is None:
            raise EndpointUnreachableError("the connection failed before an answer began")
        return reply

    async def _send(self, client: httpx.AsyncClient, url: str, payload: bytes) -> _Reply | None:
        """The whole reply, or None where none began."""
        import httpx

        # Failures are raised outside of the handlers: httpx's exceptions hold the request, which is text of a pair.
        status, retry_after, body = 0, None, bytearray()
        longest = self._longest_answer
        failure: AskingError | None = None
        try:
            async with client.stream("POST", url, content=payload) as response:
                status, retry_after = response.status_code, response.headers.get("retry-after")
                longest = longest if response.is_success else _LONGEST_ERROR
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > longest:
                        break
        except (httpx.TransportError, OSError):
            failure = EndpointUnreachableError("the connection broke off within the answer")
            failure.may_have_cost = True
        except (httpx.DecodingError, httpx.InvalidURL):
            failure = EndpointAnswerError("the answer cannot be decoded")
        if not status:
            return None
        if failure is not None:
            raise failure
        return _Reply(status, retry_after, bytes(body), too_long=len(body) > longest)

    def _pause_wished(self, reply: _Reply) -> float | None:
        return retry_after_seconds(reply.retry_after, self._now()) if reply.status in _OVERLOADED else None


@dataclass(frozen=True)
class _Opened:
    """What belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    client: httpx.AsyncClient
    places: asyncio.Semaphore


def _decoded(reply: _Reply, body: Mapping[str, Any]) -> Any:
    if reply.status in _OVERLOADED:
        raise EndpointOverloadedError(f"status {reply.status}")
    if reply.status in _REFUSED:
        raise EndpointRefusedError(
            f"status {reply.status}", frozenset(field for field in body if field.encode() in reply.body)
        )
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        raise EndpointFailedError(f"status {reply.status}")
    if not reply.too_long:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(reply.body)
    raise EndpointAnswerError("the answer is too long" if reply.too_long else "the answer is no JSON")
