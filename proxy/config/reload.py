"""Taking over a configuration that was read again, in every process alike."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog

from proxy.errors import UnderstudyError

_log = structlog.get_logger()


@contextlib.contextmanager
def keeping_the_one_before() -> Iterator[None]:
    """Around reading and taking over: what cannot be used is logged, and the process goes on with what it has."""
    try:
        yield
    except (UnderstudyError, OSError) as error:
        _log.error("configuration_refused", error=str(error), kept="the one before")
