"""Comparators that misbehave cost one score each; those that behave are scored wherever they run."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from comparators.base import Answer, Comparator, Request, Score
from comparators.running import (
    ComparatorFailedError,
    ProcessDiedError,
    Runner,
    SurfaceNotSupportedError,
    SuspendedError,
)
from tests.comparators.troublesome import Trouble, TroubleOptions

REQUEST = Request(surface="chat/completions", body={})
ANSWER = Answer(content="planted")


def trouble(how: str = "", **more: str) -> Trouble:
    return Trouble(TroubleOptions(how=how, **more))


HANGING = trouble("sleeps")


async def score(runner: Runner, comparator: Comparator, request: Request = REQUEST) -> Score:
    return await runner.run(comparator, request, ANSWER, ANSWER)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("loops", TimeoutError),
        ("regular expression", TimeoutError),
        ("sleeps", TimeoutError),
        ("raises", ZeroDivisionError),
        ("raises something of its own", ComparatorFailedError),
        ("raises what does not unpickle", ComparatorFailedError),
        ("allocates", (MemoryError, ProcessDiedError)),
        ("exits", (SystemExit, ProcessDiedError)),
        ("crashes", ProcessDiedError),
    ],
)
def test_one_that_misbehaves_costs_its_own_score(how: str, error: type[Exception]) -> None:
    async def scenario() -> None:
        # what allocates takes its time until there is no more
        runner = Runner(processes=1, seconds=60.0 if how == "allocates" else 2.0, memory=2**30)
        try:
            before = await score(runner, trouble())
            with pytest.raises(error):
                await score(runner, trouble(how))
            after = await score(runner, trouble())
            assert before.agree
            assert after.agree
            assert before.detail["process"] != os.getpid()
        finally:
            await runner.close()

    asyncio.run(scenario())


def test_one_that_hangs_again_and_again_is_left_out_for_a_while_and_others_are_not() -> None:
    async def scenario() -> None:
        runner = Runner(processes=1, seconds=0.2)
        try:
            said = [await asyncio.gather(score(runner, HANGING), return_exceptions=True) for _ in range(6)]
            assert [type(error) for [error] in said] == [TimeoutError] * 4 + [SuspendedError] * 2
            assert (await score(runner, trouble())).agree
        finally:
            await runner.close()

    asyncio.run(scenario())


def test_waiting_for_a_process_costs_no_time_of_the_comparators() -> None:
    async def scenario() -> None:
        runner = Runner(processes=1, seconds=2.0)
        try:
            hanging = [asyncio.create_task(score(runner, trouble("sleeps"))) for _ in range(2)]
            assert (await score(runner, trouble())).agree
            assert [type(error) for error in await asyncio.gather(*hanging, return_exceptions=True)] == [
                TimeoutError
            ] * 2
        finally:
            await runner.close()

    asyncio.run(scenario())


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        runner = Runner(processes=1, seconds=20.0)
        try:
            assert (await score(runner, trouble("prints"))).agree
        finally:
            await runner.close()

    asyncio.run(scenario())
    assert "planted" not in "".join(capfd.readouterr())


def test_asking_ones_are_awaited_and_may_use_others() -> None:
    class Asks(Comparator):
        name, version, runs = "asks", "1", "awaited"

        async def ask(self, request, teacher, student, run):
            heavy = await run(trouble(), request, teacher, student)
            light = await run(Light(), request, teacher, student)
            return Score(score=heavy.score * light.score, agree=True)

    class Light(Comparator):
        name, version, runs = "light", "1", "light"

        def compare(self, request, teacher, student):
            return Score(score=0.5, agree=True)

    async def scenario() -> None:
        runner = Runner(processes=1, seconds=20.0)
        try:
            assert (await score(runner, Asks())).score == 0.5
            with pytest.raises(SurfaceNotSupportedError):
                await score(runner, Light(), Request(surface="embeddings", body={}))
        finally:
            await runner.close()

    asyncio.run(scenario())


PARENT = """
import asyncio, sys
from comparators.running import Runner
from tests.comparators.test_running import score, trouble

async def main():
    await score(Runner(processes=1, seconds=600.0), trouble("sleeps", file=sys.argv[1]))

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_process_ends_with_its_parent_whatever_it_is_at(tmp_path: Path) -> None:
    script, said = tmp_path / "parent.py", tmp_path / "process"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, str(script), str(said)], env=environment) as parent:
        while not (said.exists() and said.read_text().endswith("\n")):
            assert parent.poll() is None
        child = Path(f"/proc/{said.read_text().strip()}")
        assert child.exists()
        parent.kill()
    while child.exists() and b"\nState:\tZ" not in (child / "status").read_bytes():
        pass
