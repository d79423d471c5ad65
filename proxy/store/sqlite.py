"""The store in one SQLite file: pairs with their text, and the counts that every verdict is made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from proxy.journal.base import TallyTotal
from proxy.store import statements
from proxy.store.base import PairFilter, RouteTraffic
from proxy.store.connection import Connection
from proxy.store.counting import Series, Totals, Under
from proxy.store.evidence_book import EvidenceBook
from proxy.store.findings import Findings
from proxy.store.folding import DAY, Folded, Folding, day_of
from proxy.store.records import (
    Alert,
    Assessment,
    BlockRow,
    CaptureCount,
    CountRow,
    Evidence,
    RandomPair,
    Recounted,
    RescoredPair,
    Rescoring,
    Settlement,
    SketchRow,
    StoredPair,
)
from proxy.store.recounting import Recount
from proxy.store.rescorings import Rescorings
from proxy.store.rows import (
    exchange_row,
    member_of,
    member_of_row,
    pair_row,
    random_pair,
    split_pair_id,
    stored_pair,
    utf8,
)
from proxy.store.segment_names import Remembered, SegmentNames, keep_names
from proxy.store.sketches import SketchBook, fold_sketches, read_sketches
from proxy.store.unit_book import UnitBook, units_to_close
from proxy.store.units import Member

_PAGE = 50  # pairs read at a time
_FORGOTTEN_AT_ONCE = 100  # exchanges: some milliseconds
_FOREVER = 2**62
_ALL_ROUTES = ""  # in table `paused`; no route is named so
_SERIES_REMEMBERED = 50_000


class SQLiteStore:
    """``proxy.store.base.Store`` over sqlite-utils.  One object per thread; any number of processes."""

    def __init__(self, path: Path | str, *, replica: str = "0", create: bool = True) -> None:
        self._connection = Connection(Path(path), create=create)
        self._replica = replica
        self._folding = Folding(self._connection)
        self._findings = Findings(self._connection)
        self._rescorings = Rescorings(self._connection, replica)
        self._segment_names = Remembered()
        self._series_ids: dict[Series, int] = {}

    def salt(self) -> bytes:
        value: bytes = self._connection.query(statements.SALT)[0]["value"]
        return value

    def record(self, settlements: Sequence[Settlement]) -> list[tuple[str, str]]:
        new: list[tuple[str, str]] = []
        pair_rows, with_text_again = [], []
        totals = Totals(self._replica)
        with self._connection.writing():
            known, without_text, heads = self._known([settlement.exchange.id for settlement in settlements])
            book = EvidenceBook(self._connection)
            names = SegmentNames(self._connection, self._segment_names)
            keys = [settlement.exchange.repeat_key for settlement in settlements]
            units = UnitBook(self._connection, self._replica, partial(_member, book, names), keys)
            sketches = SketchBook(self._connection, self._replica)
            for settlement in sorted(settlements, key=lambda each: (each.exchange.captured_at, each.exchange.id)):
                exchange = settlement.exchange
                teacher_version = book.note_teacher(exchange)
                if exchange.id not in known:
                    known[exchange.id] = set()
                    heads[exchange.id] = units.place(exchange)
                    row = exchange_row(exchange, heads[exchange.id])
                    self._connection.execute(statements.insert("exchanges", row), row)
                    totals.add_exchange(exchange, teacher_version)
                    sketches.add_exchange(exchange)
                counted = names.counted(exchange.route, exchange.segments) if settlement.pairs else {}
                for pair in settlement.pairs:
                    if pair.student in known[exchange.id]:
                        continue
                    known[exchange.id].add(pair.student)
                    new.append((exchange.id, pair.student))
                    evidence_id = book.evidence_of(exchange, pair)
                    row = pair_row(exchange, pair, evidence_id)
                    pair_rows.append(row)
                    under = Under(evidence_id, teacher_version, counted)
                    totals.add_pair(exchange, pair, under)
                    sketches.add_pair(exchange, pair)
                    units.add(exchange.id, heads[exchange.id], member_of(exchange, pair, under))
                    if exchange.id in without_text:
                        with_text_again.append({"id": exchange.id})
            book.close()
            if pair_rows:
                self._connection.execute_many(statements.insert("pairs", pair_rows[0]), pair_rows)
            self._connection.execute_many(statements.HAS_TEXT_AGAIN, with_text_again)
            units.enter(totals)
            sketches.enter()
            series_ids = self._add(totals)
        self._remember(names, series_ids)
        return new

    def close_units(self, until: float) -> bool:
        totals = Totals(self._replica)
        if not self._connection.query(statements.UNITS_TO_CLOSE, **units_to_close(until)):
            return False
        with self._connection.writing():
            names = SegmentNames(self._connection, self._segment_names)
            member = partial(_member, EvidenceBook(self._connection), names)
            UnitBook(self._connection, self._replica, member).close(until, totals)
            series_ids = self._add(totals)
        self._remember(names, series_ids)
        return True

    def open_turns(self, route: str) -> int:
        number: int = self._connection.query(statements.OPEN_TURN_NUMBER, route=route)[0]["n"]
        return number

    def known(self, exchange_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        return {id_: frozenset(students) for id_, students in self._known(exchange_ids).students.items()}

    def record_captures(self, totals: Sequence[TallyTotal]) -> None:
        with self._connection.writing():
            self._connection.execute_many(statements.SET_CAPTURES, [msgspec.structs.asdict(each) for each in totals])

    def version_in_force(self, route: str, student: str, base: str) -> str:
        rows = self._connection.query(statements.STUDENT_MODELS, route=route, student=student, base=base)
        return _version(base, rows[0]["first_model"], rows[0]["present_model"]) if rows else base

    def observe_model(self, route: str, student: str, base: str, model: str) -> str:
        which = {"route": route, "student": student, "base": base}
        rows = self._connection.query(statements.STUDENT_MODELS, **which)
        if not rows or rows[0]["present_model"] != utf8(model):
            with self._connection.writing():
                self._connection.execute(statements.SET_STUDENT_MODEL, {**which, "model": utf8(model)})
        return self.version_in_force(route, student, base)

    def evidences(self, route: str, student: str) -> list[Evidence]:
        return [Evidence(**row) for row in self._connection.query(statements.EVIDENCES, route=route, student=student)]

    def counts(
        self, evidence_id: int, *, source: str = "live", since: int | None = None, until: int | None = None
    ) -> list[CountRow]:
        with self._connection.reading():
            between = _days_between(self._folded(), since, until)
            rows = self._connection.query(statements.COUNTS, evidence_id=evidence_id, source=source, **between)
        return [CountRow(**row) for row in rows]

    def settled_segments(self, evidence_id: int) -> dict[tuple[str, str], bool]:
        rows = self._connection.query(statements.SETTLED_SEGMENTS, evidence_id=evidence_id)
        return {(row["key"], row["value"]): bool(row["required"]) for row in rows}

    def settle_segments(self, evidence_id: int, required: Mapping[tuple[str, str], bool], *, at: float) -> None:
        rows = [
            {"evidence_id": evidence_id, "key": key, "value": value, "required": int(asked), "settled_at": at}
            for (key, value), asked in required.items()
        ]
        with self._connection.writing():
            self._connection.execute_many(statements.SETTLE_SEGMENT, rows)

    def keep_segments(self, route: str, *, keys: Collection[str], values: Collection[tuple[str, str]]) -> None:
        keep_names(self._connection, route, keys=keys, values=values)

    def full_days(self, evidence_id: int, until: float) -> int:
        days: int = self._connection.query(statements.FULL_DAYS, evidence_id=evidence_id, until=until)[0]["days"]
        return days

    def sketches(
        self, route: str, *, side: str, student: str = "", since: float | None = None, until: float | None = None
    ) -> list[SketchRow]:
        with self._connection.reading():
            return read_sketches(
                self._connection, self._folded(), route, side=side, student=student, since=since, until=until
            )

    def captures(self, route: str, *, since: int | None = None, until: int | None = None) -> list[CaptureCount]:
        rows = self._connection.query(statements.CAPTURES, route=route, **_between(since, until))
        return [CaptureCount(**row) for row in rows]

    def traffic(self, route: str, *, since: float | None = None) -> RouteTraffic:
        """Of live exchanges, from the ``counts_begin`` of ``since`` on."""
        with self._connection.reading():
            between = _days_between(self._folded(), since, None)
            rows = self._connection.query(statements.TRAFFIC, route=route, **between)
            span = self._connection.query(statements.TRAFFIC_SPAN, route=route, since=between["since"])[0]
        histograms: dict[str, dict[int, int]] = {}
        for row in rows:
            histograms.setdefault(row["measure"], {})[row["bin"]] = row["n"]
        sums = {measure: sum(bins.values()) for measure, bins in histograms.items()}
        return RouteTraffic(
            exchanges=sums.get("exchanges", 0),
            teacher_ms=histograms.get("teacher_ms", {}),
            teacher_ttft_ms=histograms.get("teacher_ttft_ms", {}),
            teacher_nano_usd=sums.get("teacher_nano_usd", 0),
            teacher_priced=sums.get("teacher_priced", 0),
            first=span["first"],
            last=span["last"],
        )

    def pairs(self, which: PairFilter) -> Iterator[StoredPair]:
        left = _FOREVER if which.limit is None else which.limit
        while left > 0:
            page = min(left, _PAGE)
            rows = self._page(which, page)
            yield from rows
            if len(rows) < page:
                return
            left -= len(rows)
            which = msgspec.structs.replace(which, before=(rows[-1].exchange.arrived_at, rows[-1].id))

    def pair(self, pair_id: str) -> StoredPair | None:
        exchange_id, student = split_pair_id(pair_id)
        rows = self._connection.query(statements.PAIR, exchange_id=exchange_id, student=student)
        return stored_pair(rows[0]) if rows else None

    def random_pairs(self, evidence_id: int, most: int) -> Iterator[RandomPair]:
        rows = self._connection.query(statements.RANDOM_PAIRS, evidence_id=evidence_id, most=most)
        return map(random_pair, rows)

    def count_pairs(self, which: PairFilter) -> int:
        values = _conditions(which)
        number: int = self._connection.query(statements.number_of_pairs(values.fields), **values.values)[0]["n"]
        return number

    def begin_rescoring(self, route: str, student: str, version: str, *, definition: str, decides: str) -> Rescoring:
        return self._rescorings.begin(route, student, version, definition=definition, decides=decides)

    def rescoring(self, route: str, student: str, version: str, definition: str) -> Rescoring | None:
        return self._rescorings.find(route, student, version, definition)

    def record_rescored(self, rescoring: Rescoring, pairs: Sequence[RescoredPair]) -> int:
        totals = Totals(self._replica)
        with self._connection.writing():
            book = EvidenceBook(self._connection)
            names = SegmentNames(self._connection, self._segment_names)
            new = self._rescorings.count(rescoring, pairs, totals, book, names)
            series_ids = self._add(totals)
        self._remember(names, series_ids)
        return new

    def blocks(self, evidence_id: int, comparator: str, measure: str, *, since: float, until: float) -> list[BlockRow]:
        rows = self._connection.query(
            statements.BLOCKS,
            evidence_id=evidence_id, comparator=comparator, measure=measure, since=since, until=until,
        )  # fmt: skip
        return [BlockRow(**row) for row in rows]

    def hold(self, name: str, holder: str, *, now: float, seconds: float) -> bool:
        return self._findings.hold(name, holder, now=now, seconds=seconds)

    def let_go(self, name: str, holder: str) -> None:
        self._findings.let_go(name, holder)

    def assess(self, assessment: Assessment, alerts: Sequence[Alert]) -> None:
        self._findings.assess(assessment, alerts)

    def assessment(self, route: str, student: str) -> Assessment | None:
        return self._findings.assessment(route, student)

    def alerts(self, route: str, student: str, *, resolved: bool = False, limit: int = 100) -> list[Alert]:
        return self._findings.alerts(route, student, resolved=resolved, limit=limit)

    def spend(self, amounts: Mapping[tuple[str, str], float]) -> None:
        rows = [{"account": utf8(account), "day": day, "usd": usd} for (account, day), usd in amounts.items()]
        with self._connection.writing():
            self._connection.execute_many(statements.SPEND, rows)

    def spent(self, since: str) -> dict[tuple[str, str], float]:
        rows = self._connection.query(statements.SPENT, since=since)
        return {(row["account"], row["day"]): row["usd"] for row in rows}

    def set_paused(self, route: str | None, paused: bool) -> None:
        with self._connection.writing():
            self._connection.execute(
                statements.PAUSE if paused else statements.RESUME, {"route": _ALL_ROUTES if route is None else route}
            )

    def paused(self) -> frozenset[str | None]:
        routes = (row["route"] for row in self._connection.query(statements.PAUSED))
        return frozenset(None if route == _ALL_ROUTES else route for route in routes)

    def routes_with_text(self) -> frozenset[str]:
        return frozenset(row["route"] for row in self._connection.query(statements.ROUTES_WITH_TEXT))

    def forget_text_before(self, route: str, time: float) -> int:
        with self._connection.writing():
            rows = self._connection.query(statements.WITH_TEXT, route=route, time=time, page=_FORGOTTEN_AT_ONCE)
            ids = {"ids": _json([row["id"] for row in rows])}
            self._connection.execute(statements.FORGET_EXCHANGES, ids)
            self._connection.execute(statements.FORGET_PAIRS, ids)
        return len(rows)

    def fold_counts(self, until: float) -> bool:
        return self._folding.step(until) or fold_sketches(self._connection, self._folded().day)

    def number_of_exchanges(self) -> int:
        number: int = self._connection.query(statements.NUMBER_OF_EXCHANGES)[0]["n"]
        return number

    def recount(self, advance: Callable[[int], None], *, check: bool) -> Recounted:
        with self._connection.writing(keep=not check):
            recount = Recount(
                self._connection,
                self._folded(),
                series_id=self._series_id,
                member_of=lambda book, names: partial(_member, book, names),
            )
            found = recount.run(advance)
            if not check:
                recount.replace()
        self._series_ids.clear()
        return found

    def counts_begin(self, moment: float) -> int:
        return self._folded().start_of(moment)

    def close(self) -> None:
        self._connection.close()

    def _known(self, exchange_ids: Sequence[str]) -> _Known:
        """What is there of some exchanges: an exchange that is stored is in ``students``."""
        known: dict[str, set[str]] = {}
        without_text: set[str] = set()
        heads: dict[str, str | None] = {}
        for row in self._connection.query(statements.KNOWN_STUDENTS, ids=_json(exchange_ids)):
            students = known.setdefault(row["id"], set())
            if row["student"] is not None:
                students.add(row["student"])
            if not row["has_text"]:
                without_text.add(row["id"])
            heads[row["id"]] = row["unit_head"]
        return _Known(known, without_text, heads)

    def _folded(self) -> Folded:
        return Folded(**{row["span"]: row["before"] for row in self._connection.query(statements.FOLDED)})

    def _add(self, totals: Totals) -> dict[Series, int]:
        """Add to the counts; returns the ids of the series that had to be looked up."""
        found: dict[Series, int] = {}
        by_bucket: list[tuple[int, int, str, int, int]] = []
        by_day: Counter[tuple[int, int, str, int]] = Counter()
        for series, cells in totals.by_series().items():
            id_ = self._series_ids.get(series)
            if id_ is None:
                id_ = found[series] = self._series_id(series)
            for (bucket, measure, bin_), n in cells.items():
                by_bucket.append((id_, bucket, measure, bin_, n))
                by_day[id_, day_of(bucket), measure, bin_] += n
        self._connection.execute_many(statements.ADD_COUNT, sorted(by_bucket))
        self._connection.execute_many(statements.ADD_DAILY_COUNT, [(*key, n) for key, n in sorted(by_day.items())])
        return found

    def _remember(self, names: SegmentNames, series_ids: Mapping[Series, int]) -> None:
        """Once the transaction is committed: what a rolled back one made is not there."""
        names.remember()
        if len(self._series_ids) > _SERIES_REMEMBERED:
            self._series_ids.clear()
        self._series_ids.update(series_ids)

    def _series_id(self, series: Series) -> int:
        columns = {name: utf8(each) if isinstance(each, str) else each for name, each in series._asdict().items()}
        self._connection.execute(statements.NEW_SERIES, columns)
        id_: int = self._connection.query(statements.SERIES_ID, **columns)[0]["id"]
        return id_

    def _page(self, which: PairFilter, page: int) -> list[StoredPair]:
        values = _conditions(which)
        rows = self._connection.query(statements.pairs_page(values.fields), page=page, **values.values)
        return [stored_pair(row) for row in rows]


class _Known(NamedTuple):
    """Of stored exchanges: the students they have pairs with, which have no text, the heads of their units."""

    students: dict[str, set[str]]
    without_text: set[str]
    heads: dict[str, str | None]


class _Conditions(NamedTuple):
    """Of a PairFilter: the fields that were given, and the values that their conditions name."""

    fields: list[str]
    values: dict[str, str | float]


def _conditions(which: PairFilter) -> _Conditions:
    given = _Conditions([], {})
    for field in which.__struct_fields__:
        value = getattr(which, field)
        if field == "limit" or value is None or value is False:
            continue
        given.fields.append(field)
        if field == "segment":
            given.values.update(segment_key=value[0], segment_value=value[1])
        elif field == "before":
            exchange_id, student = split_pair_id(value[1])
            given.values.update(before_time=value[0], before_exchange=exchange_id, before_student=student)
        else:
            given.values[field] = value
    if which.student is None:
        given.fields.append("students")
    return given


def _member(book: EvidenceBook, names: SegmentNames, row: Mapping[str, Any]) -> Member:
    teacher_version = book.counted_teacher(row["route"], row["teacher_version"])
    segments = names.counted(row["route"], msgspec.json.decode(row["segments"]))
    return member_of_row(row, Under(row["evidence_id"], teacher_version, segments))


def _version(base: str, first_model: str, present_model: str) -> str:
    return base if present_model == first_model else f"{base}@{present_model}"


def _between(since: int | None, until: int | None) -> dict[str, int]:
    return {"since": 0 if since is None else since, "until": _FOREVER if until is None else until}


def _days_between(folded: Folded, since: float | None, until: float | None) -> dict[str, int]:
    """The same as far as counts are kept, with the whole days in between: ``first_day`` is ``last_day`` for none."""
    begin = 0 if since is None else folded.start_of(since)
    end = _FOREVER if until is None else folded.start_of(until)
    first, last = day_of(begin + DAY - 1), day_of(end)
    if first >= last:
        first = last = end
    return {"since": begin, "until": end, "first_day": first, "last_day": last}


def _json(ids: Sequence[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()
