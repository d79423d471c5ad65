"""How far apart two distributions are of which only the most likely outcomes are known: bounds, from both lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from math import fsum
from typing import NamedTuple

# What stands for bytes that are no text by themselves: several tokens share it, so it names none of them.
_NO_TEXT = "\ufffd"
# Where q is smaller, it is taken for this: rounding leaves rests of nothing, and some servers write -9999 for unlikely.
_LEAST = 1e-6


class Bounds(NamedTuple):
    """Between what the true values lie: total variation in [0, 1], Jensen-Shannon divergence in bits, in [0, 1]."""

    tv_lower: float
    tv_upper: float
    js_lower: float
    js_upper: float


def masses(logprobs: Mapping[str, float]) -> dict[str, float]:
    """The probabilities of tokens, from their log-probabilities (nats).

    Where rounding lets them exceed 1 together, they are scaled to it.  Tokens that are no text by themselves, and what
    is no number, are left out: nothing is known of them.
    """
    listed = {token: math.exp(min(0.0, logprob)) for token, logprob in logprobs.items() if not math.isnan(logprob)}
    total = sum(listed.values())
    return {token: mass / max(total, 1.0) for token, mass in listed.items() if _NO_TEXT not in token}


def bounds(p: Mapping[str, float], q: Mapping[str, float]) -> Bounds:
    """Bounds on the distance of two distributions of tokens, of each of which these masses are known.

    As in STATISTICS.md, section e: of the tokens in both lists both masses are known, all others are one rest.  To put
    outcomes together never makes distributions more distant, so the two coarser ones bound from below; from above the
    rests add half their masses at most, as if they had nothing in common.

    Two more lower bounds count what one list alone has, for lists without a common token would else seem equal.  What p
    gives to the tokens that it alone lists, less all that q has left for tokens that it does not list, is part of the
    total variation; and Jensen-Shannon is at least that of the two nearest distributions of this total variation,
    (1 + v)/2 and (1 - v)/2 against the reverse.
    """
    common = [(mass, q[token]) for token, mass in p.items() if token in q]
    # Exact sums: the same whatever the order, so that the sides may change places.
    p_rest, q_rest = (max(0.0, 1.0 - fsum(side)) for side in (list(zip(*common, strict=True)) or [(), ()]))
    p_above, q_above = fsum(max(0.0, a - b) for a, b in common), fsum(max(0.0, b - a) for a, b in common)
    js_common = fsum(_js_term(a, b) for a, b in common)
    p_alone, q_alone = (
        fsum(mass for token, mass in side.items() if token not in other) for side, other in ((p, q), (q, p))
    )
    p_unlisted, q_unlisted = (max(0.0, 1.0 - fsum(side.values())) for side in (p, q))
    tv_lower = max(
        (p_above + q_above + abs(p_rest - q_rest)) / 2,
        p_above + max(0.0, p_alone - q_unlisted),
        q_above + max(0.0, q_alone - p_unlisted),
    )
    tv_lower = min(tv_lower, 1.0)
    tv_upper = (p_above + q_above + p_rest + q_rest) / 2
    js_lower = max(js_common + _js_term(p_rest, q_rest), (_x_log_x(1.0 + tv_lower) + _x_log_x(1.0 - tv_lower)) / 2)
    js_lower = min(max(js_lower, 0.0), 1.0)
    js_upper = js_common + (p_rest + q_rest) / 2
    return Bounds(tv_lower, min(max(tv_upper, tv_lower), 1.0), js_lower, min(max(js_upper, js_lower), 1.0))


def kl_lower(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    """A lower bound, in nats, on the Kullback-Leibler divergence of p from q, KL(p || q); there is no upper one.

    As in ``bounds``: of the tokens in both lists both masses are known, all others are one rest.  Where p gives more to
    the tokens that it alone lists than q can have left for them, the rest is two: these tokens, of which q has at most
    all that it does not list, and the others.
    """
    common = [(mass, q[token]) for token, mass in p.items() if token in q]
    p_rest, q_rest = (max(0.0, 1.0 - fsum(side)) for side in (list(zip(*common, strict=True)) or [(), ()]))
    p_unlisted, q_unlisted = (max(0.0, 1.0 - fsum(side.values())) for side in (p, q))
    p_alone, q_alone = p_rest - p_unlisted, q_rest - q_unlisted
    rests = [(p_rest, q_rest)]
    if p_alone * q_rest > q_unlisted * p_rest:
        rests = [(p_alone, q_unlisted), (p_unlisted, q_alone)]
    return max(0.0, fsum(a * math.log(a / max(b, _LEAST)) for a, b in [*common, *rests] if a > 0.0))


def _js_term(mass: float, other: float) -> float:
    """One outcome's part of the Jensen-Shannon divergence, in bits."""
    return (_x_log_x(mass) + _x_log_x(other) - _x_log_x(mass + other) + mass + other) / 2


def _x_log_x(value: float) -> float:
    return value * math.log2(value) if value > 0.0 else 0.0
