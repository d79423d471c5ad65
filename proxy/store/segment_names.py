"""Which segments counts are kept by.  For SQLite.

Clients name values, and with tags keys too: were each counted by its name, counts, reports and metrics would grow with
every new one that somebody sends.  So the first values of a key, and the first keys of a route, keep their names for
good, and all that come later are counted together as ``other``.  The order in which they are stored decides, whatever
was answered, for the whole store and in the transaction that counts the first of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from proxy.store import statements
from proxy.store.connection import Connection
from proxy.store.rows import utf8

MOST_VALUES = 200  # of a key
MOST_KEYS = 32  # of a route
OTHER = "other"
_KEPT = frozenset({OTHER, "none"})  # they say of themselves that there is no value
_KEY = ""  # in place of a value: the key's own name


class _Name(NamedTuple):
    route: str
    key: str
    value: str


class Remembered(msgspec.Struct):
    """What needs no looking up: names once given stay, and what is full stays so."""

    names: set[_Name] = msgspec.field(default_factory=set)
    full: set[tuple[str, str]] = msgspec.field(default_factory=set)  # (route, key); (route, "") of a route's keys


class SegmentNames:
    """Made within a transaction that holds the write lock; ``remember`` is for once it is committed."""

    def __init__(self, connection: Connection, remembered: Remembered) -> None:
        self._connection = connection
        self._remembered = remembered
        self._new = Remembered()
        self._nameless: set[_Name] = set()

    def counted(self, route: str, segments: Mapping[str, str]) -> dict[str, str]:
        """The segments, by key, that an exchange of these is counted in."""
        counted: dict[str, str] = {}
        for key, value in segments.items():
            if not self._has_name(_Name(route, utf8(key), _KEY)):
                counted.setdefault(OTHER, OTHER)
            elif value in _KEPT or self._has_name(_Name(route, utf8(key), utf8(value))):
                counted[key] = value
            else:
                counted[key] = OTHER
        return counted

    def remember(self) -> None:
        self._remembered.names |= self._new.names
        self._remembered.full |= self._new.full

    def _has_name(self, name: _Name) -> bool:
        if name in self._remembered.names or name in self._new.names:
            return True
        if name in self._nameless:
            return False
        if self._connection.query(statements.SEGMENT_NAME, **name._asdict()) or self._gets(name):
            self._new.names.add(name)
            return True
        self._nameless.add(name)
        return False

    def _gets(self, name: _Name) -> bool:
        """Give the name if there is still one to be given."""
        of = (name.route, "" if name.value == _KEY else name.key)
        if of in self._remembered.full or of in self._new.full:
            return False
        if name.value == _KEY:
            given, most = self._connection.query(statements.SEGMENT_KEYS, route=name.route), MOST_KEYS
        else:
            given, most = self._connection.query(statements.SEGMENT_VALUES, route=name.route, key=name.key), MOST_VALUES
        if given[0]["n"] >= most:
            self._new.full.add(of)
            return False
        self._connection.execute(statements.NAME_SEGMENT, name._asdict())
        return True


def keep_names(
    connection: Connection, route: str, *, keys: Collection[str], values: Collection[tuple[str, str]]
) -> None:
    """Give these their names, also where none were left to be given."""
    names = {_Name(route, key, _KEY) for key in keys} | {_Name(route, key, _KEY) for key, _ in values}
    names |= {_Name(route, key, value) for key, value in values}
    missing = [name for name in sorted(names) if not connection.query(statements.SEGMENT_NAME, **name._asdict())]
    if missing:
        with connection.writing():
            connection.execute_many(statements.NAME_SEGMENT, [name._asdict() for name in missing])
