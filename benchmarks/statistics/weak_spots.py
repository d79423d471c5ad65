"""Weak spots planted in a sample of realistic size, and samples that have none.  Drawn; the prompts are real.

Prompts are utterances of CLINC150 (``../shared/data``), each with a tenant, a language, a turn and an hour drawn by
chance.  Agreement is at 97% but for a tenant, a language's later turns, and a topic: all prompts of some related
intents, of which the search knows the words alone.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.statistics.figures import Figure, at_least, at_most, share
from proxy.analysis.clusters import cluster, words_of
from proxy.analysis.sample import SampledPair, halves
from proxy.analysis.simulation import wilson
from proxy.analysis.weak_spots import LEAST_UNITS, WeakSpot, weak_spots

PROMPTS = Path(__file__).parents[2].parent / "shared" / "data" / "clinc150.jsonl"
TARGET, ALPHA, PAIRS, SEED = 0.95, 0.05, 20_000, 20261127
RUNS, NULL_RUNS = 60, 20
USUAL, BAD = 0.97, {"tenant": 0.6, "language and turn": 0.75, "topic": 0.65}
TENANT = "t20"
BOTH = {"language": "de", "turn": "later"}
TOPICS = {
    "oil changes": ("oil_change_how", "oil_change_when"),
    "days off": ("pto_request", "pto_balance", "pto_used", "pto_request_status"),
    "credit": ("credit_score", "credit_limit", "improve_credit_score"),
    "music": ("play_music", "next_song", "what_song", "update_playlist"),
    "cooking": ("recipe", "ingredients_list", "cook_time"),
    "flights": ("book_flight", "flight_status", "carry_on"),
    "insurance": ("insurance", "insurance_change"),
    "lists": ("todo_list", "todo_list_update", "shopping_list", "shopping_list_update"),
    "foreign money": ("exchange_rate", "international_fees"),
    "restaurants": ("restaurant_reservation", "restaurant_reviews", "restaurant_suggestion"),
}
SHARES = {"tenant": 1 / (np.arange(30) + 2), "language": (70, 12, 10, 5, 3), "turn": (75, 15, 10), "hour": (1, 3, 4, 2)}
VALUES = {
    "tenant": [f"t{number}" for number in range(30)],
    "language": ["en", "de", "fr", "es", "it"],
    "turn": ["first", "later", "after_tool"],
    "hour": ["00-06", "06-12", "12-18", "18-24"],
}


@dataclass(frozen=True)
class Drawn:
    """A sample, with what the search is not told."""

    pairs: Sequence[SampledPair]
    planted: Mapping[str, frozenset[str]]  # ids
    agreement: Mapping[str, float]  # by id


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    if not PROMPTS.exists():
        return [Figure("weak spots", "", f"skipped: {PROMPTS.name} is not there")]
    rows = [json.loads(line) for line in PROMPTS.read_text("utf-8").splitlines()]
    runs = 2 if quick else RUNS  # the same number of each topic
    found: dict[str, list[bool]] = {name: [] for name in BAD}
    shares: dict[str, list[float]] = {name: [] for name in BAD}
    wrong = []
    for number in range(runs):
        drawn = sample(rows, SEED + number, list(TOPICS)[number % len(TOPICS)])
        spots = [(spot, inside(spot, drawn)) for spot in weak_spots(drawn.pairs, target=TARGET, alpha=ALPHA)]
        for name, ids in drawn.planted.items():
            found[name].append(any(names(spot, those, name, ids) for spot, those in spots))
            shares[name].append(len(ids) / PAIRS)
        wrong.append(any(np.mean([drawn.agreement[pair.id] for pair in those]) >= TARGET for _, those in spots))
    return [
        *(
            at_least(
                f"{name} of {min(shares[name]):.1%} to {max(shares[name]):.1%} of {PAIRS:,} pairs, at {bad:.0%}: found",
                0.95,
                *share(found[name]),
            )
            for name, bad in BAD.items()
        ),
        at_most("runs in which a slice is named that is not under the target", ALPHA, *share(wrong)),
        *nothing_planted(rows, 2 if quick else NULL_RUNS),
    ]


def nothing_planted(rows: Sequence[Mapping[str, str]], runs: int) -> list[Figure]:
    figures = []
    for everywhere in (USUAL, TARGET, 0.9):
        drawn = [sample(rows, SEED + 1_000 + number, None, everywhere) for number in range(runs)]
        named = [bool(weak_spots(each.pairs, target=TARGET, alpha=ALPHA)) for each in drawn]
        title = f"{everywhere:.0%} everywhere: runs of {runs} in which a weak spot is named"
        figures.append(Figure(title, "0", str(sum(named)), not any(named)))
        if everywhere == TARGET:
            naive = [any_by_wilson(each) for each in drawn]
            figures.append(at_least("control: a one-look 95% interval of each slice names some", 0.5, *share(naive)))
    return figures


def sample(rows: Sequence[Mapping[str, str]], seed: int, topic: str | None, usual: float = USUAL) -> Drawn:
    """A sample with three weak spots, or without a topic none."""
    random = np.random.default_rng(seed)
    chosen = [rows[place] for place in random.permutation(len(rows))[:PAIRS]]
    drawn = {key: random.choice(VALUES[key], PAIRS, p=np.divide(of, np.sum(of))) for key, of in SHARES.items()}
    segments = [dict(zip(drawn, map(str, values), strict=True)) for values in zip(*drawn.values(), strict=True)]
    ids = [f"{number:05}" for number in range(PAIRS)]
    planted = {
        "tenant": [each["tenant"] == TENANT for each in segments],
        "language and turn": [all(each[key] == value for key, value in BOTH.items()) for each in segments],
        "topic": [row["intent"] in TOPICS.get(topic or "", ()) for row in chosen],
    }
    agreement = np.full(PAIRS, usual)
    for name, bad in BAD.items() if topic else ():
        agreement[np.array(planted[name])] = bad
    agreed = random.random(PAIRS) < agreement
    return Drawn(
        [
            SampledPair(id_, bool(agree), those, row["text"], () if agree else ("label",))
            for id_, agree, those, row in zip(ids, agreed, segments, chosen, strict=True)
        ],
        {name: frozenset(itertools.compress(ids, those)) for name, those in planted.items()},
        dict(zip(ids, agreement.tolist(), strict=True)),
    )


def inside(spot: WeakSpot, drawn: Drawn) -> list[SampledPair]:
    """The pairs that a weak spot is made of."""
    pairs = [pair for pair in drawn.pairs if spot.conditions.items() <= pair.segments.items()]
    if spot.word is not None:
        return [pair for pair in pairs if spot.word in words_of(pair.text)]
    if spot.cluster is None:
        return pairs
    searched, _ = halves(drawn.pairs)
    clusters = cluster([searched.pairs[row].text for row in searched.first_of_units], seed=0)
    told = clusters.of([pair.text for pair in pairs]).tolist()
    return [pair for pair, both in zip(pairs, told, strict=True) if spot.cluster in both]


def names(spot: WeakSpot, pairs: Sequence[SampledPair], name: str, planted: frozenset[str]) -> bool:
    """Whether a spot is what was planted: the very pairs; of a topic, prompts most of whose disagreements are of it."""
    if name != "topic":
        return {pair.id for pair in pairs} == planted
    disagreed = [pair.id in planted for pair in pairs if not pair.agree]
    return not spot.conditions and 2 * sum(disagreed) > len(disagreed)


def any_by_wilson(drawn: Drawn) -> bool:
    """Whether the upper bound for one look is under the target in some slice of one segment value or two."""
    agreed: dict[tuple[tuple[str, str], ...], list[bool]] = {}
    for pair in drawn.pairs:
        items = sorted(pair.segments.items())
        for conditions in (*itertools.combinations(items, 1), *itertools.combinations(items, 2)):
            agreed.setdefault(conditions, []).append(pair.agree is True)
    counts = [(sum(each), len(each)) for each in agreed.values() if len(each) >= 2 * LEAST_UNITS]
    upper = wilson(*np.array(counts, float).T, ALPHA)[1]
    return bool((upper < TARGET).any())
