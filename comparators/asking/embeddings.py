"""Texts to vectors by an OpenAI-compatible embeddings endpoint: remembered by text, several texts in one request."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from comparators.asking.budget import Budget, Price
from comparators.asking.cache import Cache
from comparators.asking.client import Endpoint, EndpointAnswerError, EndpointRefusedError
from comparators.asking.options import AskingOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

_MOST_TEXTS = 64  # in one request
_LONGEST_ANSWER = 2**25  # bytes: so many vectors of some thousand dimensions, written as numbers
_BYTES_PER_TOKEN = 4


class _AbandonedError(Exception):
    """Who had sent the request went away before there was an answer."""


@dataclass(eq=False)
class _Waiting:
    text: str
    vector: asyncio.Future[Vector]


@dataclass(frozen=True)
class _Lane:
    """What belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    places: asyncio.Semaphore
    queue: list[_Waiting] = field(default_factory=list)


class Embedder:
    """Vectors of length 1 for texts. Those that wait for a place at the endpoint are sent together."""

    def __init__(self, options: AskingOptions) -> None:
        self._options = options
        self._endpoint = Endpoint(
            options.url,
            api_key=options.api_key,
            concurrency=options.concurrency,
            timeout=options.timeout,
            longest_answer=_LONGEST_ANSWER,
        )
        self.budget: Budget = options.new_budget()
        self._cache: Cache[Vector] = Cache(options.cache)
        self._price: Price | None = None
        self._lane: _Lane | None = None

    async def close(self) -> None:
        await self._endpoint.close()

    async def vector(self, text: str) -> Vector:
        """The text's vector; the endpoint must take a text of this length. Raises an AskingError."""
        key = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        return await self._cache.get(key, lambda: self._asked(text))

    async def _asked(self, text: str) -> Vector:
        while True:
            try:
                return await self._sent_along(text)
            except _AbandonedError:
                continue

    async def _sent_along(self, text: str) -> Vector:
        """Wait for a place, then send what waits by then, unless somebody who had one took this text along."""
        lane = self._lane_here()
        waiting = _Waiting(text, lane.loop.create_future())
        lane.queue.append(waiting)
        try:
            await asyncio.sleep(0)  # who asks at the same time queues first
            async with lane.places:
                while waiting in lane.queue:
                    batch, lane.queue[:] = lane.queue[:_MOST_TEXTS], lane.queue[_MOST_TEXTS:]
                    await self._send(batch)
            return await waiting.vector
        finally:
            if waiting in lane.queue:
                lane.queue.remove(waiting)
            waiting.vector.cancel()

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        """Ask, and give each its vector or what went wrong. One that is refused takes no other with it."""
        try:
            try:
                vectors = await self._post([waiting.text for waiting in batch])
            except EndpointRefusedError:
                if len(batch) == 1:
                    raise
                for waiting in batch:
                    await self._send([waiting])
                return
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who asked
            _settle(batch, error)
        except BaseException:
            _settle(batch, _AbandonedError())
            raise
        else:
            for waiting, vector in zip(batch, vectors, strict=True):
                if not waiting.vector.done():
                    waiting.vector.set_result(vector)

    async def _post(self, texts: Sequence[str]) -> list[Vector]:
        price = self._price = self._price or self._options.known_price()
        tokens = sum(len(text.encode("utf-8", "replace")) for text in texts) // _BYTES_PER_TOKEN
        async with self.budget.question(price.cost(tokens, 0)) as bill:
            body = {"model": self._options.model, "input": list(texts)}
            answer = await self._endpoint.post("embeddings", body, took=bill.took)
            used = _tokens(answer)
            if used is not None:
                bill.charge(price, used)
        return _vectors(answer, len(texts))

    def _lane_here(self) -> _Lane:
        loop = asyncio.get_running_loop()
        if self._lane is None or self._lane.loop is not loop:
            self._lane = _Lane(loop, asyncio.Semaphore(self._options.concurrency))
        return self._lane


def _settle(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.vector.done():
            waiting.vector.set_exception(error)
            waiting.vector.exception()  # who waited may be gone


def _tokens(answer: Any) -> int | None:
    """Tokens read, where the endpoint tells."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    read = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return read if type(read) is int and read >= 0 else None


def _vectors(answer: Any, count: int) -> list[Vector]:
    """One vector of length 1 for each text, in their order. Raises EndpointAnswerError."""
    import numpy as np

    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data) or len(data) != count:
        raise EndpointAnswerError("the answer does not hold one embedding for each text")
    places = [entry.get("index", place) for place, entry in enumerate(data)]
    if not all(type(place) is int for place in places) or sorted(places) != list(range(count)):
        raise EndpointAnswerError("the answer's embeddings are not numbered by their texts")
    vectors: list[Vector] = [np.empty(0, np.float32)] * count
    for place, entry in zip(places, data, strict=True):
        numbers = entry.get("embedding")
        if not isinstance(numbers, list) or not all(_is_number(number) for number in numbers):
            raise EndpointAnswerError("an embedding in the answer is no list of numbers")
        vector = np.array(numbers, dtype=np.float64)
        length = np.linalg.norm(vector)
        if not (0 < length < math.inf):
            raise EndpointAnswerError("an embedding in the answer has no direction")
        vectors[place] = (vector / length).astype(np.float32)
    return vectors


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e150  # noqa: PLR2004 - squares fit
