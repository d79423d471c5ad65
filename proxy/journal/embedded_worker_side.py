"""What a worker does with the embedded journal's files, synchronously and in one thread."""

from __future__ import annotations

import contextlib
import heapq
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from proxy.errors import JournalError
from proxy.journal.base import Delivery, Depth, TallyTotal
from proxy.journal.embedded_files import WORKERS_FILE, Peer, inode_of, journal_errors, prepare, relay_files
from proxy.journal.embedded_look import look
from proxy.journal.embedded_relay_reading import Entry, delivery_of, entries_after, origin_of, tallies_after
from proxy.journal.embedded_workers_file import WorkersFile
from proxy.journal.embedded_writer import tidy_after_the_dead

T = TypeVar("T")

_TIDY_SECONDS = 60.0

_log = structlog.get_logger()


class _Relay(msgspec.Struct, frozen=True):
    path: Path
    connection: sqlite3.Connection


class WorkerSide:
    """One worker's view of all relay files and of the workers' file.

    Methods raise JournalError; a relay's file that is damaged is no reason to, and costs its own exchanges alone.
    """

    def __init__(self, directory: Path, owner: str, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._path = directory / WORKERS_FILE
        self._owner = owner
        self._clock = clock
        self._file: WorkersFile | None = None
        self._peers: dict[Path, Peer] = {}
        self._unreadable: set[Path] = set()  # so that their origins are not known
        self._told: dict[Path, tuple[int, int] | None] = {}  # files whose trouble is logged
        self._seen: dict[str, int] = {}  # origin: revision of the last tally given
        self._tidy_after = time.monotonic() + _TIDY_SECONDS
        self._untidied: str | None = None  # why, as logged

    def lease(self, limit: int, seconds: float) -> list[Delivery]:
        with journal_errors(self._path, "read"):
            file = self._opened()
            self._tidy_now_and_then()
            relays = self._relays()
            if not self._waiting(file, relays, 1):  # looked at without a lock first: workers that wait lock nobody out
                return []
            while True:
                with file.transaction():
                    entries = self._waiting(file, relays, limit)
                    file.lease(entries, self._owner, self._clock() + seconds)
                deliveries, troubled = self._read(file, relays, entries)
                if deliveries or not entries:
                    return deliveries
                relays = {origin: relay for origin, relay in relays.items() if origin not in troubled}

    def hold(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        """Move the end of leases to ``seconds`` from now."""
        with journal_errors(self._path, "written"):
            self._opened().hold([_place(delivery) for delivery in deliveries], self._owner, self._clock() + seconds)

    def release(self, deliveries: Sequence[Delivery]) -> None:
        with journal_errors(self._path, "written"):
            self._opened().release([_place(delivery) for delivery in deliveries], self._owner)

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        with journal_errors(self._path, "written"):
            self._opened().settle([_place(delivery) for delivery in deliveries])

    def tallies(self) -> list[TallyTotal]:
        totals: list[TallyTotal] = []
        seen = dict(self._seen)
        with journal_errors(self._directory, "read"):
            for origin, relay in self._relays().items():
                rows = tallies_after(relay.connection, origin, seen.get(origin, 0))
                for revision, total in self._up_to_trouble(relay.path, rows):
                    totals.append(total)
                    seen[origin] = revision
        self._seen = seen
        return totals

    def depth(self) -> Depth:
        return look(self._directory)

    def tidy(self) -> None:
        """Look after the files of relays that are gone, and forget what is known of files that are."""
        with journal_errors(self._path, "written"):
            file = self._opened()
            known = file.origins()  # before the files are looked at, as new ones may come meanwhile
            vanished = known.difference(self._relays())
            if vanished and not self._unreadable:  # else one of those may have this origin
                file.forget(vanished)
        tidy_after_the_dead(self._directory, self._clock)

    def close(self) -> None:
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()
        if self._file is not None:
            self._file.close()
        self._file = None

    def _opened(self) -> WorkersFile:
        if self._file is not None and not self._file.is_in_place():
            self._file.close()
            self._file = None
        if self._file is None:
            prepare(self._directory)
            file = WorkersFile(self._directory)
            file.take_back(self._owner)
            self._file = file
        return self._file

    def _relays(self) -> dict[str, _Relay]:
        """All relay files that can be read, by origin."""
        paths = relay_files(self._directory).values()
        for path in set(self._peers).difference(paths):
            self._peers.pop(path).close()
            self._told.pop(path, None)
        self._unreadable = set(paths)
        found: dict[str, _Relay] = {}
        for path in paths:
            peer = self._peers.setdefault(path, Peer(path))
            with self._trouble_of(path):
                try:
                    connection = peer.connection()
                    if connection is not None:
                        found[origin_of(connection)] = _Relay(path, connection)
                except BaseException:
                    peer.close()
                    raise
                self._unreadable.discard(path)
        return found

    @contextlib.contextmanager
    def _trouble_of(self, path: Path) -> Iterator[None]:
        """Trouble with a relay's file ends here, said once: the others' exchanges must not wait for it."""
        try:
            yield
        except (sqlite3.Error, JournalError) as error:
            self._tell(path, error)

    def _tell(self, path: Path, error: Exception) -> None:
        inode = inode_of(path)
        if self._told.get(path) != inode:
            _log.warning("journal_file_unreadable", path=str(path), reason=str(error))
        self._told[path] = inode

    def _up_to_trouble(self, path: Path, rows: Iterator[T]) -> Iterator[T]:
        with self._trouble_of(path):
            yield from rows

    def _read(
        self, file: WorkersFile, relays: dict[str, _Relay], entries: Sequence[Entry]
    ) -> tuple[list[Delivery], set[str]]:
        """What was leased; also the origins of what cannot be read: that stays leased, and comes again."""
        deliveries: list[Delivery] = []
        gone: list[tuple[str, int]] = []
        troubled: set[str] = set()
        for entry in entries:
            relay = relays[entry.origin]
            with self._trouble_of(relay.path):
                delivery = delivery_of(relay.connection, entry, partial(self._tell, relay.path))
                if delivery is not None:
                    deliveries.append(delivery)
                else:
                    gone.append((entry.origin, entry.seq))
                continue
            troubled.add(entry.origin)
        if gone:  # lost by a power cut: nothing is left to be done
            file.settle(gone)
        return deliveries, troubled

    def _waiting(self, file: WorkersFile, relays: dict[str, _Relay], limit: int) -> list[Entry]:
        """What comes next: what others gave up or let expire, then what nobody had yet, oldest first."""
        entries = file.expired(relays, self._clock(), limit)
        wanted = limit - len(entries)
        heads: list[list[Entry]] = []
        for origin, relay in relays.items():
            rows = entries_after(relay.connection, origin, file.leased_through(origin), wanted)
            heads.append(list(self._up_to_trouble(relay.path, rows)))
        return entries + list(heapq.merge(*heads, key=_captured_at))[:wanted]

    def _tidy_now_and_then(self) -> None:
        if time.monotonic() < self._tidy_after:
            return
        self._tidy_after = time.monotonic() + _TIDY_SECONDS
        untidied = None
        try:
            self.tidy()
        except JournalError as error:
            untidied = str(error)
            if untidied != self._untidied:
                _log.warning("journal_not_tidied", reason=untidied)
        self._untidied = untidied


def _captured_at(entry: Entry) -> float:
    return entry.captured_at


def _place(delivery: Delivery) -> tuple[str, int]:
    origin, _, seq = delivery.token.partition(":")
    return origin, int(seq)
