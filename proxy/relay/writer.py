"""The journal's writer: a thread of its own that reads captures, and commits them in batches."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, deque
from collections.abc import Callable
from time import monotonic

import structlog

from proxy.errors import JournalError
from proxy.journal.base import Exchange, JournalWriter, Tally, bucket_of
from proxy.relay.capture import Captured, CaptureReading, lost_capture, read_capture
from proxy.relay.routing import CompiledRoute
from proxy.relay.telemetry import Telemetry

_BATCH = 256
_BATCH_BYTES = 8 * 2**20
_MOST_QUEUED = 20_000
_GATHER_SECONDS = 0.025
_MAINTAIN_SECONDS = 1.0
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 0.5, 30.0

_TallyKey = tuple[str, str, str, int, float]


class CaptureWriter:
    """Takes captures from the event loop, never makes it wait, and counts what becomes of each.

    ``submit`` and ``count`` are called by the event loop; the rest happens in the thread.  While the journal cannot
    be opened or written, captures count as ``failed``, and the tallies wait in memory.
    """

    def __init__(self, journal: Callable[[], JournalWriter], telemetry: Telemetry, clock: Callable[[], float]) -> None:
        self._open = journal
        self._telemetry = telemetry
        self._clock = clock
        self._queue: deque[Captured] = deque()
        self._tallies: Counter[_TallyKey] = Counter()
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._journal: JournalWriter | None = None
        self._healthy = True
        self._next_open = 0.0
        self._back_off = _FIRST_BACK_OFF
        self._maintained_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def submit(self, captured: Captured) -> None:
        """Hand over a capture; where the queue is full it is shed."""
        if len(self._queue) >= _MOST_QUEUED:
            captured.tee.discard()
            self.count(captured.route, lost_capture("shed", captured))
            return
        self._queue.append(captured)
        if not self._arrived.is_set():
            self._arrived.set()

    def count(self, route: CompiledRoute, reading: CaptureReading) -> None:
        """Count a request that does not become an exchange."""
        outcome, reason = reading.outcome, reading.reason
        self._telemetry.captured(route.name, outcome, reason)
        key = (route.name, outcome, reason, bucket_of(self._clock()), reading.probability)
        with self._lock:
            self._tallies[key] += 1
        if not self._arrived.is_set():
            self._arrived.set()

    def close(self, seconds: float) -> bool:
        """Commit what is queued, close the journal, end the thread; False if that took longer."""
        self._ending.set()
        self._arrived.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._arrived.wait(_MAINTAIN_SECONDS):
                self._ending.wait(_GATHER_SECONDS)
                self._arrived.clear()
            self._round()
        while self._queue:
            self._commit_batch()
        self._commit_batch()
        if self._journal is not None:
            self._guarded(self._journal.close)

    def _round(self) -> None:
        due = self._maintained_at + _MAINTAIN_SECONDS
        while self._queue and monotonic() < due:
            self._commit_batch()
        self._commit_batch()
        if self._queue:
            self._arrived.set()
        now = monotonic()
        if now - self._maintained_at >= _MAINTAIN_SECONDS:
            self._maintained_at = now
            journal = self._opened()
            if journal is not None:
                self._guarded(journal.maintain)

    def _commit_batch(self) -> None:
        """Read and commit up to a batch, with all tallies that wait."""
        batch: list[Exchange] = []
        size = 0
        taken: list[Captured] = []
        while self._queue and len(taken) < _BATCH and size < _BATCH_BYTES:
            captured = self._queue.popleft()
            taken.append(captured)
            exchange = self._read(captured)
            if exchange is not None:
                batch.append(exchange)
                size += len(exchange.request) + len(exchange.response)
        try:
            self._append(batch)
        finally:
            for captured in taken:
                captured.tee.discard()

    def _read(self, captured: Captured) -> Exchange | None:
        try:
            reading = read_capture(captured)
        except Exception as error:  # noqa: BLE001 - whatever a body does to its reader, the thread goes on
            structlog.get_logger().error("capture_not_read", route=captured.route.name, error=type(error).__name__)
            self.count(captured.route, lost_capture("failed", captured))
            return None
        if reading.exchange is None:
            self.count(captured.route, reading)
        else:
            self._telemetry.answered(reading.exchange)
        return reading.exchange

    def _append(self, batch: list[Exchange]) -> None:
        with self._lock:
            waiting, self._tallies = self._tallies, Counter()
        if not batch and not waiting:
            return
        journaled = Counter((each.route, "journaled", "", bucket_of(each.captured_at), 1.0) for each in batch)
        journal = self._opened()
        written = journal is not None and self._guarded(
            lambda: journal.append(batch, [_tally(key, n) for key, n in (waiting + journaled).items()])
        )
        if written:
            for route, n in Counter(each.route for each in batch).items():
                self._telemetry.captured(route, "journaled", n=n)
            return
        for each in batch:
            waiting[each.route, "failed", "", bucket_of(each.captured_at), each.probability] += 1
            self._telemetry.captured(each.route, "failed")
        with self._lock:
            self._tallies.update(waiting)

    def _opened(self) -> JournalWriter | None:
        if self._journal is None and monotonic() >= self._next_open:
            try:
                self._journal = self._open()
            except Exception as error:  # noqa: BLE001 - a relay without its journal goes on relaying
                self._next_open = monotonic() + self._back_off
                self._back_off = min(2 * self._back_off, _LONGEST_BACK_OFF)
                self._trouble(error)
            else:
                self._back_off = _FIRST_BACK_OFF
        return self._journal

    def _guarded(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except JournalError as error:
            self._trouble(error)
            return False
        except Exception as error:  # noqa: BLE001 - a broken engine is opened anew, the thread goes on
            self._trouble(error)
            broken, self._journal = self._journal, None
            if broken is not None:
                with contextlib.suppress(Exception):
                    broken.close()  # or its slot in the journal's directory would stay taken
            return False
        if not self._healthy:
            self._healthy = True
            structlog.get_logger().info("journal_written_again")
        return True

    def _trouble(self, error: Exception) -> None:
        if self._healthy:  # said once, not with every batch
            self._healthy = False
            message = str(error) if isinstance(error, JournalError) else type(error).__name__
            structlog.get_logger().error("journal_not_written", error=message, effect="captures count as failed")


def _tally(key: _TallyKey, n: int) -> Tally:
    route, outcome, reason, bucket, probability = key
    return Tally(route=route, outcome=outcome, reason=reason, bucket=bucket, probability=probability, n=n)
