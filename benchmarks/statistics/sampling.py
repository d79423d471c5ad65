"""Uneven sampling and conversations: the weighted gate, and what goes wrong without weights or by turns.  Drawn."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.statistics.drawn import Asked, Drawn, promoted
from benchmarks.statistics.figures import Figure, at_least, at_most
from proxy.analysis.looks import Stream
from proxy.analysis.simulation import Group, Traffic

TARGET, ALPHA, UNITS, SEED = 0.95, 0.05, 20_000, 20261125
TAIL = 0.1  # of the traffic
HARD, EASY = 0.86, 1.0  # agreement in the tail; the head makes up for it, so that the whole is at the target exactly
TURNS = {2: 0.90, 20: 0.99}  # agreement by turns of a conversation, half of them each: 94.5% of units
SHIFT = 0.005  # added to both, it is the target exactly


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    asked = Asked(target=TARGET, alpha=ALPHA, seed=SEED, runs=100 if quick else 2_000)
    few = dataclasses.replace(asked, runs=100 if quick else 1_000)  # of controls that fail nearly always
    figures = []
    for times in (5, 10):
        for how, agreement, head, tail in (
            ("over-sampled", HARD, 1 / times, 1.0),
            ("over-sampled", EASY, 1 / times, 1.0),
            ("under-sampled", HARD, 1.0, 1 / times),
        ):
            name = f"tail (10% of the traffic, agreement {agreement:.0%}) {how} {times} times"
            drawn = strata(agreement, head, tail)
            figures.append(at_most(f"{name}: promoted", 0.05, *promoted(drawn, asked, fair=True)))
            if (agreement < TARGET) == (how == "under-sampled"):
                figures.append(at_least("control: the same, unweighted", 0.5, *promoted(unweighted(drawn), few)))
    at_target, by_turn = conversations(SHIFT), conversations(SHIFT, by_turn=True)
    return [
        *figures,
        at_most(
            "conversations of 2 and of 20 turns: promoted at the target", 0.05, *promoted(at_target, asked, fair=True)
        ),
        at_most("the same half a point under it", 0.05, *promoted(conversations(0.0), asked)),
        at_least("control: one in ten turns sampled, at the target", 0.5, *promoted(by_turn, few)),
    ]


def unweighted(drawn: Drawn) -> Drawn:
    """The same units, taken for evenly sampled."""

    def draw(random: np.random.Generator) -> Stream:
        stream = drawn(random)
        return Stream.of(np.ones_like(stream.probabilities), stream.values, stream.kinds)

    return draw


def strata(agreement: float, head: float, tail: float) -> Drawn:
    """A head and a tail, with the probabilities with which they are sampled."""
    rest = (TARGET - TAIL * agreement) / (1 - TAIL)
    groups = Group(1 - TAIL, rest, probability=head), Group(TAIL, agreement, probability=tail)
    return Traffic(groups, UNITS).draw


def conversations(shift: float, *, by_turn: bool = False) -> Drawn:
    """Later turns as one unit with their mean.  ``by_turn``: each turn is sampled by itself, with probability 0.1."""
    values = np.array([k / 100 for k in range(101)])
    turns, agreement = np.array(list(TURNS)), np.array(list(TURNS.values())) + shift

    def draw(random: np.random.Generator) -> Stream:
        which = random.integers(0, 2, size=UNITS)
        sampled = random.binomial(turns[which], 0.1) if by_turn else turns[which]
        which, sampled = which[sampled > 0], sampled[sampled > 0]
        means = random.binomial(sampled, agreement[which]) / sampled
        scaled = means * 100
        bins = np.floor(scaled + 1e-9).astype(int)
        bins += random.random(bins.size) < scaled - bins  # between two bins at random, as the store does
        used, kinds = np.unique(bins, return_inverse=True)
        return Stream.of(np.ones(used.size), values[used], kinds)

    return draw
