"""Asking one student: its model, streamed or not, retries, and a breaker for when it is down."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec

from comparators.asking.retry_after import retry_after_seconds
from proxy.config.model import Student
from proxy.openai import json_text, requests
from proxy.openai.student import asks_for_logprobs, takes_logprobs
from proxy.shadow.asking import BrokenOffError, HttpAnswer, NotConnectedError, TooLargeError, headers_for, send
from proxy.shadow.breaker import Breaker, BreakerPolicy
from proxy.shadow.budgets import Budget
from proxy.shadow.discovery import ModelDiscovery
from proxy.shadow.failures import (
    UNAVAILABLE,
    UNUSABLE,
    StudentFailure,
    failure_of,
    needs_streaming,
    refuses_logprobs,
)
from proxy.shadow.lanes import Lane
from proxy.shadow.retries import MOST_RETRIES, RETRIED_STATUSES, RetryBudget

LARGE_ANSWERS = 2  # of one student, in memory at once
PAUSE_BEFORE_RETRY = 0.1  # seconds, where the student does not say
NOT_STREAMED = frozenset({"embeddings"})
_MODELS_LIMIT = 2**20


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a student is asked: the client's request, without credentials."""

    surface: str
    body: dict[str, Any]
    path: str = ""  # the client's raw path, and with it what of its query an upstream goes by


class StudentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A student's successful response and how it was asked."""

    http: HttpAnswer
    model: str  # that was asked for
    streamed: bool
    # Whether it was asked for log-probabilities; None: as the client asks; False: no more, as it refuses the field.
    logprobs: bool | None = None

    @property
    def ttft(self) -> float | None:
        """Seconds to the first token, known only where the answer was streamed."""
        return self.http.first_byte if self.streamed else None


class StudentClient:
    """One student of a route.  Its state (breaker, discovered model, streaming) lasts as long as its configuration."""

    def __init__(
        self,
        student: Student,
        session: aiohttp.ClientSession,
        *,
        limit: int,
        policy: BreakerPolicy | None = None,
        budget: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.student = student
        self.budget = budget
        self.lane = Lane(student.concurrency)
        self.breaker = Breaker(policy)
        self._session = session
        self._limit = limit
        self._clock = clock
        self._now = now
        self._url = student.url.rstrip("/")
        self._api_key = None if student.api_key is None else student.api_key.get_secret_value()
        self._large = asyncio.Semaphore(LARGE_ANSWERS)
        self._retries = RetryBudget()
        self._discovery = ModelDiscovery(self._ask_models)
        self._streams_only = False
        self._without_logprobs: set[str] = set()  # surfaces on which it refuses to be asked for them

    def without_key(self, text: str) -> str:
        """The text, should the student's own key stand in it, without it."""
        return text.replace(self._api_key, "[key]") if self._api_key else text

    async def ask(self, question: Question, held: contextlib.AsyncExitStack) -> StudentAnswer | StudentFailure:
        """The student's answer, or why there is none.  A large answer holds its place until ``held`` is closed."""
        ticket = self.breaker.admit(self._clock())
        if ticket is None:
            return StudentFailure(means=UNAVAILABLE, kind="breaker", message="not asked: it was down a moment ago")
        started = self._clock()
        try:
            result = await self._ask_in_time(question, held, deadline=started + self.student.timeout)
        except BaseException:
            self.breaker.abandon(ticket)
            raise
        down = isinstance(result, StudentFailure) and result.means == UNAVAILABLE
        self.breaker.report(ticket, failed=down, now=self._clock())
        if isinstance(result, StudentFailure):
            message = self.without_key(result.message)
            return msgspec.structs.replace(result, message=message, latency=self._clock() - started)
        return result

    async def _ask_in_time(
        self, question: Question, held: contextlib.AsyncExitStack, *, deadline: float
    ) -> StudentAnswer | StudentFailure:
        try:
            async with asyncio.timeout(self.student.timeout):
                model = await self._model_for(question)
                if isinstance(model, StudentFailure):
                    return model
                return await self._ask_model(model, question, held, deadline=deadline)
        except TimeoutError:
            message = f"no whole answer within {self.student.timeout:g} s"
            return StudentFailure(means=UNAVAILABLE, kind="timeout", message=message)
        except (NotConnectedError, BrokenOffError) as error:
            return StudentFailure(means=UNAVAILABLE, kind="connection", message=str(error))
        except TooLargeError:
            message = f"the answer is longer than {self._limit} bytes"
            return StudentFailure(means=UNUSABLE, kind="too_large", message=message)

    async def _model_for(self, _: Question) -> str | StudentFailure:
        return self.student.model or await self._discovery.model()

    def _url_for(self, question: Question) -> str:
        return f"{self._url}/{question.surface}"

    def _headers(self, _: Question, *, stream: bool) -> dict[str, str]:
        return headers_for(self._api_key, stream=stream)

    async def _ask_model(
        self, model: str, question: Question, held: contextlib.AsyncExitStack, *, deadline: float
    ) -> StudentAnswer | StudentFailure:
        surface, body = question.surface, question.body
        streamable = surface not in NOT_STREAMED
        stream = streamable and (self.student.ttft or self._streams_only)
        logprobs = True if self.student.logprobs and takes_logprobs(surface) else None
        wanted = logprobs or (takes_logprobs(surface) and asks_for_logprobs(body))
        if wanted and surface in self._without_logprobs:
            logprobs = False
        while True:
            payload = json_text.encode(self._payload(model, question, stream=stream, logprobs=logprobs))
            http = await self._post(question, payload, stream, held, deadline)
            if streamable and not stream and needs_streaming(http.status, http.body):
                stream = True
            elif wanted and logprobs is not False and refuses_logprobs(http.status, http.body):
                logprobs = False
            else:
                break
        if http.successful:  # only now is it known that this was it
            self._streams_only = self._streams_only or (stream and not self.student.ttft)
            if logprobs is False:
                self._without_logprobs.add(surface)
            return StudentAnswer(http=http, model=model, streamed=stream, logprobs=logprobs)
        if http.status == HTTPStatus.NOT_FOUND:  # perhaps it serves another model by now
            self._discovery.forget(model)
        return failure_of(http.status, http.body)

    def _payload(self, model: str, question: Question, *, stream: bool, logprobs: bool | None) -> dict[str, Any]:
        student = self.student
        return requests.student_request(
            question.surface,
            question.body,
            model=model,
            put=student.set,
            drop=student.drop,
            stream=stream,
            logprobs=logprobs,
        )

    async def _post(
        self, question: Question, payload: bytes, stream: bool, held: contextlib.AsyncExitStack, deadline: float
    ) -> HttpAnswer:
        """Ask, and ask again where no response byte came or the student said when to come back."""
        self._retries.earn()
        headers = self._headers(question, stream=stream)
        retries = 0
        while True:
            try:
                http = await self._send("POST", self._url_for(question), payload, headers, held)
            except NotConnectedError:
                pause: float | None = PAUSE_BEFORE_RETRY * 2**retries
                if not self._may_retry(retries, pause, deadline):
                    raise
            else:
                pause = None
                if http.status in RETRIED_STATUSES:
                    pause = retry_after_seconds(http.retry_after, self._now())
                if not self._may_retry(retries, pause, deadline):
                    return http
            retries += 1
            await asyncio.sleep(pause or 0.0)

    def _may_retry(self, retries: int, pause: float | None, deadline: float) -> bool:
        if pause is None or retries >= MOST_RETRIES or self._clock() + pause >= deadline:
            return False
        return self._retries.spend()

    async def _ask_models(self) -> HttpAnswer | StudentFailure:
        try:
            async with contextlib.AsyncExitStack() as held:
                headers = headers_for(self._api_key, stream=False)
                return await self._send("GET", f"{self._url}/models", None, headers, held)
        except (NotConnectedError, BrokenOffError) as error:
            return StudentFailure(means=UNAVAILABLE, kind="connection", message=str(error))
        except TooLargeError:
            return StudentFailure(means=UNAVAILABLE, kind="connection", message="its /models is endless")

    async def _send(
        self,
        method: str,
        url: str,
        payload: bytes | None,
        headers: dict[str, str],
        held: contextlib.AsyncExitStack,
    ) -> HttpAnswer:
        return await send(
            self._session,
            method,
            url,
            headers=headers,
            payload=payload,
            limit=self._limit if method == "POST" else _MODELS_LIMIT,
            large=self._large,
            held=held,
        )
