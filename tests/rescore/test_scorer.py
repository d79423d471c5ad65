"""Many pairs are scored in processes; what hangs or crashes there costs its own scores."""

from __future__ import annotations

import asyncio
import os

import pytest

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Score
from comparators.registry import build
from comparators.running import Runner
from proxy.rescore.again import Comparison, Definition
from proxy.rescore.scorer import Scorer


class Says(Comparator):
    """Agreement is that both say the same; what the student says may do harm."""

    name = "says"
    version = "1"
    runs = "light"

    def compare(self, request, teacher, student):
        match student.content:
            case "loop":
                while True:
                    pass
            case "crash":
                os._exit(1)
            case "raise":
                raise ZeroDivisionError
        agree = teacher.content == student.content
        return Score(score=float(agree), agree=agree, detail={"process": os.getpid()})


class Alike(Comparator):
    """Agreement is always."""

    name = "alike"
    version = "1"
    runs = "heavy"

    def compare(self, request, teacher, student):
        return Score(score=1.0, agree=True)


class Asks(Comparator):
    """Agreement is that it is asked where it was made."""

    name = "asks"
    version = "1"
    runs = "awaited"

    def __init__(self, options: ComparatorOptions | None = None) -> None:
        super().__init__(options)
        self.made_in = os.getpid()
        self.asked = 0

    async def ask(self, request, teacher, student, run):
        self.asked += 1
        return Score(score=1.0, agree=os.getpid() == self.made_in)


def comparison(said: str) -> Comparison:
    request = Request(surface="chat/completions", body={})
    return Comparison(request=request, teacher=Answer(content="yes"), student=Answer(content=said))


def scored(comparators, said, *, seconds=60.0, chunk_seconds=60.0):
    async def scenario():
        runner = Runner(processes=2, seconds=seconds)
        try:
            scorer = Scorer(Definition(hash="d", comparators=comparators), runner, chunk_seconds=chunk_seconds)
            return await scorer.score([comparison(each) for each in said])
        finally:
            await runner.close()

    return asyncio.run(scenario())


def test_pairs_are_scored_in_their_order_without_the_text_of_details():
    said = scored([("says", Says()), ("alike", Alike())], ["yes", "no", "yes"])

    assert [each.agree for each in said] == [True, False, True]
    assert [each.scores["says"].detail for each in said] == [None] * 3
    assert [each.scores["alike"].agree for each in said] == [True] * 3
    assert [each.failed for each in said] == [{}] * 3


def test_one_that_raises_costs_its_own_score():
    said = scored([("says", Says()), ("alike", Alike())], ["yes", "raise"])
    assert [(each.agree, each.failed) for each in said] == [(True, {}), (None, {"says": "ZeroDivisionError"})]
    assert said[1].scores["alike"].agree


@pytest.mark.parametrize(
    ("harm", "failure", "limits"),
    [("loop", "TookTooLong", {"seconds": 6.0, "chunk_seconds": 3.0}), ("crash", "ProcessDied", {})],
)
def test_one_that_hangs_or_crashes_costs_its_own_scores_and_no_others(harm, failure, limits):
    said = scored([("says", Says()), ("alike", Alike())], ["yes", harm, "no"], **limits)

    assert [each.agree for each in said] == [True, None, False]
    assert [each.failed for each in said] == [{}, {"says": failure}, {}]
    assert all(each.scores["alike"].agree for each in said)


def test_those_that_ask_others_are_asked_by_one_alone():
    asks = Asks()
    said = scored([("asks", asks), ("alike", Alike())], ["yes"] * 5)
    assert [each.agree for each in said] == [True] * 5
    assert asks.asked == 5


def test_those_that_only_take_others_run_in_processes():
    said = scored([("auto", build("auto", {})), ("says", Says())], ["yes", "crash", "no"])
    assert [each.agree for each in said] == [True, False, False]
    assert said[1].failed == {"says": "ProcessDied"}
