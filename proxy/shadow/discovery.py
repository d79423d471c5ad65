"""Finding a student's model where none is configured: the only one that its ``/models`` lists."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from proxy.openai import json_text
from proxy.shadow.asking import HttpAnswer
from proxy.shadow.failures import MISCONFIGURED, StudentFailure, failure_of

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
MOST_NAMED = 10  # models that a message names

AskModels = Callable[[], Awaitable[HttpAnswer | StudentFailure]]


class ModelDiscovery:
    """Asks once and remembers; after a failure it asks again, but not at once."""

    def __init__(self, ask: AskModels, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: str | StudentFailure | None = None
        self._again_at = 0.0
        self._wait = FIRST_WAIT

    async def model(self) -> str | StudentFailure:
        """The model's name, or why it is not known."""
        async with self._lock:
            if self._found is None or (isinstance(self._found, StudentFailure) and self._clock() >= self._again_at):
                answer = await self._ask()
                self._remember(answer if isinstance(answer, StudentFailure) else only_model(answer))
            assert self._found is not None  # noqa: S101 -- for the type checker: remembered just now
            return self._found

    def forget(self, model: str) -> None:
        """The student does not know this model any more."""
        if self._found == model:
            self._found = None

    def _remember(self, found: str | StudentFailure) -> None:
        self._found = found
        if isinstance(found, StudentFailure):
            self._again_at = self._clock() + self._wait
            self._wait = min(LONGEST_WAIT, self._wait * 2)
        else:
            self._wait = FIRST_WAIT


def only_model(answer: HttpAnswer) -> str | StudentFailure:
    """The one model that a response to ``GET /models`` lists, or what is wrong with it."""
    if not answer.successful:
        failure = failure_of(answer.status, answer.body)
        if failure.means == MISCONFIGURED:
            return _no_model(f"its /models answers {answer.status}; set `model`", answer.status)
        return failure
    names = _listed(answer.body)
    if len(names) == 1:
        return names[0]
    if not names:
        return _no_model("its /models lists no model; set `model`", answer.status)
    offered = ", ".join(name[:80] for name in names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    return _no_model(f"it offers {offered}; set `model` to one of them", answer.status)


def _listed(body: bytes) -> list[str]:
    try:
        decoded = json_text.decode(body)
    except json_text.NotJSONError:
        return []
    data = decoded.get("data") if isinstance(decoded, dict) else None
    rows = data if isinstance(data, list) else []
    return sorted({row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)})


def _no_model(message: str, status: int) -> StudentFailure:
    return StudentFailure(means=MISCONFIGURED, kind="no_model", message=message, status=status)
