"""Which models of a route's teacher are told apart, and which of them take over: the rule, pure.

A teacher's answers name a model: its version.  One that was not seen before in the route, after another for the same
requested model, takes over.  But there are servers that take any model a client makes up and name it in their answers.
So of each route

1. the first ``MOST_MODELS`` requested models are watched, each with the first version that answered it; no other takes
   part, so that made-up models fill this room and no more: a real teacher's changes are seen all the same;
2. the first ``MOST_FURTHER`` versions that follow upon those are told apart, whichever model they answer;
3. all that come later are one version, ``other``.  It too takes over when it is first seen, and never again.

What has a name keeps it.  The order in which exchanges are stored decides, for the whole store.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from proxy.store.rows import utf8

MOST_MODELS = 200
MOST_FURTHER = 50
LONGEST_NAME = 128  # characters; longer ones are told apart by so many
OTHER = "other"


class TeacherVersion(msgspec.Struct, frozen=True, kw_only=True):
    """That a requested model was answered by a version."""

    requested_model: str
    teacher_version: str
    first_seen: float
    took_over: bool


class Teachers:
    """What is known of one route's teachers; ``known`` in any order."""

    def __init__(self, known: Iterable[TeacherVersion]) -> None:
        self.takeovers: list[float] = []
        self._by_model: dict[str, set[str]] = {}
        self._versions: set[str] = set()
        self._further = 0
        for each in known:
            self._add(each)

    def note(self, requested_model: str | None, version: str, at: float) -> TeacherVersion | None:
        """Take note of an answer; returns what is to be kept of it, None where that is nothing new."""
        requested, version = _name(requested_model or ""), _name(version)
        answered = self._by_model.get(requested)
        if answered is None:
            if len(self._by_model) >= MOST_MODELS:
                return None
        elif version in answered:
            return None
        elif self._further >= MOST_FURTHER:
            if version in self._versions or OTHER in self._versions:
                return None
            version = OTHER
        new = TeacherVersion(
            requested_model=requested,
            teacher_version=version,
            first_seen=at,
            took_over=answered is not None and version not in self._versions,
        )
        self._add(new)
        return new

    def counted(self, version: str) -> str:
        """The version that an answer of this one is counted under."""
        name = _name(version)
        return name if name in self._versions else OTHER

    def _add(self, new: TeacherVersion) -> None:
        answered = self._by_model.setdefault(new.requested_model, set())
        self._further += bool(answered)
        answered.add(new.teacher_version)
        self._versions.add(new.teacher_version)
        if new.took_over:
            self.takeovers.append(new.first_seen)


def _name(text: str) -> str:
    return utf8(text)[:LONGEST_NAME]
