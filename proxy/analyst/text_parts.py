"""How lines, shares, money and moments are written in a report for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from rich.cells import chop_cells

WIDTH = 100
LABEL = 17  # columns of what a line is about


def line(label: str, text: str) -> Iterator[str]:
    indent = " " * (2 + LABEL)
    lines = list(wrapped(clean(text), indent, indent))
    yield f"  {label:<{LABEL}}{lines[0].lstrip()}" if lines else f"  {label}"
    yield from lines[1:]


def wrapped(text: str, first: str, rest: str) -> Iterator[str]:
    """Lines that fit; a word of wide characters that does not is cut."""
    for line in wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False):
        yield from chop_cells(line, WIDTH)


def counts(counts: Mapping[str, int], shown: int = 8) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{kind} {n:,}" for kind, n in ranked[:shown])
    more = len(ranked) - shown
    return text + (f", {more} more kind{'s' if more > 1 else ''}" if more > 0 else "")


def share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def bounds(agreement: Mapping[str, Any]) -> str:
    """Rounded outwards: no bound is told better than it is."""
    low, high = math.floor(agreement["lower"] * 1000 + 1e-9) / 10, math.ceil(agreement["upper"] * 1000 - 1e-9) / 10
    return f"{low:.1f}..{high:.1f}%"


def percent(share: float) -> str:
    return f"{share:.0%}"


def milliseconds(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:,.0f} ms"


def usd(usd: float | None) -> str:
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.2g}"


def moment(text: str) -> str:
    """An RFC 3339 time to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"


def clean(text: str) -> str:
    """Without control characters: names and segment values come from requests."""
    return "".join(char if char.isprintable() else "?" for char in text)
