"""How many pairs the gate needs, for planning: exact, with a look after every pair."""

from __future__ import annotations

from benchmarks.statistics import exact

PAIRS = 40_000
ALPHA, STRICT, FLOOR = 0.05, 0.01, 0.5
PLANNED = {
    0.90: (0.92, 0.93, 0.95, 0.97, 1.0),
    0.95: (0.96, 0.97, 0.98, 0.99, 1.0),
    0.98: (0.985, 0.99, 0.995, 1.0),
    0.99: (0.995, 1.0),
}


def table(*, quick: bool) -> str:
    """Markdown: median and nine in ten cases, by target and agreement."""
    pairs = 4_000 if quick else PAIRS
    heads = ("target", "agreement", f"alpha {ALPHA}", f"alpha {STRICT}", f"alpha {ALPHA}, with a budget")
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for target, agreements in PLANNED.items():
        asked = [
            exact.promoted(exact.least_pairs(target, alpha, pairs, floor=floor))
            for alpha, floor in ((ALPHA, 1.0), (STRICT, 1.0), (ALPHA, FLOOR))
        ]
        for agreement in agreements:
            cells = [needed(leaving, agreement, pairs) for leaving in asked]
            lines.append(f"| {target:.0%} | {agreement * 100:g}% | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def needed(leaving: exact.Leaving, agreement: float, pairs: int) -> str:
    chance = exact.chances(leaving, agreement, pairs)
    half, most = (exact.first(chance, share) for share in (0.5, 0.9))
    return " (".join(f"over {pairs:,}" if n is None else f"{n:,}" for n in (half, most)) + ")"
