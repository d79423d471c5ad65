"""Comparators that hang cost their own score; a worker that one froze makes way for a new one."""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from proxy.supervisor import ChildSpec, Supervisor
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import QUICK, exchange, only, student, until, world

HERE = "tests.shadow.shadow_comparators"
ROOT = Path(__file__).parents[2]


def echoing(seen):
    return json_reply(chat_completion(seen.json["messages"][0]["content"], model="student-1"))


def test_one_that_takes_too_long_costs_its_own_score_alone(tmp_path):
    comparators = [
        {"use": "exact", "name": "first"},
        {"use": f"{HERE}:Hangs", "name": "second"},
        {"use": "exact", "name": "third"},
    ]
    settings = msgspec.structs.replace(QUICK, scoring_seconds=0.2)
    with Upstream(echoing) as upstream:
        with world(tmp_path, student(url=upstream.url), settings=settings, comparators=comparators) as there:
            pair = only(there.run(exchange(prompt="hang", answer="hang"))).pair

            assert pair.outcome == "agreed"
            assert set(pair.scores) == {"first", "third"}
            too_long = {"route": "r", "comparator": "second", "error": "TookTooLong"}
            assert there.counted("understudy_comparator_failures_total", **too_long) == 1


def test_where_the_deciding_one_takes_too_long_the_pair_is_unscored_and_keeps_the_others_scores(tmp_path):
    comparators = [{"use": f"{HERE}:Hangs", "name": "first"}, {"use": "exact"}]
    settings = msgspec.structs.replace(QUICK, scoring_seconds=0.2)
    with Upstream(echoing) as upstream:
        with world(tmp_path, student(url=upstream.url), settings=settings, comparators=comparators) as there:
            pair = only(there.run(exchange(prompt="hang"))).pair

    assert pair.outcome == "unscored"
    assert set(pair.scores) == {"exact"}
    assert pair.answer.content == "hang"


@contextlib.asynccontextmanager
async def supervised(there):
    """A worker as it is in service: a process that is started again whenever it ends."""
    arguments = (
        "-m",
        "tests.shadow.hanging_worker",
        str(there.directory),
        there.config.model_dump_json(),
        msgspec.json.encode(there.settings).decode(),
    )
    runtime = there.directory / "runtime"
    runtime.mkdir()
    spec = ChildSpec(role="shadow", slot=0, stage=0, arguments=arguments, environment=(("PYTHONPATH", str(ROOT)),))
    supervisor, stop = Supervisor([spec], runtime=runtime), asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


def test_an_exchange_that_freezes_workers_is_unscored_in_the_end_and_all_others_are_scored(tmp_path):
    """A process that a regular expression froze knows of nothing any more: only deliveries tell."""
    hanging = {3}
    settings = msgspec.structs.replace(QUICK, scoring_seconds=0.3, frozen_seconds=3.0, most_attempts=3)

    async def main(there):
        async with supervised(there):
            await until(lambda: len(there.pairs()) == 12, "all are stored", seconds=90)

    with Upstream(echoing) as upstream:
        with world(
            tmp_path, student(url=upstream.url), settings=settings, comparators=[{"use": f"{HERE}:Backtracks"}]
        ) as there:
            there.journal(*(exchange(n, prompt="hang" if n in hanging else "four") for n in range(12)))
            asyncio.run(main(there))

            unscored = {id_ for id_, outcome in there.outcomes().items() if outcome == "unscored"}
            assert unscored == {f"exchange-{number}:small" for number in hanging}
            assert set(there.outcomes().values()) == {"agreed", "unscored"}
