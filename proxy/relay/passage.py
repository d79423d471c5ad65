"""One request's way through the relay: to the teacher, its answer back, a copy kept.

Whatever happens, ``Passage.run`` settles the request once: it is counted, and so is what becomes of its capture.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import parse_qs

import structlog

from proxy.metric_families import CaptureOutcome
from proxy.openai.surfaces import azure_deployment, surface_of
from proxy.relay import refusals
from proxy.relay.body import BodyTooLargeError, ClientGoneError, IncomingBody, may_name_model, model_in, with_model
from proxy.relay.capture import (
    Captured,
    CaptureReading,
    is_event_stream,
    loss,
    probability_unread,
)
from proxy.relay.headers import (
    EXCHANGE_ID,
    SHADOW,
    RequestHead,
    header_value,
    read_answer_headers,
    read_request_headers,
    with_own_key,
)
from proxy.relay.protocol import CLIENT, Client
from proxy.relay.refusals import Refusal
from proxy.relay.routing import CompiledRoute, RoutingTable, Target, choose
from proxy.relay.tee import Tee
from proxy.relay.telemetry import UNMATCHED
from proxy.relay.upstream.base import TimedOutError, UpstreamAnswer, UpstreamError, UpstreamRequest

if TYPE_CHECKING:
    from proxy.relay.app import Relay

_Read = TypeVar("_Read")
_CLIENT_LEFT = 499  # what a request counts under whose client left before any answer
_DRAINING_SECONDS = 0.001  # handing over takes less: the client is slow to read
_LONGEST_SEGMENT = 256
_HELD = 2**18  # bytes up to which a body of any kind is held, so that it can be sent again; over it uploads stream
_OF_THE_BODY_AS_IT_WAS = frozenset(
    {b"content-length", b"content-encoding", b"content-md5", b"digest", b"content-digest"}
)
_BODILESS = frozenset({204, 304})


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class Passage:
    """One request.  Made, run once and thrown away."""

    __slots__ = (
        "_answer",
        "_arrived_at",
        "_body",
        "_client",
        "_content",
        "_counted",
        "_cut",
        "_finished",
        "_head",
        "_id",
        "_known",
        "_model",
        "_path",
        "_relay",
        "_route",
        "_scope",
        "_send",
        "_started_at",
        "_status",
        "_surface",
        "_table",
        "_task",
        "_tee",
        "_waited",
    )

    def __init__(self, relay: Relay, scope: Any, receive: Any, send: Any) -> None:
        self._started_at = perf_counter()
        self._arrived_at = relay.clock()
        self._relay = relay
        self._scope = scope
        self._client: Client = scope["extensions"][CLIENT]
        self._send = send
        self._table: RoutingTable = relay.table
        self._id = relay.new_id()
        self._path: str = scope["raw_path"].decode("latin-1")
        self._head: RequestHead = read_request_headers(scope["headers"])
        hold = self._table.limits.capture if self._head.is_json else _HELD
        self._body = IncomingBody(receive, self._head.content_length, hold)
        self._task = asyncio.current_task()
        self._route: CompiledRoute | None = None
        self._surface: str | None = None
        self._known: CaptureReading | None = None  # what becomes of the capture, where that does not need the answer
        self._model: str | None = None  # that is asked for, where choosing the route had to know it
        self._tee: Tee | None = None
        self._answer: UpstreamAnswer | None = None
        self._counted = True
        self._status = 0  # 0: no answer begun
        self._content = ("", "")  # the answer's content type and coding
        self._waited = 0.0  # seconds: upstream and client
        self._cut: Literal["client", "upstream"] | None = None
        self._finished = False  # the whole answer was handed to the server

    async def run(self) -> None:
        """Relay the request."""
        try:
            await self._pass()
        except _RefusedError as refused:
            await self._refuse(refused.refusal)
        except ClientGoneError:
            self._cut = "client"
        except UpstreamError:
            self._cut = "upstream"  # the server closes the connection of an answer that is not finished
        except asyncio.CancelledError:
            if self._cut != "client" or self._task is None:
                self._cut = "client"
                raise
            self._task.uncancel()
        except Exception as error:  # noqa: BLE001 - a defect
            _say_defect(error)
            self._cut = "upstream"
            if self._route is not None and self._known is None:
                self._known = self._loss("failed", self._route)
            if not self._status:
                await self._refuse(refusals.INTERNAL_ERROR)
        finally:
            try:
                self._settle()
            except Exception as error:  # noqa: BLE001 - counting must not cost an answer that is on its way
                _say_defect(error)

    async def _pass(self) -> None:
        head, table = self._head, self._table
        if head.wants_websocket:
            self._counted = self._path != refusals.PROBE_PATH
            raise _RefusedError(refusals.WEBSOCKET_NOT_SUPPORTED)
        presented = table.access.presented(head.noted) if table.access.needed else "own_header"
        if presented == "nothing":
            raise _RefusedError(refusals.INVALID_API_KEY)
        await self._body.begin()
        route = await self._matching_route()
        target = route.target if route is not None else table.default
        if target is None:
            raise _RefusedError(refusals.NO_TEACHER)
        if presented == "authorization" and target.own_key is None:
            raise _RefusedError(refusals.INVALID_API_KEY)
        if route is not None:
            self._begin_capture(route)
        request = await self._request_for(target)
        asked_at = perf_counter()
        try:
            self._answer = await self._relay.upstream.ask(request)
        except UpstreamError as error:
            self._waited += perf_counter() - asked_at
            self._cut = "upstream"
            timed_out = isinstance(error, TimedOutError)
            raise _RefusedError(refusals.TEACHER_TIMEOUT if timed_out else refusals.TEACHER_UNREACHABLE) from error
        self._waited += self._answer.waited
        await self._give(self._answer)

    async def _matching_route(self) -> CompiledRoute | None:
        candidates = self._table.candidates(self._path, self._scope["headers"])
        if not candidates or candidates[0].model is None:
            return candidates[0] if candidates else None
        model = azure_deployment(self._path)
        if model is None and self._head.has_body and may_name_model(self._head.noted):
            model = await self._read_body(model_in, await self._held())
        self._model = model
        return choose(candidates, model)

    async def _held(self) -> bytes:
        try:
            return await self._body.hold(self._table.limits.body)
        except BodyTooLargeError:
            raise _RefusedError(refusals.BODY_TOO_LARGE) from None

    async def _read_body(self, read: Callable[..., _Read], body: bytes, *more: str) -> _Read:
        """What ``read`` makes of it; of a compressed one in a thread, which may take its time."""
        coding = self._head.noted.get(b"content-encoding", b"").decode("latin-1")
        arguments = (body, coding, self._table.limits.decoded, *more)
        return await asyncio.to_thread(read, *arguments) if coding else read(*arguments)

    async def _held_for_rewrite(self) -> None:
        try:
            await self._held()
        except _RefusedError:
            if self._route is not None and self._known is None:
                self._known = self._loss("too_large", self._route)
            raise

    def _begin_capture(self, route: CompiledRoute) -> None:
        self._route = route
        paused = self._relay.paused()
        self._surface = surface_of(self._path) if self._scope["method"] == "POST" else None
        shadow = self._head.noted.get(SHADOW)
        if shadow is not None and shadow.strip().lower() == b"off":
            self._known = CaptureReading("opted_out")
        elif paused and (None in paused or route.name in paused):
            self._known = CaptureReading("paused")
        elif self._surface is None:
            self._known = CaptureReading("not_shadowable", "other_path")
        else:
            beside = len(self._path) + sum(map(len, self._head.noted.values()))
            self._tee = Tee(self._relay.budget, self._table.limits.capture, beside=beside)

    async def _request_for(self, target: Target) -> UpstreamRequest:
        """What the teacher is asked; from here on somebody watches for the client's leaving."""
        head = self._head
        headers = head.forwarded
        if target.model is not None and head.has_body and may_name_model(head.noted):
            await self._held_for_rewrite()
        held = self._body.held
        if held is not None:
            self._client.on_leaving(self._client_left)
            if held and self._tee is not None:
                self._tee.add_request(held)
            if held and target.model is not None and may_name_model(head.noted):
                changed = await self._read_body(with_model, held, target.model)
                if changed is not None:
                    headers = [pair for pair in headers if pair[0] not in _OF_THE_BODY_AS_IT_WAS]
                    held = changed
        if target.own_key is not None:
            azure = b"api-key" in head.noted or azure_deployment(self._path) is not None
            headers = with_own_key(headers, target.own_key, as_api_key=azure)
        return UpstreamRequest(
            self._scope["method"],
            target.origin,
            target.target_for(self._scope["raw_path"], self._scope["query_string"]),
            headers,
            target.timeout,
            held or b"",
            self._upload if held is None else None,
            head.chunked,
        )

    async def _upload(self) -> AsyncIterator[bytes]:
        tee = self._tee
        try:
            async for part in self._body.parts():
                if tee is not None:
                    tee.add_request(part)
                yield part
        except ClientGoneError:
            self._client_left()
            raise
        self._client.on_leaving(self._client_left)

    def _client_left(self) -> None:
        if not self._finished and self._task is not None:
            self._cut = "client"
            self._task.cancel()

    async def _give(self, answer: UpstreamAnswer) -> None:
        """Pass the answer on as it comes.  Returning before the body's end makes the server close the connection."""
        head = read_answer_headers(answer.headers, self._id.encode())
        self._content = (head.content_type, head.content_encoding)
        self._status = answer.status
        ends_early = head.has_length and answer.status in _BODILESS and self._scope["method"] != "HEAD"
        if ends_early:  # the server would insist on a body of that length
            head.forwarded.append((b"connection", b"close"))
        if answer.ready and not ends_early:
            self._answer_together()
        await self._send_timed({"type": "http.response.start", "status": answer.status, "headers": head.forwarded})
        tee = self._tee
        more = not ends_early
        while more:
            chunk = b""
            if not answer.ended:
                began = perf_counter()
                chunk = await answer.chunk()
                self._waited += perf_counter() - began
            more = not answer.ended
            if chunk or not more:
                await self._send_body(chunk, more=more)
                if chunk and tee is not None:
                    tee.add_response(chunk)
        self._finished = True

    async def _send_body(self, part: bytes, *, more: bool) -> None:
        ends_by_closing = self._scope["http_version"] == "1.0"  # see RelayProtocol
        await self._send_timed({"type": "http.response.body", "body": part, "more_body": more or ends_by_closing})

    def _answer_together(self) -> None:
        if self._scope["method"] != "HEAD":  # to which no part will follow
            self._client.answer_together()

    async def _send_timed(self, message: dict[str, Any]) -> None:
        began = perf_counter()
        await self._send(message)
        spent = perf_counter() - began
        if spent > _DRAINING_SECONDS:
            self._waited += spent

    async def _refuse(self, refusal: Refusal) -> None:
        self._status = refusal.status
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(refusal.body)).encode()),
            (EXCHANGE_ID, self._id.encode()),
        ]
        if self._body.held is None and b"expect" in self._head.noted:
            headers.append((b"connection", b"close"))  # nobody knows whether the body will still be sent
        self._answer_together()
        await self._send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._send_body(refusal.body, more=False)
        self._finished = True

    def _settle(self) -> None:
        ended_at = perf_counter()
        answer, route = self._answer, self._route
        self._client.on_leaving(None)
        if answer is not None and not answer.ended:
            answer.close()
        overhead = max(0.0, ended_at - self._started_at - self._waited - self._body.waited)
        stream = is_event_stream(self._content[0])
        name = route.name if route is not None else UNMATCHED
        telemetry = self._relay.telemetry
        if self._counted:
            telemetry.requested(name, self._status or _CLIENT_LEFT, stream=stream, overhead=overhead)
        # The teacher's time, not its client's: an answer may be read long after it has come.
        duration = (answer.ended_at or ended_at) - answer.asked_at if answer is not None else 0.0
        ttft = answer.body_at - answer.asked_at if answer is not None and answer.body_at else None
        if route is not None:
            self._settle_capture(route, duration, ttft)
        elif answer is not None:
            telemetry.timed(name, "", duration, ttft if stream else None)

    def _settle_capture(self, route: CompiledRoute, duration: float, ttft: float | None) -> None:
        writer, tee, surface = self._relay.writer, self._tee, self._surface
        known = self._known
        if tee is not None and known is None:
            if self._status >= 400 or (self._answer is None and self._cut != "client"):  # noqa: PLR2004
                known = CaptureReading("teacher_error")
            elif self._answer is None:
                known = CaptureReading("client_gone")
            elif tee.lost is not None:
                known = self._loss(tee.lost, route)
        if known is not None or tee is None or surface is None:
            if tee is not None:
                tee.discard()
            writer.count(route, known or self._loss("failed", route))
            return
        client = self._scope.get("client")
        writer.submit(
            Captured(
                id=self._id,
                route=route,
                surface=surface,
                path=self._path,
                api_version=_api_version(self._scope["query_string"]),
                headers=self._headers_for(route),
                noted=self._head.noted,
                model=self._model,
                client=client[0] if client else "",
                tee=tee,
                status=self._status,
                content_type=self._content[0],
                content_encoding=self._content[1],
                arrived_at=self._arrived_at,
                ended_at=self._relay.clock(),
                ttft=ttft,
                duration=duration,
                cut=self._cut,
                decoded_limit=self._table.limits.decoded,
            )
        )

    def _loss(self, outcome: CaptureOutcome, route: CompiledRoute) -> CaptureReading:
        model = self._model or azure_deployment(self._path)
        probability = probability_unread(route, self._head.noted, self._headers_for(route), model)
        return loss(outcome, self._id, probability)

    def _headers_for(self, route: CompiledRoute) -> dict[str, str]:
        headers = self._scope["headers"]
        named = {name for name, _ in headers} & route.noted_headers if route.noted_headers else ()
        return {name.decode("latin-1"): header_value(headers, name)[:_LONGEST_SEGMENT] for name in named}


def _say_defect(error: Exception) -> None:
    """With its place, never with what was relayed."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    structlog.get_logger().error("relay_failed", error=type(error).__name__, where=f"{place.name}:{place.lineno}")


def _api_version(query: bytes) -> str:
    if b"api-version=" not in query:
        return ""
    return parse_qs(query.decode("latin-1")).get("api-version", [""])[0][:_LONGEST_SEGMENT]
