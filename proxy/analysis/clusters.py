"""Prompts that are about the same, told from their words alone: no model, nothing to download.

A prompt is a vector of hashed words and pairs of words, weighted by how rare they are (tf-idf), of length 1.  Vectors
are put together by spherical k-means (Dhillon and Modha, 2001), begun as k-means++ (Arthur and Vassilvitskii, 2007),
on the sparse vectors themselves.  The clusters' centres are put together once more, into wider ones.
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from proxy.analysis.bounds import FloatArray
from proxy.analysis.sample import IntArray

READ_CHARACTERS = 250  # of a prompt's beginning, and as many of its end
LEARNT_CHARACTERS = 2_000_000  # of all prompts, drawn by chance: more takes long and tells no more
DIMENSIONS = 2**14
PAIR_WEIGHT = 0.5  # of two words in a row, to a word's
ITERATIONS = 12
TEXTS_A_CLUSTER, MOST_CLUSTERS = 60, 160
TEXTS_A_WIDER_CLUSTER = 250
NO_CLUSTER = -1

NAME_WORDS = 3
NAMING_TEXTS = 5  # words that fewer have could tell who somebody is
NAMING_SHARE = 0.1  # of the cluster's texts
NAMING_SCORE = 0.25  # of the most telling word's
LONGEST_WORD = 24  # what is longer is none

# Letters; one by one in the scripts that put no spaces between words.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W\d_])+")


@dataclass(frozen=True, eq=False, slots=True)
class Clusters:
    """The finer clusters, numbered from 0, and the wider ones, numbered on from there."""

    rarity: FloatArray  # by dimension
    centres: FloatArray  # of the finer ones, by dimension
    wider: IntArray  # for each finer one: the wider one that it is in
    terms: tuple[tuple[str, ...], ...]  # of each cluster: its most telling words, perhaps none

    def of(self, texts: Sequence[str]) -> IntArray:
        """The finer and the wider cluster of each text, n by 2; ``NO_CLUSTER`` for one without a known word."""
        return _memberships(_vectors(_hashed(texts), self.rarity), self.centres, self.wider)


def cluster(texts: Sequence[str], *, seed: int) -> Clusters:
    """Clusters of these texts, each of which is of another unit; none where there are too few."""
    random = np.random.default_rng(seed)
    learnt = _drawn(texts, random)
    hashed = _hashed(learnt)
    having = np.bincount(hashed.indices, minlength=DIMENSIONS)
    # What a single text has puts nothing together.
    rarity = np.where(having > 1, np.log(max(1, len(learnt)) / np.maximum(having, 1)), 0.0)
    vectors = _vectors(hashed, rarity)
    telling = vectors[np.diff(vectors.indptr) > 0]
    count = telling.shape[0] * len(texts) // max(1, len(learnt))
    centres = _k_means(telling, min(count // TEXTS_A_CLUSTER, MOST_CLUSTERS), random)
    wider_centres = _k_means(centres, min(count // TEXTS_A_WIDER_CLUSTER, centres.shape[0] // 2), random)
    if wider_centres.size:
        wider = centres.shape[0] + (centres @ wider_centres.T).argmax(axis=1)
    else:
        wider = np.full(centres.shape[0], NO_CLUSTER)
    return Clusters(rarity, centres, wider, _telling_terms(learnt, _memberships(vectors, centres, wider)))


def _drawn(texts: Sequence[str], random: np.random.Generator) -> list[str]:
    """As many as may be learnt from, in their order."""
    order = random.permutation(len(texts))
    sizes = np.array([min(len(text), 2 * READ_CHARACTERS) for text in texts], dtype=np.int64)
    return [texts[place] for place in sorted(order[sizes[order].cumsum() <= LEARNT_CHARACTERS].tolist())]


def _memberships(vectors: Any, centres: FloatArray, wider: IntArray) -> IntArray:
    if not wider.size:
        return np.full((vectors.shape[0], 2), NO_CLUSTER)
    nearest = np.asarray(vectors @ centres.T).argmax(axis=1)
    known = np.diff(vectors.indptr) > 0
    return np.where(known[:, None], np.column_stack([nearest, wider[nearest]]), NO_CLUSTER)


def _k_means(vectors: Any, number: int, random: np.random.Generator) -> FloatArray:
    """At most so many centres of length 1, of a dense or sparse matrix whose rows have length 1."""
    from scipy.sparse import csr_array

    count = vectors.shape[0]
    if number < 2:  # noqa: PLR2004 - one cluster is none
        return np.zeros((0, DIMENSIONS))
    centres = _first_centres(vectors, number, random)
    for _ in range(ITERATIONS):
        nearest = np.asarray(vectors @ centres.T).argmax(axis=1)
        members = csr_array((np.ones(count), (nearest, np.arange(count))), shape=(centres.shape[0], count))
        summed = _dense(members @ vectors)
        length = np.linalg.norm(summed, axis=1, keepdims=True)
        centres = np.where(length > 0, summed / np.where(length > 0, length, 1), centres)
    return centres


def _first_centres(vectors: Any, number: int, random: np.random.Generator) -> FloatArray:
    """Rows, each drawn with a chance that goes by how far it is from those drawn before."""
    distance = np.full(vectors.shape[0], 1.0)
    drawn: list[FloatArray] = []
    while len(drawn) < number and distance.sum() > 1e-9:  # noqa: PLR2004
        row = random.choice(distance.size, p=distance / distance.sum())
        drawn.append(_dense(vectors[[row]])[0])
        distance = np.minimum(distance, np.clip(1 - np.asarray(vectors @ drawn[-1]), 0, None))
        distance[row] = 0
    return np.array(drawn)


def _dense(matrix: Any) -> FloatArray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _hashed(texts: Sequence[str]) -> Any:
    """How much each text has of each dimension: a sparse matrix, n by ``DIMENSIONS``."""
    from scipy.sparse import csr_array

    dimension: dict[str, int] = {}
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for text in texts:
        row: dict[int, float] = {}
        for term, times in Counter(_terms(text)).items():
            if term not in dimension:
                dimension[term] = zlib.crc32(term.encode()) % DIMENSIONS
            weight = (PAIR_WEIGHT if " " in term else 1.0) * (1 + math.log(times))
            row[dimension[term]] = row.get(dimension[term], 0.0) + weight
        columns.extend(row)
        values.extend(row.values())
        ends.append(len(columns))
    return csr_array((np.array(values), np.array(columns, dtype=np.int64), ends), shape=(len(texts), DIMENSIONS))


def _vectors(hashed: Any, rarity: FloatArray) -> Any:
    """Weighted by rarity, of length 1; a row of nothing known is empty."""
    vectors = hashed.copy()
    vectors.data = vectors.data * rarity[vectors.indices]
    vectors.eliminate_zeros()
    length = np.sqrt(vectors.power(2).sum(axis=1))
    vectors.data = vectors.data / np.repeat(length, np.diff(vectors.indptr))
    return vectors


def words_of(text: str) -> list[str]:
    """The words of a prompt, in their order, as far as it is read: letters alone, in lower case."""
    read = text if len(text) <= 2 * READ_CHARACTERS else f"{text[:READ_CHARACTERS]} {text[-READ_CHARACTERS:]}"
    return [word for word in _WORD.findall(read.casefold()) if len(word) <= LONGEST_WORD]


def _terms(text: str) -> Iterator[str]:
    """Words, and pairs of words in a row with a space between them."""
    words = words_of(text)
    yield from words
    yield from map(" ".join, itertools.pairwise(words))


def _telling_terms(texts: Sequence[str], memberships: IntArray) -> tuple[tuple[str, ...], ...]:
    """For each cluster the terms that it has far more of than all texts, up to three words together."""
    everywhere: Counter[str] = Counter()
    inside: dict[int, Counter[str]] = {number: Counter() for number in range(int(memberships.max(initial=-1)) + 1)}
    sizes = Counter(memberships.ravel().tolist())
    for text, both in zip(texts, memberships.tolist(), strict=True):
        terms = {*_terms(text)}
        everywhere.update(terms)
        for number in both:
            if number != NO_CLUSTER:
                inside[number].update(terms)
    return tuple(
        _chosen(
            {
                term: times * math.log(times / sizes[number] * len(texts) / everywhere[term])
                for term, times in counts.items()
                if times >= max(NAMING_TEXTS, NAMING_SHARE * sizes[number]) and len(term) > 1
            }
        )
        for number, counts in inside.items()
    )


def _chosen(scores: dict[str, float]) -> tuple[str, ...]:
    chosen: list[str] = []
    words: list[str] = []
    least = NAMING_SCORE * max(scores.values(), default=0.0)
    for term in sorted(scores, key=lambda term: (-scores[term], term)):
        new = term.split(" ")
        if scores[term] >= least and len(words) + len(new) <= NAME_WORDS and not set(new) & set(words):
            chosen.append(term)
            words += new
    return tuple(chosen)
