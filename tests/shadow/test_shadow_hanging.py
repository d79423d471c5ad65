"""Comparators that hang: they cost their own score, and a worker that cannot score any more makes way for a new one."""

import asyncio
import contextlib
from pathlib import Path

import msgspec
import pytest

from proxy.errors import UnderstudyError
from proxy.shadow.processing import SCORERS
from proxy.shadow.scoring import ScoringThreads
from proxy.shadow.worker import ShadowWorker
from proxy.supervisor import ChildSpec, Supervisor
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_comparators import Hangs
from tests.shadow.shadow_world import QUICK, exchange, only, student, until, world

HERE = "tests.shadow.shadow_comparators"
ROOT = Path(__file__).parents[2]


def echoing(seen):
    return json_reply(chat_completion(seen.json["messages"][0]["content"], model="student-1"))


@pytest.fixture(autouse=True)
def hang():
    """Those that hang do so until the test is over."""
    Hangs.free.clear()
    yield
    Hangs.free.set()


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


def test_waiting_for_a_thread_takes_no_time_from_those_that_wait():
    async def main():
        threads = ScoringThreads(1)
        loop = asyncio.get_running_loop()
        free = asyncio.Event()
        limit = 0.2

        def hold():
            asyncio.run_coroutine_threadsafe(free.wait(), loop).result()

        with contextlib.suppress(TimeoutError):
            await threads.run(hold, limit)  # it is given up, and keeps the only thread
        waiting = asyncio.create_task(threads.run(lambda: None, limit))
        late = asyncio.create_task(asyncio.sleep(2 * limit))
        done, _ = await asyncio.wait([waiting, late], return_when=asyncio.FIRST_COMPLETED)
        assert done == {late}
        free.set()
        await waiting

    asyncio.run(main())


def test_threads_are_stuck_once_each_has_been_at_the_same_work_for_too_long():
    async def main():
        now = 0.0
        threads = ScoringThreads(2, clock=lambda: now)
        loop = asyncio.get_running_loop()
        free = asyncio.Event()

        def hold():
            asyncio.run_coroutine_threadsafe(free.wait(), loop).result()

        async def holding():
            work = asyncio.create_task(threads.run(hold, 60))
            await asyncio.sleep(0)
            return work

        first = await holding()
        now = 5.0
        alone = threads.stuck(4)
        second = await holding()
        now = 9.0
        not_yet = threads.stuck(4)
        now = 9.1
        at_last = threads.stuck(4)
        free.set()
        await asyncio.gather(first, second)
        return alone, not_yet, at_last, threads.stuck(4)

    assert asyncio.run(main()) == (False, False, True, False)


def test_a_worker_whose_threads_are_all_stuck_ends_and_says_so(tmp_path):
    """What hung is stored; what waited for a thread is given back for the next worker."""

    async def main(there):
        reader, store = there.reader(), there.worker_store()
        worker = ShadowWorker(there.config, reader, store, there.metrics, settings=there.settings)
        async with asyncio.timeout(30):
            with pytest.raises(UnderstudyError, match="comparators hang"):
                await worker.run(asyncio.Event())
        outcomes = there.outcomes()
        Hangs.free.set()
        async with there.working(journal=there.reader("another")):  # the first one's leases would last for 30 s
            await there.settled()
        return outcomes

    settings = msgspec.structs.replace(QUICK, scoring_seconds=0.2)
    comparators = [{"use": f"{HERE}:Hangs"}]
    with Upstream(echoing) as upstream:
        with world(tmp_path, student(url=upstream.url), settings=settings, comparators=comparators) as there:
            there.journal(*(exchange(number, prompt="hang") for number in range(SCORERS + 3)))
            outcomes = asyncio.run(main(there))

            assert list(outcomes.values()) == ["unscored"] * SCORERS
            assert sorted(there.outcomes().values()) == ["agreed"] * 3 + ["unscored"] * SCORERS


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


@pytest.mark.parametrize("comparator", ["Backtracks", "Spins"])
def test_exchanges_that_hang_workers_are_unscored_in_the_end_and_all_others_are_scored(tmp_path, comparator):
    """A process that a regular expression froze knows of nothing any more: only deliveries tell."""
    hanging = {3} if comparator == "Backtracks" else {3, 5, 7, 9}
    settings = msgspec.structs.replace(QUICK, scoring_seconds=0.3, frozen_seconds=3.0, most_attempts=3)

    async def main(there):
        async with supervised(there):
            await until(lambda: len(there.pairs()) == 12, "all are stored", seconds=90)

    with Upstream(echoing) as upstream:
        with world(
            tmp_path, student(url=upstream.url), settings=settings, comparators=[{"use": f"{HERE}:{comparator}"}]
        ) as there:
            there.journal(*(exchange(n, prompt="hang" if n in hanging else "four") for n in range(12)))
            asyncio.run(main(there))

            unscored = {id_ for id_, outcome in there.outcomes().items() if outcome == "unscored"}
            assert unscored == {f"exchange-{number}:small" for number in hanging}
            assert set(there.outcomes().values()) == {"agreed", "unscored"}
