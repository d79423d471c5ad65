"""Work that takes as long as its bodies are large: small ones at once, large ones beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
SMALL = 2**15  # bytes: what takes less than a millisecond; a change of threads takes as long, and several contend


async def offload(function: Callable[[], Result], size: float) -> Result:
    """The function's result.

    Args:
        function: Computes for a time that grows with ``size``.
        size: Of the bodies that it reads or writes, in bytes.
    """
    return function() if size <= SMALL else await asyncio.to_thread(function)
