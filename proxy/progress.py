"""How far long work has come, for whoever waits for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_PLAIN_STEPS = 10


@contextlib.contextmanager
def counting(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, a line now and then elsewhere; gives what is told how many more are done."""
    if console.is_terminal:
        columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(what, total=total)
            yield lambda count: progress.advance(task, count)
        return
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        if before * _PLAIN_STEPS // total != done * _PLAIN_STEPS // total:
            console.print(f"{what}: {done} of {total}")

    yield advance
