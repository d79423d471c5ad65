"""Which exchanges count as one observation, and what such a unit adds to the counts.  Pure.

CONTRACT.md: a unit is a request; a conversation's later turns together; exact repeats from one client within 60 s
together.  Eight copies of one outcome counted for themselves promote a student at its target in 78% of runs
(STATISTICS.md, section 0); as one unit each, in 4%.

* A request enters the counts at once.
* Of exact repeats the first captured is the unit.  Those captured within 60 s of it are pairs, and no units.
* Later turns enter together, with their mean, once their conversation has been idle for 30 minutes; one that never
  is enters in parts of a day.  Until then they are pairs alone.

An exchange's *head* is the exchange that leads the unit which it entered with: itself, the first of its repeats, or the
first of its turns.  Heads are kept, so that the same units can be counted again (``understudy recount``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from proxy.journal.base import bucket_of
from proxy.store.counting import ALL, Cell, Series, Under, round_to_bin
from proxy.store.records import BINS, COUNTED_EXCLUDED, COUNTED_MISSING, NOISE_FLOOR, TEACHER_REPLAY

REPEAT_SECONDS = 60.0
IDLE_SECONDS = 1800.0
LONGEST_SECONDS = 86_400.0
_TOP = BINS - 1

Contribution = Counter[tuple[Series, int, str, int]]  # n by series, bucket, measure and bin


class Turn(NamedTuple):
    """When an exchange of a conversation, or one that was repeated, was captured."""

    captured_at: float
    id: str


class Part(NamedTuple):
    """Turns that enter as one, and the moment at which they do: nothing captured later belongs to them."""

    turns: tuple[Turn, ...]
    closes: float


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A pair, as far as its unit is concerned."""

    exchange_id: str
    captured_at: float
    source: str
    route: str
    student: str
    under: Under
    probability: float  # of its exchange
    thinning: float
    outcome: str
    decides: str
    agrees: Mapping[str, bool]  # by comparator that has a score


def parts_of(turns: Iterable[Turn]) -> list[Part]:
    """A conversation's turns, in any order, as the parts that it enters in."""
    parts: list[list[Turn]] = []
    for turn in sorted(turns):
        newest = parts[-1] if parts else None
        if newest is None or turn.captured_at >= _closes(newest):
            parts.append([turn])
        else:
            newest.append(turn)
    return [Part(tuple(part), _closes(part)) for part in parts]


def _closes(part: Sequence[Turn]) -> float:
    return min(part[-1].captured_at + IDLE_SECONDS, part[0].captured_at + LONGEST_SECONDS)


def heads_of_repeats(turns: Iterable[Turn]) -> dict[str, str]:
    """The head of each of some exact repeats, the earliest of which is a head."""
    heads: dict[str, str] = {}
    head: Turn | None = None
    for turn in sorted(turns):
        if head is None or turn.captured_at - head.captured_at > REPEAT_SECONDS:
            head = turn
        heads[turn.id] = head.id
    return heads


def contribution(replica: str, head: str, members: Iterable[Member], closes: float) -> Contribution:
    """What the pairs of one unit add to the counts of units: ``low``, ``high`` and ``valid``.

    Each student's pairs of one evidence are one observation, in `all` and in each segment value that some of them have:
    the mean over those that were due.  In ``low`` a missing one is a disagreement, in ``high`` an agreement; ``valid``
    is the mean over the others.  Under the comparator ``noise_floor``: the same of the difference between agreement and
    the teacher's with itself, over the turns on which the teacher was asked again, as ``(difference + 1) / 2``.
    """
    of_student: dict[tuple[str, int], list[Member]] = defaultdict(list)
    replays: dict[str, Member] = {}
    for member in members:
        if member.outcome in COUNTED_EXCLUDED:
            continue
        of_student[member.student, member.under.evidence_id].append(member)
        if member.student == TEACHER_REPLAY:
            replays[member.exchange_id] = member
    added: Contribution = Counter()
    bucket = bucket_of(closes)
    for (student, evidence_id), due in sorted(of_student.items()):
        newest = max(due, key=lambda member: (member.captured_at, member.exchange_id))
        by_segment: dict[tuple[str, str], list[Member]] = {ALL: due}
        for member in due:
            for segment in member.under.segments.items():
                by_segment.setdefault(segment, []).append(member)
        for segment, those in by_segment.items():
            for comparator, probability, cells in _cells(those, replays, head):
                series = Series(
                    replica, newest.source, newest.route, student, evidence_id, newest.under.teacher_version,
                    comparator, *segment, probability,
                )  # fmt: skip
                for measure, bin_, n in cells:
                    added[series, bucket, measure, bin_] += n
    return added


class _Bounds(NamedTuple):
    """What a pair may be worth: the worst, the best."""

    low: float
    high: float

    @property
    def valid(self) -> bool:
        return self.low == self.high


_MISSING = _Bounds(0.0, 1.0)


def _cells(due: Sequence[Member], replays: Mapping[str, Member], head: str) -> Iterator[tuple[str, float, list[Cell]]]:
    """By comparator: the probability that the unit was sampled with, and its cells.

    Turns are drawn alike, so a unit is there if its likeliest turn is; of the others perhaps some are not.
    """
    probability = max(member.probability * member.thinning for member in due)
    for name in dict.fromkeys(name for member in due for name in (member.decides, *member.agrees)):
        yield name, probability, _mean_cells([_worth(member, name) for member in due], head)
    both = [(member, replays[member.exchange_id]) for member in due if member.exchange_id in replays]
    if both and due[0].student != TEACHER_REPLAY:
        probability = max(member.probability * member.thinning * again.thinning for member, again in both)
        worths = [_difference(_worth(member, member.decides), _worth(again, member.decides)) for member, again in both]
        yield NOISE_FLOOR, probability, _mean_cells(worths, head)


def _worth(member: Member, comparator: str) -> _Bounds:
    if member.outcome in COUNTED_MISSING:
        return _MISSING
    agree = member.outcome == "agreed" if comparator == member.decides else member.agrees.get(comparator)
    return _MISSING if agree is None else _Bounds(float(agree), float(agree))


def _difference(student: _Bounds, teacher: _Bounds) -> _Bounds:
    return _Bounds((student.low - teacher.high + 1) / 2, (student.high - teacher.low + 1) / 2)


def _mean_cells(worths: Sequence[_Bounds], head: str) -> list[Cell]:
    def mean(values: Sequence[float]) -> int:
        mean = sum(values) / len(values)
        return int(mean * _TOP) if mean in (0.0, 1.0) else round_to_bin(mean, head)

    cells = [("low", mean([each.low for each in worths]), 1), ("high", mean([each.high for each in worths]), 1)]
    if valid := [each.low for each in worths if each.valid]:
        cells.append(("valid", mean(valid), 1))
    return cells
