"""Blocks for tests: agreement as told, exactly or drawn."""

from __future__ import annotations

import itertools

import numpy as np

from proxy.analysis.blocks import BLOCK_SECONDS, Blocks

BEGIN = 1_800_000  # block; any


def exactly(*stretches: tuple[int, int, float], begin: int = BEGIN, probability: float = 1.0) -> Blocks:
    """Stretches of (blocks, units in each, agreement), the disagreements spread as evenly as can be."""
    units = np.concatenate([np.full(blocks, of) for blocks, of, _ in stretches])
    agreement = np.repeat([rate for *_, rate in stretches], [blocks for blocks, *_ in stretches])
    agreed = np.diff(np.floor(np.cumsum(units * agreement) + 1e-6), prepend=0.0)
    return of_counts(agreed, units - agreed, begin=begin, probability=probability)


def drawn(rates, units, seed: int, *, begin: int = BEGIN, probability: float = 1.0) -> Blocks:
    """Units by chance, with these agreements and this mean number in each block."""
    random = np.random.default_rng(seed)
    came = random.poisson(units, np.size(rates))
    agreed = random.binomial(came, rates)
    return of_counts(agreed, came - agreed, begin=begin, probability=probability)


def of_counts(agreed, disagreed, *, begin: int = BEGIN, probability: float = 1.0) -> Blocks:
    blocks = np.arange(begin, begin + np.size(agreed))
    return Blocks.of(
        np.tile(blocks, 2) * BLOCK_SECONDS,
        np.full(2 * blocks.size, probability),
        np.repeat([1.0, 0.0], blocks.size),
        np.concatenate([agreed, disagreed]),
        begin=begin * BLOCK_SECONDS,
        end=(begin + blocks.size) * BLOCK_SECONDS,
    )


def in_parts(blocks: Blocks, cuts) -> list[Blocks]:
    """The same blocks, cut at these."""
    edges = [blocks.begin, *sorted({blocks.begin + cut for cut in cuts}), blocks.end]
    return [blocks.between(begin, end) for begin, end in itertools.pairwise(edges)]
