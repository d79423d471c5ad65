"""The journal lets go of an exchange only once what became of it is stored."""

import asyncio

from proxy.errors import StoreError
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import exchange, student, until, world


class _FullStore:
    """Stands before a store that can be read and takes nothing."""

    def __init__(self, real):
        self._real = real
        self.refused = 0

    def __getattr__(self, name):
        return getattr(self._real, name)

    def record(self, settlements):
        self.refused += len(settlements)
        raise StoreError("disk full")


def test_an_exchange_stays_in_the_journal_until_it_is_stored(tmp_path):
    async def main(there):
        full = _FullStore(there.worker_store())
        async with there.working(store=full):
            await until(lambda: full.refused, "the student answered and the store refused")
        watching = there.reader("watching")
        left = (await watching.depth()).entries
        await watching.close()
        async with there.working():
            await there.settled()
        return left

    with Upstream(lambda _: json_reply(chat_completion("four", model="student-1"))) as upstream:
        with world(tmp_path, student(url=upstream.url)) as there:
            there.journal(exchange())
            left = asyncio.run(main(there))

            assert left == 1
            assert there.outcomes() == {"exchange-1:small": "agreed"}
