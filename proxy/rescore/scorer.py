"""Scoring many stored pairs, on all cores.

Pairs go by chunks to processes that may be killed, and there every comparator is called at once: the light ones cost
microseconds, which a process of their own for each pair would not be worth.  Where a chunk takes too long or takes its
process down, each of its scores is made again by itself, so that the one that hangs or crashes costs itself alone.
Comparators that ask other machines wait more than they compute: they stay here, with their caches, limits and budgets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from comparators.base import Comparator
from comparators.nesting.using import asks_others
from comparators.running import InPlace, Runner, made_of, recipe_of
from proxy.rescore.again import Comparison, Definition
from proxy.shadow.scoring import Scored, failure_name, score_pair

CHUNK_SECONDS = 60.0
_Recipes = tuple[tuple[str, bytes], ...]


class Scorer:
    """Scores by one definition of agreement; ``runner`` says how many processes, and how long one score may take."""

    def __init__(self, definition: Definition, runner: Runner, *, chunk_seconds: float = CHUNK_SECONDS) -> None:
        self._comparators = tuple(definition.comparators)
        self._runner = runner
        self._chunk_seconds = chunk_seconds
        self._stays_here = any(asks_others(each) for _, each in self._comparators)

    async def score(self, comparisons: Sequence[Comparison]) -> list[Scored]:
        """What the comparators say of each."""
        if self._stays_here:
            return await _score_all(self._comparators, comparisons, self._runner)
        recipes = tuple((label, recipe_of(each)) for label, each in self._comparators)
        try:
            return await self._runner.apart(_score_in_place, recipes, comparisons, seconds=self._chunk_seconds)
        except Exception:  # noqa: BLE001 -- whatever it was, it is one score's
            return await asyncio.gather(*(self._one_by_one(recipes, each) for each in comparisons))

    async def _one_by_one(self, recipes: _Recipes, comparison: Comparison) -> Scored:
        said = await asyncio.gather(*(self._by_itself(recipe, comparison) for recipe in recipes))
        return Scored(
            scores={label: score for each in said for label, score in each.scores.items()},
            agree=said[0].agree,
            failed={label: error for each in said for label, error in each.failed.items()},
        )

    async def _by_itself(self, recipe: tuple[str, bytes], comparison: Comparison) -> Scored:
        try:
            [scored] = await self._runner.apart(_score_in_place, (recipe,), [comparison])
        except Exception as error:  # noqa: BLE001 -- a plugin may raise anything, already when it is made
            return Scored(scores={}, agree=None, failed={recipe[0]: failure_name(error)})
        return scored


def _score_in_place(recipes: _Recipes, comparisons: Sequence[Comparison]) -> list[Scored]:
    comparators = [(label, made_of(recipe)) for label, recipe in recipes]
    return asyncio.run(_score_all(comparators, comparisons, InPlace()))


async def _score_all(
    comparators: Sequence[tuple[str, Comparator]], comparisons: Sequence[Comparison], runner: Runner
) -> list[Scored]:
    scores = (
        score_pair(comparators, each.request, each.teacher, each.student, redact=_nothing, runner=runner)
        for each in comparisons
    )
    return await asyncio.gather(*scores)


def _nothing(_: Any) -> None:
    """Details of scores are text, and not kept."""
