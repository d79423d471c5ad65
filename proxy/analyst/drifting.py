"""Drift and divergence: the sketches of whole days, held against those of the weeks before.

A day (UTC) is looked at once, when it is over and all of it is stored: a part of a day has other hours than a whole one
and would differ by them.  In between, what was found stands in the documents.  A round takes up one route at most, so
that it stays short however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from proxy.analysis.blocks import FloatArray
from proxy.analysis.divergence import FLOORS, divergence, output_js
from proxy.analysis.drift import drift
from proxy.analysis.windows import NEWEST, Windows
from proxy.analyst.alerting import Cause
from proxy.store.base import Store
from proxy.store.records import Evidence, SketchRow
from proxy.store.sketches import BINS, FIXED_POINT

DAY = 86_400.0
TRAILING_WINDOWS = 28
Document = dict[str, Any]


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """Up to when the last look went, and since when something is out of the ordinary, by what it is."""

    until: float = 0.0
    since: Mapping[str, float] = {}


class Drifting:
    """What one round does for drift."""

    def __init__(self, store: Store, *, until: float, window: float = DAY) -> None:
        """``until``: what was captured before is stored; ``window``: seconds, of which a look takes whole ones."""
        self._store = store
        self._window = window
        self._end = until // window * window
        self._route: str | None = None  # the one that is taken up in this round

    def of_route(self, route: str, before: Document, *, exported: tuple[float, float] | None = None) -> Document:
        """The requests and the teacher's answers: ``drift``, and ``looked`` for the next round.

        Args:
            route: its name.
            before: what the last round returned.
            exported: since and until when students have learnt from it (unix seconds): a second reference.
        """
        if not self._is_due(route, before):
            return before
        return self._drift(route, {"input": "", "teacher": ""}, before, self._starts(), exported)

    def of_student(self, evidence: Evidence | None, before: Document) -> Document:
        """A student's answers, by themselves (``drift``) and beside the teacher's (``divergence``).

        Args:
            evidence: in which nothing changed that is compared, so windows before it tell nothing.
            before: the document of the last round, of the same evidence.
        """
        if evidence is None or not self._is_due(evidence.route, before):
            return {name: before[name] for name in ("drift", "divergence", "looked") if name in before}
        starts = self._starts()
        starts = starts[starts >= evidence.since]
        found = self._drift(evidence.route, {"student": evidence.student}, before, starts)
        diverged = dict(self._divergences(evidence, _looked(before).since, starts))
        since = {kind: begun for kind, (_, begun) in diverged.items() if begun is not None}
        found["looked"]["since"] |= since
        return {**found, "divergence": {kind: told for kind, (told, _) in diverged.items()} or None}

    def _is_due(self, route: str, before: Document) -> bool:
        if _looked(before).until >= self._end or self._route not in (None, route):
            return False
        self._route = route
        return True

    def _starts(self) -> FloatArray:
        return np.array([self._end - self._window * ago for ago in range(TRAILING_WINDOWS + NEWEST, 0, -1)])

    def _drift(
        self,
        route: str,
        sides: Mapping[str, str],
        before: Document,
        starts: FloatArray,
        exported: tuple[float, float] | None = None,
    ) -> Document:
        known = _looked(before).since
        found, since = [], {}
        for side, student in sides.items():
            windows = self._windows(route, side, student, starts)
            references: dict[str, Windows | None] = {side: None}
            if exported is not None:
                begin, end = (moment // self._window * self._window for moment in exported)
                frozen = self._windows(route, side, student, np.arange(begin, end, self._window))
                references[f"{side} since export"] = frozen
            for name, reference in references.items():
                findings, begun = drift(windows, side, since=known.get(name), frozen=reference)
                found += findings
                if begun is not None:
                    since[name] = begun
        return {
            "drift": [msgspec.to_builtins(finding) for finding in found],
            "looked": {"until": self._end, "since": since},
        }

    def _divergences(
        self, evidence: Evidence, known: Mapping[str, float], starts: FloatArray
    ) -> Iterator[tuple[str, tuple[Document, float | None]]]:
        sides = [self._windows(evidence.route, side, evidence.student, starts) for side in ("teacher", "student")]
        courses = {"output_js": output_js(*sides), **self._logprobs(evidence, starts)}
        for kind, (windows, values) in courses.items():
            told, begun = divergence(windows, values, FLOORS[kind], since=known.get(kind))
            if told is not None:
                yield kind, (msgspec.to_builtins(told), begun)

    def _logprobs(self, evidence: Evidence, starts: FloatArray) -> dict[str, tuple[FloatArray, FloatArray]]:
        """Means over tokens of ``js`` and ``kl``, of the windows that have log-probabilities."""
        courses: dict[str, list[tuple[float, float]]] = {"js": [], "kl": []}
        for start in reversed(starts.tolist()):
            sums: dict[str, float] = defaultdict(float)
            for row in self._store.counts(evidence.id, since=int(start), until=int(start + self._window)):
                if row.segment_key == "all":
                    sums[row.measure] += row.n / row.probability
            if sums["logprob_positions"]:
                for kind, course in courses.items():
                    course.append((start, sums[f"{kind}_micros"] / sums["logprob_positions"] / 1e6))
            elif not courses["js"]:
                break  # none in the newest window, so none that would be told of
        return {
            kind: (np.array([start for start, _ in course[::-1]]), np.array([value for _, value in course[::-1]]))
            for kind, course in courses.items()
        }

    def _windows(self, route: str, side: str, student: str, starts: FloatArray) -> Windows:
        sums: dict[str, FloatArray] = {}
        weights, squares = np.zeros(len(starts)), np.zeros(len(starts))
        for at, start in enumerate(starts.tolist()):  # a day at a time, as hours of a month are many megabytes
            for row in self._store.sketches(route, side=side, student=student, since=start, until=start + self._window):
                if row.feature not in sums:
                    sums[row.feature] = np.zeros((len(starts), BINS[row.feature]))
                sums[row.feature][at] += _weighted(row)
                if row.feature == "length":  # one of each exchange
                    exchanges = float(row.bins.sum())
                    weights[at] += exchanges / row.probability
                    squares[at] += exchanges / row.probability**2
        return Windows(starts, weights, squares, sums)


def drifted(route: Document) -> Iterator[Cause]:
    """Requests are not like those of the weeks before.  ``route``: what ``Drifting.of_route`` found."""
    since = _looked(route).since
    opened = [since[name] for name in ("input", "input since export") if name in since]
    if opened:
        features = [
            {name: each[name] for name in ("feature", "statistic", "reference", "value", "threshold")}
            for each in route["drift"]
            if each["side"] == "input" and each["drifted"]
        ]
        yield Cause("input_drift", min(opened), detail={"features": features})


def diverged(student: Document) -> Iterator[Cause]:
    """The student's answers are farther from the teacher's than they were.  ``student``: of ``Drifting.of_student``."""
    since = _looked(student).since
    beyond = {kind: told for kind, told in (student.get("divergence") or {}).items() if told["diverged"]}
    if beyond:
        detail = {kind: {"value": told["value"], "threshold": told["threshold"]} for kind, told in beyond.items()}
        yield Cause("diverged", min(since[kind] for kind in beyond), detail={"divergence": detail})


def _looked(document: Document) -> Looked:
    return msgspec.convert(document.get("looked", {}), Looked)


def _weighted(row: SketchRow) -> FloatArray:
    weighted: FloatArray = row.bins / row.probability
    return weighted / FIXED_POINT if row.feature == "words" else weighted
