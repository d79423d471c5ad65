"""What a worker does with the embedded journal's files, synchronously and in one thread."""

from __future__ import annotations

import heapq
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import structlog

from proxy.errors import JournalError
from proxy.journal.base import Delivery, Depth, Exchange, TallyTotal
from proxy.journal.embedded_files import WORKERS_FILE, Peer, journal_errors, prepare, relay_files
from proxy.journal.embedded_look import look
from proxy.journal.embedded_workers_file import Entry, WorkersFile
from proxy.journal.embedded_writer import tidy_after_the_dead

_TIDY_SECONDS = 60.0

_log = structlog.get_logger()
_decode = msgspec.msgpack.Decoder(Exchange).decode


class WorkerSide:
    """One worker's view of all relay files and of the workers' file. Methods raise JournalError."""

    def __init__(self, directory: Path, owner: str, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._path = directory / WORKERS_FILE
        self._owner = owner
        self._clock = clock
        self._file: WorkersFile | None = None
        self._peers: dict[Path, Peer] = {}
        self._unreadable: set[Path] = set()
        self._seen: dict[str, int] = {}  # origin: revision of the last tally given
        self._tidy_after = time.monotonic() + _TIDY_SECONDS

    def lease(self, limit: int, seconds: float) -> list[Delivery]:
        with journal_errors(self._path, "read"):
            file = self._opened()
            self._tidy_now_and_then()
            relays = self._relays()
            if not self._waiting(file, relays, 1):  # looked at without a lock first: workers that wait lock nobody out
                return []
            with file.transaction():
                entries = self._waiting(file, relays, limit)
                file.lease(entries, self._owner, self._clock() + seconds)
            deliveries, gone = [], []
            for entry in entries:
                delivery = _read(relays[entry.origin], entry)
                if delivery is not None:
                    deliveries.append(delivery)
                else:
                    gone.append((entry.origin, entry.seq))
            if gone:  # lost by a power cut: nothing is left to be done
                file.settle(gone)
            return deliveries

    def hold(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        """Move the end of leases to ``seconds`` from now."""
        with journal_errors(self._path, "written"):
            self._opened().hold([_place(delivery) for delivery in deliveries], self._owner, self._clock() + seconds)

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        with journal_errors(self._path, "written"):
            self._opened().settle([_place(delivery) for delivery in deliveries])

    def tallies(self) -> list[TallyTotal]:
        totals: list[TallyTotal] = []
        seen = dict(self._seen)
        with journal_errors(self._directory, "read"):
            for origin, relay in self._relays().items():
                rows = relay.execute(
                    "SELECT route, outcome, reason, bucket, probability, total, revision"
                    " FROM tallies WHERE revision > ?",
                    (seen.get(origin, 0),),
                )
                for route, outcome, reason, bucket, probability, total, revision in rows:
                    totals.append(
                        TallyTotal(
                            origin=origin,
                            route=route,
                            outcome=outcome,
                            reason=reason,
                            bucket=bucket,
                            probability=probability,
                            total=total,
                        )
                    )
                    seen[origin] = max(revision, seen.get(origin, 0))
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

    def _relays(self) -> dict[str, sqlite3.Connection]:
        """Connections to all relay files that can be read, by origin."""
        paths = relay_files(self._directory).values()
        for path in set(self._peers).difference(paths):
            self._peers.pop(path).close()
        self._unreadable.intersection_update(paths)
        found: dict[str, sqlite3.Connection] = {}
        for path in paths:
            peer = self._peers.setdefault(path, Peer(path))
            try:
                connection = peer.connection()
                if connection is not None:
                    (origin,) = connection.execute("SELECT origin FROM state").fetchone()
                    found[origin] = connection
            except (sqlite3.Error, JournalError) as error:  # the others' exchanges must not wait for this one
                peer.close()
                if path not in self._unreadable:
                    _log.warning("journal_file_unreadable", path=str(path), reason=str(error))
                self._unreadable.add(path)
            else:
                self._unreadable.discard(path)
        return found

    def _waiting(self, file: WorkersFile, relays: dict[str, sqlite3.Connection], limit: int) -> list[Entry]:
        """What comes next: what others gave up or let expire, then what nobody had yet, oldest first."""
        entries = file.expired(relays, self._clock(), limit)
        wanted = limit - len(entries)
        heads: list[Iterable[Entry]] = []
        for origin, relay in relays.items():
            rows = relay.execute(
                "SELECT seq, captured_at FROM entries WHERE seq > ? ORDER BY seq LIMIT ?",
                (file.leased_through(origin), wanted),
            )
            heads.append([Entry(origin, seq, captured_at, 0) for seq, captured_at in rows])
        return entries + list(heapq.merge(*heads, key=_captured_at))[:wanted]

    def _tidy_now_and_then(self) -> None:
        if time.monotonic() < self._tidy_after:
            return
        self._tidy_after = time.monotonic() + _TIDY_SECONDS
        try:
            self.tidy()
        except JournalError as error:
            _log.warning("journal_not_tidied", reason=str(error))


def _captured_at(entry: Entry) -> float:
    return entry.captured_at


def _place(delivery: Delivery) -> tuple[str, int]:
    origin, _, seq = delivery.token.partition(":")
    return origin, int(seq)


def _read(relay: sqlite3.Connection, entry: Entry) -> Delivery | None:
    row = relay.execute(
        "SELECT exchange_id, route, captured_at, probability, body"
        " FROM entries LEFT JOIN bodies USING (seq) WHERE seq = ?",
        (entry.seq,),
    ).fetchone()
    if row is None:
        return None
    exchange_id, route, captured_at, probability, body = row
    exchange = None
    if body is not None:
        try:
            exchange = _decode(body)
        except msgspec.DecodeError:  # another version's: like one that was shed, so that it is counted
            _log.warning("journal_entry_unreadable", exchange_id=exchange_id)
    return Delivery(
        token=f"{entry.origin}:{entry.seq}",
        exchange_id=exchange_id,
        route=route,
        captured_at=captured_at,
        probability=probability,
        attempts=entry.attempts + 1,
        exchange=exchange,
    )
