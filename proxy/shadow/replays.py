"""Asking the teacher a second time: how often it agrees with itself is what a student can be asked for at most."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from proxy.config.model import Budget, Route, Student, StudentPrice
from proxy.openai import requests
from proxy.openai.student import DROPPED_FROM_REPLAYS
from proxy.openai.surfaces import azure_deployment, upstream_path
from proxy.shadow.asking import headers_for
from proxy.shadow.failures import StudentFailure
from proxy.shadow.students import Question, StudentClient
from proxy.store.records import TEACHER_REPLAY

_SALT = b"understudy.replay.1\0"  # another than that of the sample: replays are a sample of their own
_WHOLE = 2**64


def is_replayed(unit: str, share: float) -> bool:
    """Whether the teacher is asked again about the exchanges of a unit: always alike, on every worker."""
    digest = hashlib.sha256(_SALT + unit.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * _WHOLE


def replay_student(route: Route) -> Student | None:
    """The teacher as somebody who is asked as students are; None where it is not to be."""
    if route.noise_floor is None or route.teacher.replay_api_key is None:
        return None
    price = route.teacher.price
    return Student(
        name=TEACHER_REPLAY,
        version="1",  # that its answers name another model begins new evidence of the whole route
        url=route.teacher.url,
        api_key=route.teacher.replay_api_key,
        model=route.teacher.model,
        timeout=route.teacher.timeout,
        logprobs=any(student.logprobs for student in route.students),
        price=None if price is None else StudentPrice(**price.model_dump()),
        budget=Budget(usd_per_day=route.noise_floor.usd_per_day),
    )


class TeacherClient(StudentClient):
    """The teacher, asked what the client asked, where the client asked it, with a key of ours."""

    async def _model_for(self, question: Question) -> str | StudentFailure:
        asked = question.body.get("model")
        return self.student.model or (asked if isinstance(asked, str) else azure_deployment(question.path)) or ""

    def _url_for(self, question: Question) -> str:
        base = urlsplit(self._url)
        path, _, query = question.path.partition("?")
        prefix = quote(base.path.rstrip("/"), safe="/%")
        return urlunsplit((base.scheme, base.netloc, upstream_path(prefix, path), query, ""))

    def _headers(self, question: Question, *, stream: bool) -> dict[str, str]:
        headers = headers_for(self._api_key, stream=stream) | {"Cache-Control": "no-cache"}
        if azure_deployment(question.path) is not None:
            headers.pop("Authorization")
            headers["api-key"] = self._api_key or ""
        return headers

    def _payload(self, model: str, question: Question, *, stream: bool, logprobs: bool | None) -> dict[str, Any]:
        asked = requests.student_request(
            question.surface,
            question.body,
            model=model,
            put={},
            drop=(),
            stream=stream,
            logprobs=logprobs,
            always_dropped=DROPPED_FROM_REPLAYS,
        )
        if not model:
            asked.pop("model")
        return asked
