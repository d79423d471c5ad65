"""Taking over a configuration that was read again, in every process alike."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

import structlog

from proxy.errors import UnderstudyError

_log = structlog.get_logger()


@contextlib.contextmanager
def keeping_the_one_before() -> Iterator[None]:
    """Around reading and taking over: what cannot be used is logged, and the process goes on with what it has.

    A defect of ours that a file brings to light is no reason to stop relaying either.
    """
    try:
        yield
    except (UnderstudyError, OSError) as error:
        _refused(str(error))
    except Exception as error:  # noqa: BLE001 -- said with its place; its words may quote a key
        where = traceback.extract_tb(error.__traceback__)[-1]
        _refused(f"a defect of Understudy: {type(error).__name__} in {Path(where.filename).name}, line {where.lineno}")


def _refused(error: str) -> None:
    _log.error("configuration_refused", error=error, kept="the one before")
