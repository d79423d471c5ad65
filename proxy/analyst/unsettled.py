"""What waits in the journal, asked by whoever reads counts: they are read up to the oldest exchange not settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from proxy.journal.base import Depth, JournalReader


def depth_of(open_journal: Callable[[], JournalReader]) -> Depth:
    """What is not settled yet.  To be asked before the counts are read, and never from an event loop.

    Raises:
        JournalError: it cannot be read just now, or not all of it.
    """

    async def read() -> Depth:
        journal = open_journal()
        try:
            return await journal.depth()
        finally:
            await journal.close()

    return asyncio.run(read())
