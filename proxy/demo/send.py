"""The demonstration's application: sends messages to be labelled through the ``openai`` client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from proxy.demo.launch import TEACHER
from proxy.demo.task import INSTRUCTION, Message
from proxy.errors import UnderstudyError

_CONCURRENCY = 24


def send(url: str, messages: Sequence[Message], sent: Callable[[], None]) -> None:
    """Send them all, every second one streamed; ``sent`` is called after each.

    Raises:
        UnderstudyError: a request failed.
    """
    asyncio.run(_send_all(url, messages, sent))


async def _send_all(url: str, messages: Sequence[Message], sent: Callable[[], None]) -> None:
    import openai

    waiting = enumerate(messages)
    try:
        async with (
            # The environment's HTTP proxy is not for this machine's own addresses.
            openai.DefaultAsyncHttpxClient(trust_env=False) as http,
            openai.AsyncOpenAI(base_url=url, api_key="demo", max_retries=1, timeout=60, http_client=http) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(_CONCURRENCY):
                tasks.create_task(_send_waiting(client, waiting, sent))
    except* openai.OpenAIError as errors:
        first = errors.exceptions[0]
        code = getattr(first, "code", None) or getattr(first, "status_code", None) or "no answer"
        raise UnderstudyError(f"a request failed: {type(first).__name__} ({code})") from errors


async def _send_waiting(client: Any, waiting: Iterator[tuple[int, Message]], sent: Callable[[], None]) -> None:
    for index, message in waiting:
        prompt = [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": message.text}]
        if index % 2:
            stream = await client.chat.completions.create(model=TEACHER, messages=prompt, stream=True)
            async for _ in stream:
                pass
        else:
            await client.chat.completions.create(model=TEACHER, messages=prompt)
        sent()
