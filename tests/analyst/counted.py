"""Count rows for tests, of which a test names only what it is about."""

from __future__ import annotations

from proxy.store.records import CountRow


def row(measure: str, n: int, *, bin_: int = 0, comparator: str = "", segment=("all", ""), probability=1.0) -> CountRow:
    return CountRow(
        comparator=comparator,
        segment_key=segment[0],
        segment_value=segment[1],
        probability=probability,
        measure=measure,
        bin=bin_,
        n=n,
    )


def rows(agreed: int, disagreed: int = 0, *, missing: dict[str, int] | None = None, **where) -> list[CountRow]:
    """What the store counts of so many pairs, compared by `label`, in one segment and at one probability."""
    missing = missing or {}
    lost = sum(missing.values())
    label = {"comparator": "label", **where}
    return [
        row("pairs", agreed + disagreed + lost, **where),
        *(row(f"missing:{kind}", n, **where) for kind, n in missing.items()),
        row("low", agreed, bin_=100, **label),
        row("low", disagreed + lost, **label),
        row("high", agreed + lost, bin_=100, **label),
        row("high", disagreed, **label),
        row("valid", agreed, bin_=100, **label),
        row("valid", disagreed, **label),
        row("score", agreed, bin_=100, **label),
        row("score", disagreed, **label),
        row("score_micros", agreed * 1_000_000, **label),
        row("agreed", agreed, **label),
    ]
