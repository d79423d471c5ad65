"""Asking a judge of scripted endpoints, for its tests."""

import asyncio

from comparators.base import Answer, Request
from comparators.registry import build

REQUEST = Request(
    surface="chat/completions",
    body={"model": "gpt-4o", "user": "u-17", "messages": [{"role": "user", "content": "Where is my parcel?"}]},
)
GOOD, BAD = "The right answer.", "The wrong answer."


def judge(url, **options):
    return build("judge", {"url": url, "model": "judge-1", **options})


async def no_other(*_):
    raise AssertionError("a judge uses no other comparator")


def ask(comparator, *pairs, request=REQUEST):
    """The scores of pairs of texts or answers, asked all at once; errors stand in their places."""

    async def asked():
        try:
            return await asyncio.gather(
                *(comparator.ask(request, _answer(teacher), _answer(student), no_other) for teacher, student in pairs),
                return_exceptions=True,
            )
        finally:
            await comparator.close()

    return asyncio.run(asked())


def _answer(side):
    return side if isinstance(side, Answer) else Answer(content=side)


def ask_one(comparator, teacher, student, **more):
    [said] = ask(comparator, (teacher, student), **more)
    if isinstance(said, Exception):
        raise said
    return said
