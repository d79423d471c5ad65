"""What comparators ask other machines: paid for within one budget, counted, and their connections let go."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comparators.base import Comparator, Score
from tests.fakes.chat import chat_completion
from tests.fakes.judges import judging
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import QUICK, configuration, exchange, student, until, world

ME = "tests.shadow.test_shadow_accounts"


def student_says(text):
    return lambda _: json_reply(chat_completion(text, model="student-1"))


def judge_at(upstream, **more):
    return {"use": "judge", "url": upstream.url, "model": "judge-1", "price": {"input": 1000, "output": 0}, **more}


def within(comparator):
    return {"use": "any_of", "comparators": [{"use": "exact"}, comparator]}


@pytest.mark.parametrize("nested", [False, True])
def test_a_budget_is_one_for_all_workers_and_over_restarts(tmp_path, nested):
    """A verdict costs 0.02 USD: 20 tokens at 1000 USD a million."""
    with Upstream(student_says("right")) as upstream, Upstream(judging()) as judge:
        comparator = judge_at(judge, budget=0.05)
        comparators = [within(comparator) if nested else comparator]
        with world(tmp_path, student(url=upstream.url), comparators=comparators) as there:
            for number in range(1, 6):  # a new worker for each
                there.run(exchange(number, prompt=f"question {number}"))

            outcomes = [there.outcomes()[f"exchange-{number}:small"] for number in range(1, 6)]
            assert outcomes == ["agreed"] * 3 + ["unscored"] * 2  # the third goes beyond what is left
            assert len(judge.seen) == 3
            [usd] = there.store.spent("2020-01-01").values()
            assert usd == pytest.approx(0.06)


def test_a_judges_questions_are_counted_by_route_and_model(tmp_path):
    with Upstream(student_says("right")) as upstream, Upstream(judging()) as judge:
        with world(tmp_path, student(url=upstream.url), comparators=[within(judge_at(judge))]) as there:
            there.run(exchange(1, prompt="a"), exchange(2, prompt="b"))

            labels = {"route": "r", "role": "judge", "model": "judge-1"}
            assert there.counted("understudy_upstream_duration_seconds_count", **labels) == 2
            assert there.counted("understudy_tokens_total", kind="input", **labels) == 40
            assert there.counted("understudy_tokens_total", kind="output", **labels) == 20
            assert there.counted("understudy_cost_usd_total", **labels) == pytest.approx(0.04)


def test_an_embeddings_endpoint_is_counted_too(tmp_path):
    def embed(seen):
        data = [{"index": index, "embedding": [1.0, 0.5]} for index, _ in enumerate(seen.json["input"])]
        return json_reply({"data": data, "usage": {"prompt_tokens": 7, "total_tokens": 7}})

    with Upstream(student_says("right")) as upstream, Upstream(embed) as endpoint:
        semantic = {"use": "semantic", "url": endpoint.url, "model": "embed-1", "price": {"input": 1000}}
        with world(tmp_path, student(url=upstream.url), comparators=[semantic]) as there:
            there.run(exchange())

            labels = {"route": "r", "role": "judge", "model": "embed-1"}
            asked = len(endpoint.seen)
            assert there.counted("understudy_upstream_duration_seconds_count", **labels) == asked > 0
            assert there.counted("understudy_tokens_total", kind="input", **labels) == 7 * asked
            assert there.counted("understudy_cost_usd_total", **labels) == pytest.approx(0.007 * asked)


def test_a_judge_that_does_not_answer_has_no_duration_and_costs_nothing(tmp_path):
    with Upstream(student_says("right")) as upstream, Upstream(lambda _: json_reply({}, status=500)) as judge:
        with world(tmp_path, student(url=upstream.url), comparators=[judge_at(judge)]) as there:
            there.run(exchange())

            labels = {"route": "r", "role": "judge", "model": "judge-1"}
            assert len(judge.seen) == 1
            assert there.counted("understudy_upstream_duration_seconds_count", **labels) == 0
            assert there.counted("understudy_cost_usd_total", **labels) == 0


class Watched(Comparator):
    """Remembers what was done with it; scores of ``wait`` come once ``go`` is set."""

    name = "watched"
    version = "1"
    runs = "awaited"
    made: list = []  # noqa: RUF012 -- emptied by each test
    go = asyncio.Event()

    def __init__(self, options=None):
        super().__init__(options)
        self.accounts, self.closed, self.asked = 0, 0, 0
        self.made.append(self)

    def keep_accounts(self, ledger):
        self.accounts += 1

    async def close(self):
        self.closed += 1

    async def ask(self, request, teacher, student, run):
        self.asked += 1
        if student.content == "wait":
            await self.go.wait()
        assert not self.closed
        return Score(score=1.0, agree=True)


@pytest.fixture
def made():
    Watched.made, Watched.go = [], asyncio.Event()
    return lambda: [each for each in Watched.made if each.accounts]  # a check of the configuration makes some too


WATCHED = {"use": f"{ME}:Watched"}


def test_a_comparator_is_the_same_after_a_reload_that_leaves_it_as_it_is(tmp_path, made):
    async def main(there):
        async with there.working() as worker:
            await until(made, "the first comparator")
            worker.reload(configuration(student(), comparators=[WATCHED], retention="1h"))
        return made()

    with world(tmp_path, student(), comparators=[WATCHED]) as there:
        [only] = asyncio.run(main(there))

    assert (only.accounts, only.closed) == (1, 1)  # closed when the worker ends


def test_one_that_a_reload_replaces_is_closed_once_no_exchange_needs_it(tmp_path, made):
    async def main(there, url):
        there.journal(exchange())
        async with there.working() as worker:
            first = (await until(made, "the first comparator"))[0]
            await until(lambda: first.asked, "it is asked")
            worker.reload(configuration(student(url=url), comparators=[{**WATCHED, "name": "other"}]))
            _, second = made()
            there.journal(exchange(2))
            await until(lambda: second.asked, "the new one is asked")
            assert first.closed == 0
            Watched.go.set()
            await until(lambda: first.closed, "the first one is closed")
            assert second.closed == 0
            await there.settled()

    settings = msgspec.structs.replace(QUICK, stop_seconds=5.0)
    with Upstream(student_says("wait")) as upstream:
        with world(tmp_path, student(url=upstream.url), settings=settings, comparators=[WATCHED]) as there:
            asyncio.run(main(there, upstream.url))

            assert set(there.outcomes().values()) == {"agreed"}
