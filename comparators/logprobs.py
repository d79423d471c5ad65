"""``logprobs``: how far apart the models' own probabilities for the next token are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from comparators.base import Answer, Comparator, ComparatorError, ComparatorOptions, Request, Runs, Score, TokenLogprob
from comparators.logprobs_bounds import bounds, masses
from comparators.parts import decided_by_form, short

_MOST = 2000  # tokens that are compared; of longer answers the first


class LogprobsMissingError(ComparatorError):
    """A side has no log-probabilities."""


class TokenizersDifferError(ComparatorError):
    """The models cut the same text into other tokens: probabilities of these cannot be compared."""


class LogprobsOptions(ComparatorOptions):
    """Options of ``logprobs``."""

    agree_at: float = Field(
        0.9,
        gt=0,
        le=1,
        description="one less the mean distance (total variation, lower bound) from which on they agree",
    )


class Logprobs(Comparator):
    """Agreement is nearly the same probabilities for each next token, as long as both answers run alike."""

    name = "logprobs"
    version = "2"
    symmetric = True
    runs: Runs = "heavy"  # some 50 µs for each token of an answer
    Options = LogprobsOptions
    options: LogprobsOptions

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=True, request=request)
        if decided is not None and not decided.agree:
            return decided
        wanted, given = teacher.logprobs, student.logprobs
        if not wanted or not given:
            lacking = [side for side, own in (("teacher", wanted), ("student", given)) if not own]
            raise LogprobsMissingError(f"no log-probabilities in the answer of the {' and the '.join(lacking)}")
        alike, positions = comparable(wanted, given)
        score, detail = _distance(wanted[:positions], given[:positions])
        if alike < max(len(wanted), len(given)):
            detail["parted"] = {
                "position": alike,
                "teacher": _words_at(wanted, alike),
                "student": _words_at(given, alike),
            }
        agree = score >= self.options.agree_at
        return Score(score=score, agree=agree, kinds=() if agree else ("distribution",), detail=detail)


def comparable(wanted: Sequence[TokenLogprob], given: Sequence[TokenLogprob]) -> tuple[int, int]:
    """The number of tokens that both begin with, and of positions whose probabilities can be compared.

    These are one more: where the answers part the text before is still the same; after it each goes on from its own.

    Raises TokenizersDifferError.
    """
    alike = _alike(wanted, given)
    if _cut_otherwise(wanted[alike:], given[alike:]):
        raise TokenizersDifferError("the models cut the same text into other tokens")
    return alike, min(alike + 1, len(wanted), len(given), _MOST)


def _alike(wanted: Sequence[TokenLogprob], given: Sequence[TokenLogprob]) -> int:
    """The number of tokens that both begin with."""
    pairs = zip(wanted, given, strict=False)
    return next(
        (at for at, (ours, theirs) in enumerate(pairs) if ours.token != theirs.token), min(len(wanted), len(given))
    )


def _cut_otherwise(wanted: Sequence[TokenLogprob], given: Sequence[TokenLogprob]) -> bool:
    """Whether two texts run on alike although their next tokens differ."""
    if not wanted or not given:
        return False
    longer = max(len(wanted[0].token), len(given[0].token))
    ours, theirs = ("".join(entry.token for entry in side[: longer + 1])[:longer] for side in (wanted, given))
    return ours == theirs and len(ours) == longer and "\ufffd" not in ours


def _distance(wanted: Sequence[TokenLogprob], given: Sequence[TokenLogprob]) -> tuple[float, dict[str, Any]]:
    """One less the mean lower bound of total variation, and what there is to tell."""
    count = len(wanted)
    totals = [0.0] * 4
    covered = {"teacher": 0.0, "student": 0.0}
    equal, farthest, farthest_at = 0, -1.0, 0
    for position, (ours, theirs) in enumerate(zip(wanted, given, strict=True)):
        p_listed, q_listed = listed(ours), listed(theirs)
        p, q = masses(p_listed), masses(q_listed)
        found = bounds(p, q)
        totals = [total + value for total, value in zip(totals, found, strict=True)]
        covered["teacher"] += sum(p.values())
        covered["student"] += sum(q.values())
        equal += not _best(p_listed).isdisjoint(_best(q_listed))
        if found.tv_lower > farthest:
            farthest, farthest_at = found.tv_lower, position
    tv_lower, tv_upper, js_lower, js_upper = (round(total / count, 4) for total in totals)
    return max(0.0, 1.0 - totals[0] / count), {
        "tokens": count,
        "total_variation": {"lower": tv_lower, "upper": tv_upper},
        "jensen_shannon_bits": {"lower": js_lower, "upper": js_upper},
        "same_first_choice": round(equal / count, 4),
        "probability_listed": {side: round(mass / count, 4) for side, mass in covered.items()},
        "farthest": {"position": farthest_at, "total_variation": round(farthest, 4)},
    }


def listed(entry: TokenLogprob) -> dict[str, float]:
    """All that is known of a position: the best tokens, and the one that was taken, which need not be among them."""
    return {**entry.top, entry.token: entry.logprob}


def _best(listed: dict[str, float]) -> set[str]:
    best = max(listed.values())
    return {token for token, logprob in listed.items() if logprob == best}


def _words_at(entries: Sequence[TokenLogprob], position: int) -> str:
    """The text from the word in which the answers part: whole words, so that redaction knows what it sees."""
    before = "".join(entry.token for entry in entries[:position])
    begun = before.rsplit(maxsplit=1)[-1] if before and not before[-1].isspace() else ""
    return short(begun + "".join(entry.token for entry in entries[position:]))
