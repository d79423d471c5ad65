"""What a route's comparators say of a pair."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from comparators.base import Answer, Comparator, Request, Score
from comparators.checking import checked
from comparators.kinds import KINDS
from comparators.nesting.using import asks_others
from comparators.running import ProcessDiedError, Runner, SurfaceNotSupportedError
from proxy.store.records import ScoreRecord

TOOK_TOO_LONG = "TookTooLong"
# What went wrong, in understudy_comparator_failures_total; of other exceptions it is the type's name.
_FAILURES: dict[type[BaseException], str] = {
    SurfaceNotSupportedError: "SurfaceNotSupported",
    TimeoutError: TOOK_TOO_LONG,
    ProcessDiedError: "ProcessDied",
}


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparators said.  ``agree`` is the first one's word, None where it failed."""

    scores: dict[str, ScoreRecord]
    agree: bool | None
    failed: dict[str, str]  # comparator label: the exception's type, or what else was wrong


async def score_pair(
    comparators: Sequence[tuple[str, Comparator]],
    request: Request,
    teacher: Answer,
    student: Answer,
    *,
    redact: Callable[[Any], Any],
    runner: Runner,
    choices: int = 1,
    others: Sequence[Answer | None] = (),
) -> Scored:
    """Every comparator's score by label; those that fail, take too long or do not know the surface are left out.

    Args:
        comparators: By label; the first decides.
        request: What was asked.
        teacher: Its answer.
        student: Its answer.
        redact: What takes out of details what is not to be stored.
        runner: Where comparators run.
        choices: How many the student gave (``n``).
        others: Those beside ``student`` whose spread the deciding score's detail is to show; None: one not usable.
    """

    async def say(comparator: Comparator) -> ScoreRecord | str:
        try:
            return _record(await runner.run(comparator, request, teacher, student), redact)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 -- a plugin may raise anything, SystemExit too
            return failure_name(error)

    said = await asyncio.gather(*(say(comparator) for _, comparator in comparators))
    words = dict(zip((label for label, _ in comparators), said, strict=True))
    scores = {label: word for label, word in words.items() if not isinstance(word, str)}
    label, comparator = comparators[0]
    deciding = scores.get(label)
    if others and deciding is not None and not asks_others(comparator):
        spread = await _spread(functools.partial(runner.run, comparator, request, teacher), choices, others)
        scores[label] = deciding = _with_others(deciding, spread)
    return Scored(
        scores=scores,
        agree=None if deciding is None else deciding.agree,
        failed={label: word for label, word in words.items() if isinstance(word, str)},
    )


async def _spread(
    compare: Callable[[Answer], Awaitable[Score]], choices: int, others: Sequence[Answer | None]
) -> dict[str, int]:
    """How many of the student's other choices agree with the teacher's answer. The first that fails is the last."""
    compared = agree = 0
    for other in others:
        if other is not None:
            try:
                agree += bool((await compare(other)).agree)
            except asyncio.CancelledError:
                raise
            except BaseException:  # noqa: BLE001 -- a plugin may raise anything; the pair has its score already
                break
        compared += 1
    not_compared = choices - 1 - compared
    return {"choices": choices - 1, "agree": agree, **({"not_compared": not_compared} if not_compared else {})}


def _with_others(score: ScoreRecord, spread: dict[str, int]) -> ScoreRecord:
    detail = (
        score.detail if isinstance(score.detail, dict) else {} if score.detail is None else {"detail": score.detail}
    )
    return msgspec.structs.replace(score, detail={**detail, "others": spread})


def failure_name(error: BaseException) -> str:
    """What went wrong, in understudy_comparator_failures_total."""
    return _FAILURES.get(type(error), type(error).__name__)


def zero_scores(comparators: Sequence[tuple[str, Comparator]], kind: str) -> dict[str, ScoreRecord]:
    """What an answer that cannot be used scores: nothing, by every comparator.

    ``kind`` says why; what is no kind of disagreement (``not_json``, …) is a ``student_error``.
    """
    kinds = (kind if kind in KINDS else "student_error",)
    return {label: ScoreRecord(score=0.0, agree=False, kinds=kinds) for label, _ in comparators}


def _record(score: Score, redact: Callable[[Any], Any]) -> ScoreRecord:
    valid = checked(score)
    return ScoreRecord(score=valid.score, agree=valid.agree, kinds=valid.kinds, detail=redact(valid.detail))
