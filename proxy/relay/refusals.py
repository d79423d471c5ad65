"""The relay's own errors, in the shape of OpenAI's."""

from __future__ import annotations

import msgspec

from proxy.openai.errors import error_body


class Refusal(msgspec.Struct, frozen=True):
    """An answer that is ours, not the teacher's."""

    status: int
    body: bytes


def _refusal(status: int, kind: str, code: str, message: str) -> Refusal:
    return Refusal(status, error_body(message, type=kind, code=code))


TEACHER_UNREACHABLE = _refusal(
    502, "upstream_error", "teacher_unreachable", "The upstream model server could not be reached."
)
TEACHER_TIMEOUT = _refusal(
    504, "upstream_error", "teacher_timeout", "The upstream model server did not answer in time."
)
BODY_TOO_LARGE = _refusal(
    413,
    "invalid_request_error",
    "body_too_large",
    "The request body is larger than `limits.body` of this proxy allows where it must be read.",
)
INVALID_HTTP = _refusal(400, "invalid_request_error", "invalid_http", "What came is no HTTP/1.1 request.")
HEADERS_TOO_LARGE = _refusal(431, "invalid_request_error", "headers_too_large", "The request's headers are too large.")
INVALID_API_KEY = _refusal(
    401,
    "invalid_request_error",
    "invalid_api_key",
    "A valid access key of this proxy is needed, in the header `x-understudy-key`.",
)
PROBE_PATH = "/understudy/readiness"  # asked for by our own probe, as a WebSocket, and not counted
WEBSOCKET_NOT_SUPPORTED = _refusal(
    501, "invalid_request_error", "websocket_not_supported", "This proxy does not relay WebSockets."
)
NO_TEACHER = _refusal(
    404,
    "invalid_request_error",
    "no_route",
    "No route of this proxy matches the request, and it has no default teacher.",
)
INTERNAL_ERROR = _refusal(500, "server_error", "internal_error", "The proxy failed.")
