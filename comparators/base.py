"""The interface of a comparator: what it is given and what it says.

A comparator decides whether a student's answer would have done in the teacher's place. It is a small
class: a name, a version, options, and one method.  Nothing here knows the proxy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Literal, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict

SURFACES = frozenset({"chat/completions", "completions", "responses", "embeddings"})
TEXT_SURFACES = frozenset({"chat/completions", "completions", "responses"})


Runs = Literal["light", "heavy", "awaited"]


class ComparatorError(Exception):
    """A comparator cannot be found, its options do not hold, or it has no score for what it was given.

    The message is for the user: what is wrong and what is allowed, without any text of a pair.
    """


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """One function call that a model asked for."""

    name: str
    arguments: str  # as the model wrote them: JSON text, perhaps invalid
    id: str | None = None


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """A generated token with its log-probability (nats) and those of its best rivals."""

    token: str
    logprob: float
    top: dict[str, float] = {}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked: the surface (one of ``SURFACES``) and the request body, credentials taken out."""

    surface: str
    body: dict[str, Any]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A model's complete answer, the same shape for every surface (choice 0 where there are several)."""

    model: str | None = None
    content: str | None = None  # None: no text at all, such as tool calls alone
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    embeddings: tuple[tuple[float, ...], ...] | None = None  # embeddings surface: one vector per input
    response: dict[str, Any] = {}  # the whole body; streamed ones put together


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparator says of a pair."""

    score: float  # in [0, 1]; 1 is the same
    agree: bool
    kinds: tuple[str, ...] = ()  # short snake_case names of how they differ; empty on agreement
    detail: Any = None  # JSON-able, for a person to read


class ComparatorOptions(BaseModel):
    """Base of a comparator's options: typed, immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ledger(Protocol):
    """What was spent, by account and day (UTC, ``2026-01-31``), by all processes that share it; kept over restarts."""

    def spent(self, account: str, day: str) -> float:
        """USD so far."""

    def add(self, account: str, day: str, usd: float) -> None: ...


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question that a comparator put to another machine, answered or not."""

    model: str
    seconds: float | None  # until the whole answer was there; None: none came
    input_tokens: int = 0  # 0 where the answer does not say
    output_tokens: int = 0
    usd: float = 0.0  # an estimate where the answer does not say


Observer = Callable[[Asked], None]


class Comparator:
    """Base class of every comparator.

    Subclasses set ``name`` (what ``use:`` says), ``version`` (raised whenever the same pair could be scored
    differently: it is part of the definition of agreement, so evidence begins anew), ``Options`` and
    ``compare``.  The first line of the class's docstring says what agreement is.  Instances are shared between pairs
    and must keep no state but caches.

    ``runs`` says what a score takes, and so where it is made; an instance may set its own by its options:

    ``light``
        Microseconds, linear in the answers' length whatever is in them: in the process that has the pair. One that
        claims this and hangs takes that process with it.
    ``heavy``
        More, or nobody knows (a user's regular expression, somebody's parser): in a process pool, with a time limit.
        The instance is made anew there from its options. So is every comparator that says nothing.
    ``awaited``
        Asks other machines, or uses others that may: ``ask`` is awaited instead of ``compare``.
    """

    name: ClassVar[str]
    version: str  # a class attribute; one that uses others adds theirs
    surfaces: frozenset[str] = TEXT_SURFACES
    symmetric: bool = False  # whether teacher and student may change places and the score stays
    Options: ClassVar[type[ComparatorOptions]] = ComparatorOptions
    runs: Runs = "heavy"

    def __init__(self, options: ComparatorOptions | None = None) -> None:
        self.options: Any = options if options is not None else self.Options()

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        """Score the student's answer against the teacher's.

        May raise: the pair is then missing (``unscored``), and the failure is counted.
        """
        raise NotImplementedError

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:
        """Like ``compare``, for those that ask others. ``run`` scores by another comparator, wherever that runs."""
        raise NotImplementedError

    def keep_accounts(self, ledger: Ledger) -> None:
        """Told before the first pair where money that is spent is written down; one that uses others tells them."""

    def report_to(self, observer: Observer) -> None:
        """Told before the first pair where each question is reported; one that uses others tells them."""

    async def close(self) -> None:
        """Let go of connections and models."""


Run = Callable[[Comparator, Request, Answer, Answer], Awaitable[Score]]
