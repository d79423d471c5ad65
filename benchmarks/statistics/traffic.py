"""Drawn traffic in five-minute blocks, as many units in each as chance has it."""

from __future__ import annotations

import numpy as np

from proxy.analysis.blocks import BLOCK_SECONDS, DAY, WEEK, Blocks, FloatArray

PAIRS_PER_DAY = 3340
BEGIN = 2_976 * WEEK  # block: a Thursday's first


def breathing(days: float, *, level: float = 0.95, by_day: float = 0.0, by_week: float = 0.0) -> FloatArray:
    """Agreement by block: a swing of so much up and down each day, and so much less on two days of the week."""
    block = np.arange(round(days * DAY))
    weekend = np.where(block // DAY % 7 >= 5, -1.0, 0.0)
    swing: FloatArray = level + by_day * np.sin(2 * np.pi * block / DAY) + by_week * (weekend + 2 / 7)
    return swing


def dropped(agreement: FloatArray, at: float, by: float) -> FloatArray:
    """Lower by so much from a moment on, which may be within a block."""
    before = np.clip(at - np.arange(agreement.size), 0.0, 1.0)
    lower: FloatArray = agreement - by * (1 - before)
    return lower


def drawn(random: np.random.Generator, agreement: FloatArray, pairs_per_day: float = PAIRS_PER_DAY) -> Blocks:
    came = random.poisson(pairs_per_day / DAY, agreement.size)
    agreed = random.binomial(came, agreement)
    blocks = np.arange(BEGIN, BEGIN + agreement.size)
    return Blocks.of(
        np.repeat(blocks, 2) * BLOCK_SECONDS,
        np.ones(2 * blocks.size),
        np.tile([0.0, 1.0], blocks.size),
        np.column_stack([came - agreed, agreed]).ravel(),
        begin=BEGIN * BLOCK_SECONDS,
        end=(BEGIN + blocks.size) * BLOCK_SECONDS,
    )
