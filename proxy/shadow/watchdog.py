"""Ends the process when its interpreter stands still.

A comparator within one long call of C code, a regular expression that tries every way through a text, holds the
interpreter's lock: no other thread runs, nor does a signal's handler, for hours or years.  What ends the process then
is a thread of faulthandler's, which needs no lock; it writes to stderr where in the code every thread was, no values.
"""

from __future__ import annotations

import asyncio
import faulthandler

STDERR = 2


async def end_if_frozen(seconds: float) -> None:
    """Until cancelled: let the process end, with status 1, when the event loop has not come round for so long."""
    try:
        while True:
            faulthandler.dump_traceback_later(seconds, exit=True, file=STDERR)
            await asyncio.sleep(seconds / 4)
    finally:
        faulthandler.cancel_dump_traceback_later()
