"""What may be said of a pair in the search for weak spots: a segment's value, a cluster of its prompt, a word in it.

Clusters find topics that no single word tells, words find those that clusters cut in two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from proxy.analysis.clusters import NO_CLUSTER, Clusters, words_of
from proxy.analysis.sample import BoolArray, Half, IntArray

MOST_VALUES = 300  # of segments; the most frequent ones
MOST_WORDS = 300
WORD_SHARE = 0.05  # words of more prompts than that tell no topic
SHORTEST_WORD = 3

Condition = tuple[str, str] | int | str  # a segment and its value, the number of a cluster, a word


def conditions_of(half: Half, clusters: Clusters) -> list[list[Condition]]:
    """All conditions that hold of each pair."""
    memberships = clusters.of([pair.text for pair in half.pairs]).tolist()
    return [
        [*pair.segments.items(), *(number for number in both if number != NO_CLUSTER), *{*words_of(pair.text)}]
        for pair, both in zip(half.pairs, memberships, strict=True)
    ]


def worth_searching(half: Half, conditions: Sequence[Sequence[Condition]], least_units: int) -> list[Condition]:
    """Those that so many units have, and not all; a bounded number, in a fixed order."""
    units: Counter[Condition] = Counter()
    for those, share in zip(conditions, half.unit_shares.tolist(), strict=True):
        for condition in those:
            units[condition] += share
    total = half.unit_shares.sum()
    enough = {condition: n for condition, n in units.items() if least_units <= n < total - 0.5}
    clusters = sorted(condition for condition in enough if isinstance(condition, int))
    values = [condition for condition in enough if isinstance(condition, tuple)]
    words = [
        word
        for word, n in enough.items()
        if isinstance(word, str) and len(word) >= SHORTEST_WORD and n <= WORD_SHARE * total
    ]
    values.sort(key=lambda value: (-enough[value], value))
    words.sort(key=lambda word: (-enough[word], word))
    return [*values[:MOST_VALUES], *clusters, *words[:MOST_WORDS]]


def groups_of(chosen: Sequence[Condition]) -> IntArray:
    """Those of the same number are never put together: values of one key, and all that is said of prompts."""
    keys = [condition[0] if isinstance(condition, tuple) else None for condition in chosen]
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], dtype=np.int64)


def holding(conditions: Sequence[Sequence[Condition]], chosen: Sequence[Condition]) -> BoolArray:
    """Which of the chosen conditions hold of each pair: pairs by chosen."""
    column = {condition: place for place, condition in enumerate(chosen)}
    holds = np.zeros((len(conditions), len(chosen)), dtype=bool)
    for row, those in enumerate(conditions):
        holds[row, [column[condition] for condition in those if condition in column]] = True
    return holds
