"""How far apart the probabilities are that two models gave to each next token, as sums over an answer.  Pure."""

from __future__ import annotations

from comparators.base import Answer
from comparators.logprobs import TokenizersDifferError, comparable, listed
from comparators.logprobs_bounds import bounds, kl_lower, masses
from proxy.store.records import LogprobSums

_MILLION = 1_000_000


def logprob_sums(teacher: Answer, student: Answer) -> LogprobSums | None:
    """Lower bounds of the divergence at each position, summed; None where they cannot be compared.

    That is where a side has no log-probabilities, or where the models cut the same text into other tokens.  Compared is
    each token up to and with the first in which the answers part; some 60 µs for each.
    """
    if not teacher.logprobs or not student.logprobs:
        return None
    try:
        _, positions = comparable(teacher.logprobs, student.logprobs)
    except TokenizersDifferError:
        return None
    js = kl = 0.0
    for wanted, given in zip(teacher.logprobs[:positions], student.logprobs[:positions], strict=True):
        p, q = masses(listed(wanted)), masses(listed(given))
        js += bounds(p, q).js_lower
        kl += kl_lower(p, q)
    return LogprobSums(positions=positions, js_micros=round(js * _MILLION), kl_micros=round(kl * _MILLION))
