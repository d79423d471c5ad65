"""The relay's side of the embedded journal."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from proxy.errors import JournalError, JournalFullError
from proxy.journal.base import Exchange, Tally
from proxy.journal.embedded_files import (
    WORKERS_FILE,
    Peer,
    Slot,
    journal_errors,
    prepare,
    relay_files,
    take_slot,
    try_slot,
)
from proxy.journal.embedded_relay_file import RelayFile, Room, encode_bodies

_COLLECT_SECONDS = 0.25  # in which the capture queue fills up: the writer thread does both
_PRUNE_SECONDS = 600.0


class EmbeddedWriter:
    """A ``JournalWriter`` with a file of its own: the first slot in the directory that no living process holds.

    ``limit`` is for the whole directory; each of ``writers`` keeps within its share (1 MiB at least). ``slot``: one
    that is held already. Making a writer opens the file, which may take a second; raises JournalError.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limit: int,
        writers: int = 1,
        clock: Callable[[], float] = time.time,
        slot: Slot | None = None,
    ) -> None:
        prepare(directory)
        with journal_errors(directory, "opened"):
            self._slot = slot or take_slot(directory, writers)
        self._directory = directory
        self._room = Room.within(limit // writers)
        self._clock = clock
        self._workers = Peer(directory / WORKERS_FILE)
        self._file: RelayFile | None = None
        self._prune_after = 0.0
        try:
            with journal_errors(self._slot.path, "opened"):
                self._opened()
        except BaseException:
            self.close()
            raise

    def append(self, exchanges: Sequence[Exchange], tallies: Sequence[Tally]) -> None:
        """Commit all or nothing; what is full for exchanges still takes tallies alone. See ``JournalWriter``."""
        bodies = encode_bodies(exchanges)
        with journal_errors(self._slot.path, "written"):
            file = self._opened()
            if exchanges and file.has_overlong_log():
                raise JournalFullError(f"the journal is full ({self._slot.path}): a reader holds on to its log")
            with self._transaction(file):
                if exchanges:
                    file.append(exchanges, bodies, self._clock())
                if tallies:
                    file.tally(tallies)

    def maintain(self) -> None:
        """Delete what is settled, keep within the limit, drop old tallies. See ``JournalWriter``."""
        now = self._clock()
        with journal_errors(self._slot.path, "written"):
            if self._file is not None and not self._file.is_in_place():
                self._drop()
            file = self._opened()
            with self._rolled_back_on_errors(file):
                file.collect(now, seconds=_COLLECT_SECONDS)
            with self._transaction(file):
                file.keep_within_room(now)
            if now >= self._prune_after:
                file.prune(now)
                self._prune_after = now + _PRUNE_SECONDS

    def close(self) -> None:
        """Let go of the file and its slot."""
        self._drop()
        self._workers.close()
        self._slot.release()

    def _opened(self) -> RelayFile:
        if self._file is None:
            prepare(self._directory)
            self._file = RelayFile(self._slot.path, self._room, self._workers, self._clock())
        return self._file

    @contextlib.contextmanager
    def _transaction(self, file: RelayFile) -> Iterator[None]:
        with self._rolled_back_on_errors(file):
            file.connection.execute("BEGIN IMMEDIATE")
            yield
            file.connection.execute("COMMIT")

    @contextlib.contextmanager
    def _rolled_back_on_errors(self, file: RelayFile) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            try:
                if file.connection.in_transaction:
                    file.connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    file.empty_log()  # only commits do it otherwise, and none succeeds while the log fills the disk
            except sqlite3.Error:
                self._drop()  # the next call opens the file anew
            raise

    def _drop(self) -> None:
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.connection.close()
        self._file = None


def tidy_after_the_dead(directory: Path, clock: Callable[[], float] = time.time) -> None:
    """Do what relays do once a second, for files whose relay is gone. Raises JournalError, after all are seen to."""
    failed: list[JournalError] = []
    for number in relay_files(directory):
        try:
            _tidy_if_dead(directory, number, clock)
        except JournalError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _tidy_if_dead(directory: Path, number: int, clock: Callable[[], float]) -> None:
    with journal_errors(directory, "opened"):
        slot = try_slot(directory, number)
    if slot is not None:
        # The limit is the relay's to know; here nothing is added.
        with contextlib.closing(EmbeddedWriter(directory, limit=2**44, clock=clock, slot=slot)) as writer:
            writer.maintain()
