"""Asking a language model which answer is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from pydantic import Field

from comparators import judge_prompt
from comparators.asking.budget import Bill, Price
from comparators.asking.cache import Cache
from comparators.asking.client import EndpointAnswerError, EndpointRefusedError
from comparators.asking.options import AskingOptions
from comparators.base import Answer, Comparator, ComparatorError, Ledger, Observer, Request, Run, Runs, Score
from comparators.judge_verdict import Verdict, read_verdict
from comparators.parts import decided_by_form, differing, short

_REASON = 400  # characters of it that are kept
_BYTES_PER_TOKEN = 4
_VERDICT_TOKENS = 150


class JudgeCannotTellError(ComparatorError):
    """The judge could not tell: the pair has no score."""


class JudgeOptions(AskingOptions):
    rubric: str | None = Field(
        None, min_length=1, description="by what an answer is better than another; default: the rubric below"
    )
    both_orders: bool = Field(
        False, description="ask twice, with the answers changed over, and trust only what is said both times"
    )
    ties_agree: bool = Field(
        False, description="whether it is agreement when the judge's word changes with the order (`both_orders`)"
    )
    cannot_tell: Literal["error", "disagree"] = Field(
        "error", description="what `cannot tell` counts as: the pair has no score, or disagrees"
    )
    seed: int = Field(0, description="decides, with the pair, which answer comes first")
    set: dict[str, Any] = Field(
        {"temperature": 0}, description="further fields of the request; one that the endpoint refuses is left out"
    )


class _Word(msgspec.Struct, frozen=True):
    """What the judge said, asked in one order."""

    order: tuple[str, str]  # who was A, who was B
    verdict: Verdict

    @property
    def better(self) -> str:
        """``teacher``, ``student``, ``equal`` or ``cannot tell``."""
        sides = {"A": self.order[0], "B": self.order[1]}
        return sides.get(self.verdict.word, self.verdict.word)

    @property
    def shown(self) -> dict[str, str]:
        first, second = self.order
        return {
            "A": first,
            "B": second,
            "verdict": self.verdict.word,
            "reason": short(self.verdict.reason.strip(), _REASON),
        }


class Judge(Comparator):
    """Agreement is that a language model, told nothing of who wrote which, finds the student's answer no worse."""

    name = "judge"
    version = "2"
    Options = JudgeOptions
    runs: Runs = "awaited"

    def __init__(self, options: JudgeOptions) -> None:
        super().__init__(options)
        self._endpoint = options.endpoint()
        self._budget = options.new_budget()
        self._cache: Cache[Verdict] = Cache(options.cache)
        self._refused: frozenset[str] = frozenset()  # fields that the endpoint does not take
        self._price: Price | None = None

    def keep_accounts(self, ledger: Ledger) -> None:
        self._budget.ledger = ledger

    def report_to(self, observer: Observer) -> None:
        self._budget.observer = observer

    async def close(self) -> None:
        await self._endpoint.close()

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:  # noqa: ARG002 -- it uses no others
        """The judge's word on the pair. Nobody is asked where the answers are the same or their form decides.

        Raises:
            AskingError: no answer (a subclass says why), or the day's budget is spent.
            VerdictUnreadableError: the answer has no verdict.
            JudgeCannotTellError: the judge cannot tell, and that is not to count.
        """
        sides = {"teacher": judge_prompt.shown(teacher), "student": judge_prompt.shown(student)}
        decided = _without_judge(request, teacher, student, same=sides["teacher"] == sides["student"])
        if decided is not None:
            return decided
        asked = judge_prompt.shown_request(request)
        drawn = judge_prompt.digest(self.options.seed, asked, sides["teacher"], sides["student"])
        orders = [("teacher", "student"), ("student", "teacher")]
        if int(drawn[-1], 16) % 2:
            orders.reverse()
        orders = orders if self.options.both_orders else orders[:1]
        words = [await self._word(order, asked, sides, boundary=drawn[:32]) for order in orders]
        shown = {
            name: short((side.content or "").strip()) for name, side in (("teacher", teacher), ("student", student))
        }
        return self._score(words, shown)

    async def _word(
        self, order: tuple[str, str], asked: dict[str, Any], sides: Mapping[str, dict[str, Any]], boundary: str
    ) -> _Word:
        rubric = self.options.rubric or judge_prompt.RUBRIC
        first, second = (sides[name] for name in order)
        chat = judge_prompt.messages(asked, first, second, rubric=rubric, boundary=boundary)
        verdict = await self._cache.get(judge_prompt.digest(chat), lambda: self._ask_endpoint(chat))
        word = _Word(order, verdict)
        if word.better == "cannot tell" and self.options.cannot_tell == "error":
            raise JudgeCannotTellError("the judge cannot tell; `cannot_tell: disagree` counts that as disagreement")
        return word

    async def _ask_endpoint(self, chat: list[dict[str, str]]) -> Verdict:
        price = self._price = self._price or self.options.known_price()
        input_tokens = sum(len(message["content"].encode()) for message in chat) // _BYTES_PER_TOKEN
        async with self._budget.question(price.cost(input_tokens, _VERDICT_TOKENS)) as bill:
            completion = await self._complete(chat, bill)
            used = _usage(completion)
            if used is not None:
                bill.charge(price, *used)
        return read_verdict(_content(completion))

    async def _complete(self, chat: list[dict[str, str]], bill: Bill) -> Any:
        """The endpoint's answer. Of what one may do without, it is asked again without what it refuses."""
        wished = {"response_format": judge_prompt.RESPONSE_FORMAT, **self.options.set}
        refused = self._refused
        while True:
            fields = {key: value for key, value in wished.items() if key not in refused}
            body = {**fields, "model": self.options.model, "messages": chat, "stream": False}
            try:
                completion = await self._endpoint.post("chat/completions", body, took=bill.took)
            except EndpointRefusedError as error:
                named = error.fields & fields.keys() or fields.keys() & {"response_format"}
                if not named:
                    raise
                refused |= named
            else:
                self._refused = refused  # only now is it known that this was it
                return completion

    def _score(self, words: list[_Word], shown: dict[str, str]) -> Score:
        """The score is the share of the orders in which the student's answer was found no worse."""
        better = {word.better for word in words}
        no_worse = [word.better in {"student", "equal"} for word in words]
        score = sum(no_worse) / len(words)
        detail: dict[str, Any] = {"better": better.pop() if len(better) == 1 else "tie", **shown}
        detail["asked"] = [word.shown for word in words]
        if len(words) > 1:
            detail["inconsistent"] = detail["better"] == "tie"
        if all(no_worse) or (any(no_worse) and self.options.ties_agree):
            return Score(score=score, agree=True, detail=detail)
        kind = {"teacher": "judged_worse", "cannot tell": "judge_undecided"}.get(detail["better"], "judge_inconsistent")
        return Score(score=score, agree=False, kinds=(kind,), detail=detail)


def _without_judge(request: Request, teacher: Answer, student: Answer, *, same: bool) -> Score | None:
    """The score where it is plain; None where the judge is to be asked."""
    if teacher.embeddings is not None or student.embeddings is not None:
        raise ComparatorError("a judge of texts cannot compare embeddings")
    if same:
        return Score(score=1.0, agree=True, detail={"better": "equal", "asked": []})
    decided = decided_by_form(teacher, student, words_beside_calls=True, request=request)
    if decided is not None:
        return decided
    if not (student.content or "").strip():
        return differing("empty", short((teacher.content or "").strip()), "")
    return None


def _usage(completion: Any) -> tuple[int, int] | None:
    """Tokens read and written, where the endpoint tells."""
    usage = completion.get("usage") if isinstance(completion, dict) else None
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not (type(read) is int and type(written) is int and read >= 0 and written >= 0):
        return None
    return read, written


def _content(completion: Any) -> Any:
    try:
        return completion["choices"][0]["message"]["content"]
    except (LookupError, TypeError):
        pass
    raise EndpointAnswerError("the answer is no chat completion")
