"""What metrics there are: names, labels and help texts, from which they are built, initialised and documented."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

CaptureOutcome = Literal[
    "journaled",
    "sampled_out",
    "opted_out",
    "paused",
    "too_large",
    "shed",
    "not_shadowable",
    "teacher_error",
    "client_gone",
    "failed",
]


@dataclass(frozen=True, slots=True)
class Label:
    """What a label may say: ``known`` are values that are known ahead, ``words`` tell of any others."""

    words: str = ""
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.  ``name`` is without the ``_total`` of counters."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    help: str
    labels: Mapping[str, Label] = dataclasses.field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    @property
    def exported(self) -> str:
        """The name as it is asked for; a histogram adds ``_bucket``, ``_sum`` and ``_count`` to it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name

    def counter(self, registry: CollectorRegistry) -> Counter:
        return Counter(self.name, self.help, list(self.labels), registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        return Histogram(self.name, self.help, list(self.labels), buckets=self.buckets, registry=registry)

    def known_sets(self, **given: str) -> Iterator[dict[str, str]]:
        """Every set of labels that is known ahead, where those ``given`` have these values."""
        values = [(given[name],) if name in given else label.known for name, label in self.labels.items()]
        for each in product(*values):
            yield dict(zip(self.labels, each, strict=True))


ROUTE = Label("the route's name")
STUDENT = Label("the student's name")
ROLE = Label(
    "`judge` is any other machine that a comparator asks", known=("teacher", "student", "teacher_replay", "judge")
)
MODEL = Label("as asked for or answered; of each route and role the first 100, all others together as `other`")
SEGMENT = Label("`all`, or `key=value`")
SHARED: Mapping[str, Label] = {"route": ROUTE, "student": STUDENT, "model": MODEL, "segment": SEGMENT}

REQUESTS = Family(
    "understudy_requests",
    "counter",
    "Client requests answered.",
    {
        "route": Label("the route's name; `unmatched` where none matched"),
        "status": Label("HTTP status; 499 where the client left first"),
        "stream": Label(known=("true", "false")),
        "served_by": Label(known=("teacher",)),
    },
)
RELAY_OVERHEAD = Family(
    "understudy_relay_overhead_seconds",
    "histogram",
    "Time inside the proxy, the upstream's taken out.",
    {"route": REQUESTS.labels["route"]},
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
CAPTURES = Family(
    "understudy_captures",
    "counter",
    "What became of each request that a route matched.",
    {
        "route": ROUTE,
        "outcome": Label(known=get_args(CaptureOutcome)),
    },
)
NOT_SHADOWABLE = Family(
    "understudy_not_shadowable",
    "counter",
    "Requests that cannot be asked of a student, by reason.",
    {
        "route": ROUTE,
        "reason": Label(
            known=(
                "previous_response_id",
                "conversation",
                "stored_prompt",
                "background",
                "audio_output",
                "hosted_tool",
                "missing_input",
                "item_reference",
                "compaction",
                "file_id",
                "other_path",
                "unknown_coding",
                "unreadable_coding",
                "invalid_json",
                "not_an_object",
            )
        ),
    },
)
_ANSWER = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 600.0)
UPSTREAM_DURATION = Family(
    "understudy_upstream_duration_seconds",
    "histogram",
    "From sending a request to the last byte of its answer.",
    {"route": ROUTE, "role": ROLE, "model": MODEL},
    buckets=_ANSWER,
)
TIME_TO_FIRST_TOKEN = Family(
    "understudy_time_to_first_token_seconds",
    "histogram",
    "From sending a request to the first byte of its answer's body, where it is streamed.",
    {"route": ROUTE, "role": Label(known=("teacher", "student")), "model": MODEL},
    buckets=_ANSWER,
)
PAIRS = Family(
    "understudy_pairs",
    "counter",
    "What became of each journaled exchange, for each student.",
    {
        "route": ROUTE,
        "student": Label("the student's name; empty where the shadow worker does not know the route"),
        "outcome": Label(
            known=(
                "agreed",
                "disagreed",
                "unavailable",
                "misconfigured",
                "shed",
                "expired",
                "unscored",
                "teacher_error",
                "paused",
                "sampled_out",
            )
        ),
    },
)
STUDENT_ERRORS = Family(
    "understudy_student_errors",
    "counter",
    "Students that did not answer, or not in a form that can be used, by kind.",
    {
        "route": ROUTE,
        "student": STUDENT,
        "kind": Label(
            known=("timeout", "connection", "breaker", "status_429", "status_5xx"),
            words="other `status_…`, `no_model`, `context_length_exceeded`, and what else an answer may lack",
        ),
    },
)
DISAGREEMENTS = Family(
    "understudy_disagreements",
    "counter",
    "Pairs that disagree, by kind of difference; one pair may have several.",
    {
        "route": ROUTE,
        "student": STUDENT,
        "kind": Label(
            known=("truncated", "filtered", "refused", "empty", "student_error"),
            words="the deciding comparator's; errors of the student that count as disagreements",
        ),
    },
)
SCORE = Family(
    "understudy_score",
    "histogram",
    "Scores, by comparator.",
    {"route": ROUTE, "student": STUDENT, "comparator": Label("its `name`, or else its `use`")},
    buckets=tuple(tenths / 10 for tenths in range(11)),
)
COMPARATOR_FAILURES = Family(
    "understudy_comparator_failures",
    "counter",
    "Comparators that failed on a pair, by kind of error.",
    {
        "route": ROUTE,
        "comparator": SCORE.labels["comparator"],
        "error": Label(known=("SurfaceNotSupported", "TookTooLong", "ProcessDied"), words="the type of what it raised"),
    },
)
TOKENS = Family(
    "understudy_tokens",
    "counter",
    "Tokens read and written, each once.",
    {"route": ROUTE, "role": ROLE, "model": MODEL, "kind": Label(known=("input", "cached_input", "output"))},
)
COST = Family(
    "understudy_cost_usd",
    "counter",
    "Cost in US dollars, where prices are known.",
    {"route": ROUTE, "role": ROLE, "model": MODEL},
)

# Derived at each scrape: from the store, the journal, and the table of processes.
AGREEMENT_RATIO = Family(
    "understudy_agreement_ratio",
    "gauge",
    "Agreement, missing pairs left out.",
    {"route": ROUTE, "student": STUDENT, "segment": SEGMENT},
)
AGREEMENT_LOWER = Family(
    "understudy_agreement_lower",
    "gauge",
    "Anytime-valid lower bound of agreement.",
    {"route": ROUTE, "student": STUDENT, "segment": SEGMENT},
)
AGREEMENT_UPPER = Family(
    "understudy_agreement_upper",
    "gauge",
    "Anytime-valid upper bound of agreement.",
    {"route": ROUTE, "student": STUDENT, "segment": SEGMENT},
)
MISSING_RATIO = Family(
    "understudy_missing_ratio",
    "gauge",
    "Share of due exchanges without a valid score.",
    {"route": ROUTE, "student": STUDENT},
)
VERDICT = Family(
    "understudy_verdict",
    "gauge",
    "1 for the present verdict, 0 for the others.",
    {"route": ROUTE, "student": STUDENT, "verdict": Label(known=("promote", "reject", "undecided"))},
)
NOISE_FLOOR_RATIO = Family(
    "understudy_noise_floor_ratio", "gauge", "Agreement of the teacher with itself, asked twice.", {"route": ROUTE}
)
DIVERGENCE = Family(
    "understudy_divergence",
    "gauge",
    "How far the student's answers are from the teacher's, in the newest window.",
    {
        "route": ROUTE,
        "student": STUDENT,
        "kind": Label(
            known=("output_js", "js", "kl"),
            words="Jensen-Shannon divergence in bits of labels, tools, lengths and forms; of tokens, lower bounds of"
            " Jensen-Shannon in bits and Kullback-Leibler in nats, where log-probabilities exist",
        ),
    },
)
_DRIFT_LABELS: Mapping[str, Label] = {
    "route": ROUTE,
    "side": Label(known=("input", "teacher", "student")),
    "student": Label("the student's name; empty for the sides `input` and `teacher`"),
    "feature": Label("what is looked at: docs/drift.md"),
    "statistic": Label(known=("js", "psi", "mmd", "novelty")),
    "reference": Label(known=("export", "trailing")),
}
DRIFT = Family("understudy_drift", "gauge", "Distance of the newest window from the reference.", _DRIFT_LABELS)
DRIFT_THRESHOLD = Family(
    "understudy_drift_threshold", "gauge", "Distance from which on a window counts as drifted.", _DRIFT_LABELS
)
REDISTILL_NEEDED = Family(
    "understudy_redistill_needed",
    "gauge",
    "1 while an alert says, for this reason, that the student is to be distilled again.",
    {
        "route": ROUTE,
        "student": STUDENT,
        "reason": Label(
            known=(
                "agreement_dropped",
                "diverged",
                "input_drift",
                "teacher_changed",
                "student_errors",
                "never_good_enough",
                "scheduled",
            )
        ),
    },
)
JOURNAL_DEPTH = Family("understudy_journal_depth", "gauge", "Exchanges in the journal that are not settled.")
JOURNAL_OLDEST = Family(
    "understudy_journal_oldest_seconds", "gauge", "Age of the oldest exchange in the journal that is not settled."
)
CHILD_RESTARTS = Family(
    "understudy_child_restarts",
    "counter",
    "Times a child process died and was started again.",
    {"role": Label(known=("relay", "shadow", "analyst", "admin")), "slot": Label("which of them, from 0")},
)

# By where their values come from.
FAMILIES: Mapping[str, tuple[Family, ...]] = {
    "Counted by relays": (REQUESTS, RELAY_OVERHEAD, CAPTURES, NOT_SHADOWABLE),
    "Counted by relays, of teachers, and by shadow workers, of students and judges": (
        UPSTREAM_DURATION,
        TIME_TO_FIRST_TOKEN,
    ),
    "Counted by shadow workers": (PAIRS, STUDENT_ERRORS, DISAGREEMENTS, SCORE, COMPARATOR_FAILURES, TOKENS, COST),
    "Derived by the admin plane at each scrape": (
        AGREEMENT_RATIO,
        AGREEMENT_LOWER,
        AGREEMENT_UPPER,
        MISSING_RATIO,
        VERDICT,
        NOISE_FLOOR_RATIO,
        DIVERGENCE,
        DRIFT,
        DRIFT_THRESHOLD,
        REDISTILL_NEEDED,
        JOURNAL_DEPTH,
        JOURNAL_OLDEST,
        CHILD_RESTARTS,
    ),
}
# Named by the contract, brought by later versions.
LATER = ("understudy_rollout_share",)
