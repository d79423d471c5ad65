"""A relay listens to signals: SIGHUP reads the configuration anew, SIGTERM ends it."""

from __future__ import annotations

import asyncio
import os
import signal

from proxy.config.model import Config
from proxy.errors import ConfigurationError
from tests.relay.relay_tools import answering, chat_route, run, running, until, whole


def test_sighup_swaps_the_configuration_and_a_broken_one_changes_nothing() -> None:
    state: dict[str, object] = {"broken": True, "reads": 0}

    def read() -> Config:
        state["reads"] = int(str(state["reads"])) + 1
        if state["broken"]:
            raise ConfigurationError("routes: not a list")
        return Config.model_validate(chat_route(str(state["url"]), name="renamed"))

    async def scenario() -> None:
        async with running(answering(whole()), reread=read) as relay:
            state["url"] = relay.upstream.url
            await relay.ask()  # now it serves
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: state["reads"] == 1)
            assert (await relay.ask()).status == 200
            await until(lambda: relay.requests("chat") == 2)
            state["broken"] = False
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: state["reads"] == 2)
            for _ in range(100):
                await relay.ask()
                if relay.requests("renamed"):
                    break
            assert relay.requests("renamed") == 1
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(relay.serving, 10)
            assert relay.journal.closed

    run(scenario())
