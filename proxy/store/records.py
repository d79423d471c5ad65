"""The records that are kept: exchanges, pairs, evidence, counts.  Plain and immutable; times are unix seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:  # for annotations alone: most of those that know records need no arrays
    import numpy as np
    import numpy.typing as npt

# Bins of the histograms of what decides: bin b stands for the value b / 100.
BINS = 101
# Log-spaced bins of latencies: bin = round(log(milliseconds) / LATENCY_STEP), 2% wide, never below 0.
LATENCY_STEP = 0.02

# The kinds of missing, in the words of understudy_pairs_total.
MISSING = frozenset({"unavailable", "misconfigured", "shed", "expired", "unscored"})
# A student's name of the teacher's own second answers (the noise floor), and the comparator that a student's difference
# to them is counted under.  No student and no comparator of a configuration is called so.
TEACHER_REPLAY = "teacher_replay"
NOISE_FLOOR = "noise_floor"
# Outside of the evidence: neither agreement nor missing.
EXCLUDED = frozenset({"teacher_error", "paused", "sampled_out"})
# The error's kind of a pair that is `paused` because its student was beyond its budget, not by a person.
OVER_BUDGET = "over_budget"
OUTCOMES = frozenset({"agreed", "disagreed"}) | MISSING | EXCLUDED
# The same of pairs scored again (``understudy rescore``), from what is stored of them.
REDACTED = "redacted"  # missing: nobody knows whether what was taken out of the answers was the same
FORGOTTEN = "forgotten"  # excluded: their text is not there any more
RESCORED = "rescored"  # the source that they are counted under
# Whatever counts as missing or excluded, of pairs scored when they came or again.
COUNTED_MISSING = MISSING | {REDACTED}
COUNTED_EXCLUDED = EXCLUDED | {FORGOTTEN}
# Pair outcomes whose errors say what we failed at, nothing of the student; and those of students that answered.
OURS = frozenset({"shed", "expired", "unscored"}) | EXCLUDED
ANSWERED = frozenset({"agreed", "disagreed", "unscored", REDACTED})

# What one exchange adds to sketches, by feature: to some bins so much each, or something to all of them in order.
Features = Mapping[str, Mapping[int, int] | Sequence[int]]


class AnswerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One side's answer as it is kept: redacted text, measured latency and cost."""

    model: str | None = None
    status: int | None = None
    content: str | None = None
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None  # the fields of proxy.openai.usage.Usage, by which tokens are bounded
    latency_ms: float | None = None
    ttft_ms: float | None = None
    cost_usd: float | None = None
    response: dict[str, Any] | None = None
    error: dict[str, str] | None = None  # {"kind", "message"}


class ScoreRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one comparator said of a pair."""

    score: float
    agree: bool
    kinds: tuple[str, ...] = ()
    detail: Any = None


class ExchangeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange as it is kept.  ``teacher`` and ``request`` are None where the text was lost or is forgotten."""

    id: str
    route: str
    arrived_at: float
    captured_at: float
    surface: str = ""
    source: str = "live"
    requested_model: str | None = None
    teacher_version: str | None = None  # the model that the teacher's answer names
    request: dict[str, Any] | None = None
    teacher: AnswerRecord | None = None
    segments: dict[str, str] = {}
    unit: str = ""
    unit_kind: str = "request"
    repeat_key: str = ""
    probability: float = 1.0
    subjects: tuple[str, ...] = ()  # salted hashes of user, safety_identifier and session: what `forget` looks for
    # Of the request and of the teacher's answer, where there is one; counted, not kept.
    request_features: Features = {}
    teacher_features: Features = {}


class LogprobSums(msgspec.Struct, frozen=True, kw_only=True):
    """How far apart two models' probabilities of each next token were, over an answer: sums of lower bounds."""

    positions: int  # tokens compared
    js_micros: int  # Jensen-Shannon divergence, in millionths of a bit
    kl_micros: int  # Kullback-Leibler divergence of the teacher's from the student's, in millionths of a nat


class PairRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange with one student's response, or with why there is none."""

    student: str
    version: str
    definition: str  # hash: the definition of agreement
    decides: str  # name of the comparator that decides agreement
    # The least probability that the configuration lets a unit of this student be sampled with.  Evidence that begins
    # with this pair keeps it; the pair does not.
    probability_floor: float = 1.0
    # With which this student is asked about a unit that was sampled, chosen ahead of time to keep its budget.
    thinning: float = 1.0
    outcome: str  # one of OUTCOMES; of a pair scored again also REDACTED or FORGOTTEN
    answer: AnswerRecord
    scores: dict[str, ScoreRecord] = {}
    # What became of asking the student for log-probabilities, where that is configured; it is counted, not kept.
    logprobs: Literal["given", "none", "refused"] | None = None
    # Of the student's answer, where there is one, and against the teacher's, where both have them; counted, not kept.
    features: Features = {}
    logprob_sums: LogprobSums | None = None

    @property
    def agree(self) -> bool | None:
        return {"agreed": True, "disagreed": False}.get(self.outcome)

    @property
    def missing(self) -> str | None:
        return self.outcome if self.outcome in MISSING else None

    @property
    def over_budget(self) -> bool:
        """Whether it is paused because its student was beyond its budget."""
        return self.outcome == "paused" and (self.answer.error or {}).get("kind") == OVER_BUDGET


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """All that became of one exchange: it is stored whole, in one transaction."""

    exchange: ExchangeRecord
    pairs: tuple[PairRecord, ...] = ()


class StoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """A pair read back with its exchange.  ``id`` is ``<exchange id>:<student>``."""

    id: str
    exchange: ExchangeRecord
    pair: PairRecord
    evidence_id: int | None = None
    labels: tuple[dict[str, Any], ...] = ()


class RandomPair(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of a random sample, as far as a search over many needs it."""

    id: str
    outcome: str
    kinds: tuple[str, ...]  # of disagreement, by the comparator that decides
    segments: dict[str, str]
    surface: str
    request: dict[str, Any] | None  # redacted; None where it was forgotten or lost
    probability: float
    unit_head: str | None  # None: its conversation goes on


class Rescoring(msgspec.Struct, frozen=True, kw_only=True):
    """Stored pairs of one student version, scored again under one definition of agreement.

    Their counts are kept under the source ``RESCORED`` and this ``id``, apart from those of every evidence.
    """

    id: int
    route: str
    student: str
    version: str
    definition: str
    decides: str  # the comparator that decides agreement
    first: float | None = None  # captures of the oldest and newest pair; None: none yet
    last: float | None = None
    redacted_requests: int = 0  # pairs compared whose requests had something taken out


class RescoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """A stored pair as it was scored again: ``pair`` has the new scores and outcome."""

    exchange: ExchangeRecord
    pair: PairRecord
    redacted_request: bool = False  # something had been taken out of the request that comparators saw


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict may rest on: one student version, one definition of agreement, from a moment on."""

    id: int
    number: int  # the how-manieth of its route and student, from 1
    route: str
    student: str
    version: str
    definition: str
    decides: str  # the comparator that decides agreement
    since: float
    probability_floor: float  # sets the bets (STATISTICS.md a.4); fixed when the evidence begins


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person, or a training pipeline, is to know of.  Times are unix seconds."""

    id: str
    route: str
    student: str  # "" where it is about the route
    reason: str  # understudy_redistill_needed's reasons
    segment: str = "all"  # or key=value
    opened_at: float
    resolved_at: float | None = None
    detail: dict[str, Any] = {}  # numbers, times and ids; never text of a prompt or an answer


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What the analyst found out in its last round, of a route (student ``""``) or of one of its students."""

    route: str
    student: str
    at: float
    evidence_id: int | None
    document: dict[str, Any]


class BlockRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Units of one five-minute bucket by value, summed over replicas and teacher versions."""

    segment_key: str
    segment_value: str
    bucket: int
    probability: float
    bin: int
    n: int


def probability_of(exchange: ExchangeRecord, pair: PairRecord) -> float:
    """With which a pair was sampled: its exchange for all students, and of those it for its own."""
    return exchange.probability * pair.thinning


class CountRow(msgspec.Struct, frozen=True, kw_only=True):
    """A count, summed over replicas, teacher versions and the buckets asked for.

    ``measure`` is one of
      ``low``, ``high``, ``valid``  units by bin of what decides: missing as 0, missing as 1, valid ones alone;
      ``score``          pairs by bin of the comparator's score (floored; for pictures);
      ``score_micros``   sum of scores in millionths (bin 0): means are exact;
      ``agreed``         pairs on which the comparator agrees (bin 0);
      ``pairs``          pairs that were due (bin 0);
      ``later_turns``    those of them that are later turns of conversations (bin 0);
      ``unsegmented``    those of them whose segments nobody knows, as the text was lost or not readable (bin 0);
      ``missing:<kind>``, ``excluded:<kind>``, ``kind:<kind>`` (of disagreement), ``student_error:<kind>``   pairs;
      ``over_budget``    pairs that are ``excluded:paused`` because their student was beyond its budget (bin 0);
      ``student_logprobs:<given, none or refused>``   answers of students that are to give log-probabilities;
      ``js_micros``, ``kl_micros``, ``logprob_positions``   the sums of ``LogprobSums`` (bin 0);
      ``teacher_ms``, ``student_ms``, ``teacher_ttft_ms``, ``student_ttft_ms``   pairs by log bin of latency;
      ``teacher_nano_usd``, ``student_nano_usd``, ``teacher_input_tokens``, … ``student_output_tokens``   sums;
      ``student_priced``, ``teacher_priced``   pairs whose cost is known (bin 0).
    Those that speak of the pair and not of a comparator have comparator ``""``; of those, ``pairs``, ``later_turns``,
    ``missing:*``, ``excluded:*``, ``over_budget`` and ``kind:*`` exist for every segment, the others for ``all`` alone.
    """

    comparator: str
    segment_key: str  # "all" with value "" for everything
    segment_value: str
    probability: float
    measure: str
    bin: int
    n: int


class SketchRow(NamedTuple):
    """The sum of one feature over an hour's exchanges, or a day's once hours are folded; over all replicas."""

    hour: int  # its start, unix seconds
    feature: str
    probability: float  # with which they were sampled
    bins: npt.NDArray[np.int64]  # as many as ``proxy.store.sketches.BINS`` has for the feature


class Recounted(msgspec.Struct, frozen=True, kw_only=True):
    """What counting everything again found."""

    exchanges: int
    pairs: int
    wrong: int  # daily counts that were not what the pairs come to


class CaptureCount(msgspec.Struct, frozen=True, kw_only=True):
    """Captures by outcome, summed over origins and the buckets asked for."""

    route: str
    outcome: str
    reason: str
    n: int
    probability: float = 1.0  # with which what was lost would have been sampled
