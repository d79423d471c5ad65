"""``understudy demo``: two small models, Understudy between them, some thousand requests, and the report."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from proxy.demo.launch import Running, get, running
from proxy.demo.models import need_demo_packages
from proxy.demo.send import send
from proxy.demo.task import traffic
from proxy.errors import UnderstudyError
from proxy.progress import counting

_SEED = 7
_POLL_SECONDS = 0.3
_PATIENCE_SECONDS = 60.0


def run_demo(*, once: bool, mended: bool, requests: int = 3000, directory: Path | None = None) -> int:
    """Run the demonstration; without ``once`` it stays up until Ctrl-C. Returns the exit status.

    Raises:
        UsageError: scikit-learn or openai is not installed.
        UnderstudyError: something did not start, or a request failed.
    """
    need_demo_packages()
    console = Console(highlight=False, soft_wrap=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminated_like_interrupted())
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-demo-")))
        console.print("Training two small models and starting them, with Understudy between …")
        started = stack.enter_context(running(directory, mended=mended))
        console.print(f"  teacher     {started.teacher_url}")
        console.print(f"  student     {started.student_url}{'  (mended: it has learned every language)' * mended}")
        console.print(f"  Understudy  {started.url}  what the application talks to")
        messages = traffic(requests, seed=_SEED)
        with counting(console, "sent by the application", requests) as advance:
            send(started.url, messages, lambda: advance(1))
        with counting(console, "asked of the student too", requests) as advance:
            _wait_until_compared(started, requests, advance)
        console.print()
        _print_report(started, console)
        if not once:
            _stay_up(started, console)
    return 0


def _wait_until_compared(started: Running, requests: int, advance: Callable[[int], None]) -> None:
    """Until every request is accounted for and the journal is empty."""
    done, since = 0, time.monotonic()
    while True:
        started.check()
        totals = _totals(started)
        pairs = int(totals.get("understudy_pairs_total", 0))
        if pairs > done:
            advance(pairs - done)
            done, since = pairs, time.monotonic()
        captured = totals.get("understudy_captures_total", 0) >= requests
        if captured and totals.get("understudy_journal_depth") == 0:
            return
        if time.monotonic() - since > _PATIENCE_SECONDS:
            raise UnderstudyError(f"the journal does not empty: {done} of {requests} requests have become pairs")
        time.sleep(_POLL_SECONDS)


def _totals(started: Running) -> dict[str, float]:
    """Each metric summed over its labels; none while they cannot be read."""
    totals: dict[str, float] = {}
    try:
        text = get(f"{started.admin_url}/metrics")
    except OSError:  # asked again in a moment
        return totals
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals


def _print_report(started: Running, console: Console) -> None:
    command = [sys.executable, "-m", "proxy.cli", "report", "--config", str(started.config)]
    written = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own
    if written.returncode != 0:
        raise UnderstudyError(f"the report failed: {written.stderr.strip()}")
    console.out(written.stdout, end="", highlight=False)


def _stay_up(started: Running, console: Console) -> None:
    console.print(f"""
It stays up until Ctrl-C. Meanwhile:
  metrics   {started.admin_url}/metrics
  report    {started.admin_url}/api/report
  pairs     {started.admin_url}/api/pairs?disagreements=true&limit=5
  files     {started.config.parent}
  commands  understudy pairs --config {started.config} --disagreements --limit 5""")
    try:
        while True:
            started.check()
            time.sleep(1.0)
    except KeyboardInterrupt:
        console.print("\nended")


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the demonstration as Ctrl-C does, so that no process is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
