"""The traffic that the flags of ``simulate`` describe.  Each of these raises UsageError that says what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.arguments import parse_segment
from proxy.errors import UsageError

if TYPE_CHECKING:
    from proxy.analysis.simulation import Change, Traffic

Segment = tuple[str, str]
MOST_SEGMENTS = 50
_ROUNDING = 1e-9  # of sums of shares


@dataclass(frozen=True, slots=True)
class Flags:
    """As written."""

    agreement: float
    pairs: int
    segments: Sequence[str] = ()
    drops: Sequence[str] = ()
    samples: Sequence[str] = ()


def traffic_of(flags: Flags) -> Traffic:
    """Groups, one for each segment and one for what is in none."""
    from proxy.analysis.simulation import Group, Traffic

    if not 0 <= flags.agreement <= 1:
        raise UsageError(f"--agreement: must be a number from 0 to 1; found {flags.agreement:g}")
    segments = _segments(flags.segments)
    rest = 1 - sum(share for share, _ in segments.values())
    known: list[Segment | None] = [*segments, *([None] if rest > _ROUNDING else [])]
    agreements = {None: flags.agreement} | {name: agreement for name, (_, agreement) in segments.items()}
    shares = {None: rest} | {name: share for name, (share, _) in segments.items()}
    drops, samples = _drops(flags, known), _samples(flags.samples, known)
    groups = (
        Group(
            share=shares[name],
            agreement=agreements[name],
            segment=name,
            probability=samples.get(name, samples.get(None, 1.0)),
            changes=tuple(drops.get(name, ())),
        )
        for name in known
    )
    return Traffic(tuple(groups), flags.pairs)


def _segments(texts: Sequence[str]) -> dict[Segment, tuple[float, float]]:
    """Share and agreement by segment."""
    if len(texts) > MOST_SEGMENTS:
        raise UsageError(f"--segment: at most {MOST_SEGMENTS} can be given; found {len(texts)}")
    segments: dict[Segment, tuple[float, float]] = {}
    for text in texts:
        name, *numbers = text.rsplit(":", 2)
        flag = f"--segment {text}"
        if len(numbers) != 2 or "=" not in name:  # noqa: PLR2004 -- share and agreement
            raise UsageError(f"{flag}: write KEY=VALUE:SHARE:AGREEMENT, such as tenant=acme:0.1:0.90")
        segment = parse_segment(name)
        if segment in segments:
            raise UsageError(f"{flag}: {name} is given twice; give it once")
        segments[segment] = (_share(numbers[0], f"{flag}: the share"), _share(numbers[1], f"{flag}: the agreement"))
        if not segments[segment][0]:
            raise UsageError(f"{flag}: the share must be more than 0")
    if len({key for key, _ in segments}) > 1:
        raise UsageError("--segment: all must be values of one key, so that their shares add up")
    whole = sum(share for share, _ in segments.values())
    if whole > 1 + _ROUNDING:
        raise UsageError(f"--segment: the shares must add up to 1 or less; found {whole:g}")
    return segments


def _drops(flags: Flags, known: Sequence[Segment | None]) -> Mapping[Segment | None, list[Change]]:
    from proxy.analysis.simulation import Change

    changes: dict[Segment | None, list[Change]] = {}
    for text in flags.drops:
        flag = f"--drop {text}"
        what, at, when = text.rpartition("@")
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", when)
        if not (at and found):
            raise UsageError(
                f"{flag}: write AGREEMENT@PAIR, such as 0.90@5000; 0.90@5000-8000 slides, and tenant=acme:0.90@5000"
                " is for that segment"
            )
        name, number = _of_whom(what, flag, known)
        begins, ends = int(found[1]), int(found[2] or found[1])
        if not begins <= ends <= flags.pairs or begins == flags.pairs:
            raise UsageError(f"{flag}: must begin before pair {flags.pairs:,} (--pairs), and end after it begins")
        so_far = changes.setdefault(name, [])
        if so_far and begins < so_far[-1].ends:
            raise UsageError(f"{flag}: begins before the one given before it ends; give drops in their order in time")
        so_far.append(Change(_share(number, f"{flag}: the agreement"), begins, ends))
    return changes


def _samples(texts: Sequence[str], known: Sequence[Segment | None]) -> Mapping[Segment | None, float]:
    samples: dict[Segment | None, float] = {}
    for text in texts:
        flag = f"--sample {text}"
        # One without a name is for all that have none of their own, also where every pair is in some segment.
        name, number = _of_whom(text, flag, [None, *known])
        if name in samples:
            raise UsageError(f"{flag}: is given twice for the same traffic; give it once")
        samples[name] = _share(number, f"{flag}: the probability")
        if not samples[name]:
            raise UsageError(f"{flag}: the probability must be more than 0")
    return samples


def _of_whom(text: str, flag: str, known: Sequence[Segment | None]) -> tuple[Segment | None, str]:
    """The segment that is named before a number, if one is."""
    name, colon, number = text.rpartition(":")
    segment = parse_segment(name) if colon else None
    if segment not in known:
        names = ", ".join("=".join(each) for each in known if each) or "none"
        wrong = f"no --segment is {name}" if segment else "all traffic is in segments, so name one"
        raise UsageError(f"{flag}: {wrong}; there are: {names}")
    return segment, number


def _share(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"{what} must be a number from 0 to 1; found {text or 'nothing'}")
    return value
