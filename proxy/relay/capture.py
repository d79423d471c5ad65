"""What becomes of a capture: read once, behind the answer, by pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from proxy.journal.base import Exchange
from proxy.metric_families import CaptureOutcome
from proxy.openai import codings
from proxy.openai.answers import terminal_event_passed
from proxy.openai.requests import read_request
from proxy.openai.surfaces import azure_deployment
from proxy.relay.headers import (
    ACCESS_KEY,
    SESSION,
    SHADOW,
    TAGS,
)
from proxy.relay.routing import CompiledRoute
from proxy.relay.sampling import Asked, request_unit, unit_of
from proxy.relay.tee import Tee

_MOST_TAGS = 16
_LONGEST_TAG = 128
_LONGEST_SESSION = 256


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a route matched, with the teacher's answer as far as it came, not read yet."""

    id: str
    route: CompiledRoute
    surface: str
    path: str
    api_version: str  # of the query, which may hold credentials, what Azure goes by
    headers: dict[str, str]  # of the client's, those that the route's segments and its sample name
    noted: dict[bytes, bytes]  # those that the relay itself reads
    model: str | None  # that is asked for, where the relay had to know it
    client: str  # its address
    tee: Tee
    status: int
    content_type: str
    content_encoding: str
    arrived_at: float
    ended_at: float
    ttft: float | None
    duration: float
    cut: Literal["client", "upstream"] | None = None  # who left before the answer's end
    decoded_limit: int


class CaptureReading(msgspec.Struct, frozen=True):
    """What becomes of a capture, and the exchange where it is to be journaled."""

    outcome: CaptureOutcome
    reason: str = ""
    exchange: Exchange | None = None
    probability: float = 1.0  # with which what was lost would have been sampled


def loss(outcome: CaptureOutcome, exchange_id: str, probability: float) -> CaptureReading:
    """How a lost capture counts: one that the sample would not have held is no loss, so losses are a sample too."""
    if not request_unit(exchange_id).drawn(probability):
        return CaptureReading("sampled_out")
    return CaptureReading(outcome, probability=probability)


def lost_capture(outcome: CaptureOutcome, captured: Captured) -> CaptureReading:
    """The same of one that was whole."""
    probability = probability_unread(captured.route, captured.noted, captured.headers, captured.model)
    return loss(outcome, captured.id, probability)


def probability_unread(
    route: CompiledRoute, noted: Mapping[bytes, bytes], headers: Mapping[str, str], model: str | None
) -> float:
    """With which a request is sampled, as far as that can be told without its body.  ``model`` None: not known."""
    return _probability(route, noted, Asked(headers, parse_tags(_noted(noted, TAGS)), model, model is not None))


def _probability(route: CompiledRoute, noted: Mapping[bytes, bytes], asked: Asked) -> float:
    return 1.0 if _noted(noted, SHADOW).lower() == "on" else route.shares.of(asked)


def read_capture(captured: Captured) -> CaptureReading:
    """Read a capture: was it whole, may it be shadowed, is it in the sample; credentials out.  Not for event loops."""
    if captured.content_encoding and not codings.is_known(captured.content_encoding):
        return CaptureReading("not_shadowable", "unknown_coding")
    if captured.cut is not None and not _was_whole(captured):
        return CaptureReading("client_gone" if captured.cut == "client" else "teacher_error")
    body = b"".join(captured.tee.request)
    noted = captured.noted
    coding = _noted(noted, b"content-encoding")
    try:
        decoded = codings.decode(body, coding, captured.decoded_limit) if coding else body
    except codings.CodingError as error:
        return CaptureReading(
            "not_shadowable", "unknown_coding" if error.reason == "unknown_coding" else "unreadable_coding"
        )
    reading = read_request(captured.surface, decoded)
    if reading.not_shadowable is not None:
        return CaptureReading("not_shadowable", reading.not_shadowable)
    session = _noted(noted, SESSION)[:_LONGEST_SESSION] or None
    unit = unit_of(
        captured.id,
        later_turn=reading.turn != "first",
        session=session,
        conversation_key=reading.conversation_key,
    )
    tags = parse_tags(_noted(noted, TAGS))
    deployment = azure_deployment(captured.path)
    probability = _probability(captured.route, noted, Asked(captured.headers, tags, deployment or reading.model))
    if not unit.drawn(probability):
        return CaptureReading("sampled_out")
    exchange = Exchange(
        id=captured.id,
        route=captured.route.name,
        surface=captured.surface,
        path=captured.path,
        api_version=captured.api_version,
        arrived_at=captured.arrived_at,
        captured_at=captured.ended_at,
        request=reading.clean,
        status=captured.status,
        response=b"".join(captured.tee.response),
        content_type=captured.content_type,
        content_encoding=captured.content_encoding,
        streamed=reading.stream or is_event_stream(captured.content_type),
        ttft=captured.ttft,
        duration=captured.duration,
        model=reading.model or deployment,
        headers={name: value for name, value in captured.headers.items() if name in captured.route.segment_headers},
        tags=tags,
        session=session,
        unit=unit.hash,
        unit_kind=unit.kind,
        repeat_key=_repeat_key(captured, body),
        probability=probability,
    )
    return CaptureReading("journaled", exchange=exchange)


def _noted(noted: Mapping[bytes, bytes], name: bytes) -> str:
    return noted.get(name, b"").decode("latin-1").strip()


def is_event_stream(content_type: str) -> bool:
    """Whether an answer's content type says that it is streamed."""
    return content_type[:17].lower() == "text/event-stream"


def parse_tags(value: str) -> dict[str, str]:
    """``tenant=acme,tier=gold`` by key; what is no such pair, or too long, or too many, is left out."""
    if not value:
        return {}
    tags: dict[str, str] = {}
    for item in value.split(","):
        key, found, text = (part.strip() for part in item.partition("="))
        if key and found and text and max(len(key), len(text)) <= _LONGEST_TAG and len(tags) < _MOST_TAGS:
            tags[key] = text
    return tags


def _was_whole(captured: Captured) -> bool:
    try:
        body = codings.decode(
            b"".join(captured.tee.response), captured.content_encoding, captured.decoded_limit, partial=True
        )
    except codings.CodingError:
        return False
    return terminal_event_passed(captured.surface, captured.content_type, body)


def _repeat_key(captured: Captured, body: bytes) -> str:
    """The same for the same body from one client, told by its credential, else by its address."""
    noted = captured.noted
    keys = (noted[name] for name in (b"authorization", b"api-key", b"x-api-key", ACCESS_KEY) if name in noted)
    who = next(keys, captured.client.encode())
    digest = hashlib.sha256(hashlib.sha256(who).digest())
    digest.update(captured.path.encode("latin-1"))
    digest.update(body)
    return digest.hexdigest()[:32]
