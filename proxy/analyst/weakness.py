"""Searching for weak spots: now and then, in a bounded random sample of an evidence's pairs."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.analysis.sample import SampledPair
from proxy.analysis.weak_spots import WeakSpot, weak_spots
from proxy.analyst.judging import Judgement
from proxy.analyst.shapes import agreement_json
from proxy.openai.requests import prompt_text
from proxy.store.base import Store
from proxy.store.records import EXCLUDED, RandomPair

MOST_PAIRS = 20_000
LEAST_UNITS = 500  # before the first search
OFTEN_ENOUGH = 7 * 86_400.0  # seconds after which it is searched again, however few pairs came since


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """The newest search of an evidence: each one costs a part of alpha, so there are few."""

    number: int = 0  # the how-manieth
    units: int = 0  # of the evidence, then
    at: float = 0.0

    def is_due(self, units: int, now: float) -> bool:
        """Whether there is so much more to be seen that another search is worth it."""
        if units < LEAST_UNITS:
            return False
        return units >= 2 * self.units or (units > self.units and now - self.at >= OFTEN_ENOUGH)


def searched(store: Store, judged: Judgement, before: dict[str, Any], *, now: float) -> dict[str, Any]:
    """The weak spots, and which search they are of: those of ``before`` unless another one is due."""
    last = msgspec.convert(before.get("search", {}), Search)
    evidence, units = judged.chosen.evidence, judged.summary.overall.units
    if evidence is None or not last.is_due(units, now):
        return before
    this = Search(number=last.number + 1, units=units, at=now)
    found = weak_spots(
        [_sampled(pair) for pair in store.random_pairs(evidence.id, MOST_PAIRS) if _counts(pair)],
        target=_target(judged),
        alpha=judged.gate.alpha,
        search=this.number,
    )
    return {**before, "search": msgspec.to_builtins(this), "weak_spots": [_told(spot) for spot in found]}


def _target(judged: Judgement) -> float:
    """What is asked for; of what is asked relative to the noise floor, what that comes to now."""
    difference, estimate = judged.decision.difference, judged.decision.agreement.estimate
    if judged.gate.margin is None or difference is None or difference.estimate is None or estimate is None:
        return judged.gate.target
    return min(0.999, max(0.001, estimate - difference.estimate - judged.gate.margin))


def _counts(pair: RandomPair) -> bool:
    return pair.outcome not in EXCLUDED and pair.unit_head is not None


def _sampled(pair: RandomPair) -> SampledPair:
    return SampledPair(
        id=pair.id,
        agree={"agreed": True, "disagreed": False}.get(pair.outcome),
        segments=pair.segments,
        text="" if pair.request is None else prompt_text(pair.surface, pair.request),
        kinds=pair.kinds,
        weight=1 / pair.probability,
        unit=pair.unit_head or "",
    )


def _told(spot: WeakSpot) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(spot)
    return plain | {"agreement": agreement_json(spot.agreement), "elsewhere": agreement_json(spot.elsewhere)}
