"""``simulate``: what the gate would say of traffic whose agreement is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.cli.traffic import Flags, traffic_of
from proxy.errors import UsageError

if TYPE_CHECKING:
    from proxy.analysis.records import Gate
    from proxy.analysis.simulation import Run, Said, Traffic

MOST_PAIRS, MOST_RUNS = 200_000, 100_000


class Format(StrEnum):
    """How the outcome is written."""

    TEXT = "text"
    JSON = "json"


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(simulate)


def simulate(
    *,
    agreement: Annotated[
        float, typer.Option(help="How often the student agrees, where no --segment says otherwise.")
    ] = 0.97,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[KEY=VALUE:]AGREEMENT@PAIR",
            help="Agreement from a pair on: 0.90@5000. 0.90@5000-8000 slides; tenant=acme:0.90@5000 is for a segment.",
        ),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE:SHARE:AGREEMENT",
            help="A segment that the gate asks for: tenant=acme:0.1:0.90.",
        ),
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option(metavar="[KEY=VALUE:]PROBABILITY", help="How much is sampled: 0.1, or tenant=acme:1.0."),
    ] = None,
    target: Annotated[float, typer.Option(help="The agreement that the gate asks for.")] = 0.95,
    alpha: Annotated[float, typer.Option(help="The level of each bound.")] = 0.05,
    min_pairs: Annotated[int, typer.Option(min=1, help="Pairs before any verdict.")] = 300,
    pairs: Annotated[int, typer.Option(min=1, max=MOST_PAIRS, help="How many pairs come, after sampling.")] = 20_000,
    pairs_per_day: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="How fast they come: the drop alarm goes by five minutes.")
    ] = 3_000,
    seed: Annotated[int, typer.Option(min=0, help="Another one draws other pairs.")] = 1,
    runs: Annotated[
        int, typer.Option(min=1, max=MOST_RUNS, help="Draw so many times, and tell how often each was wrong.")
    ] = 1,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TEXT,
) -> None:
    """Show what the gate would say of made-up traffic.

    Somebody looks after every pair; beside the gate stands an ordinary interval, made for one look.
    """
    from proxy.analysis.records import Gate
    from proxy.cli.simulate_text import render_one, render_runs

    _check_between(0, target, 1, "--target")
    _check_between(0, alpha, 0.5, "--alpha")
    flags = Flags(agreement, pairs, segment or (), drop or (), sample or ())
    traffic = traffic_of(flags)
    gate = Gate(target=target, alpha=alpha, min_pairs=min_pairs, min_days=0, require=traffic.segments)
    document: dict[str, Any] = {
        "settings": {
            "target": target,
            "alpha": alpha,
            "min_pairs": min_pairs,
            "pairs": pairs,
            "pairs_per_day": pairs_per_day,
            "seed": seed,
        },
        "traffic": _groups(traffic),
    }
    if runs == 1:
        document |= _one(traffic, gate, seed, pairs_per_day)
    else:
        document |= _many(traffic, gate, range(seed, seed + runs), pairs_per_day)
    render = render_one if runs == 1 else render_runs
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n" if form is Format.JSON else render(document)
    sys.stdout.write(text)


def _check_between(low: float, value: float, high: float, flag: str) -> None:
    if not low < value < high:
        raise UsageError(f"{flag}: must be more than {low:g} and less than {high:g}; found {value:g}")


def _groups(traffic: Traffic) -> list[dict[str, Any]]:
    import msgspec

    groups: list[dict[str, Any]] = msgspec.to_builtins(traffic.groups)
    for group in groups:
        group["segment"] = _named(group["segment"])
    return groups


def _named(segment: Sequence[str] | None) -> dict[str, str] | None:
    return dict(zip(("key", "value"), segment, strict=True)) if segment else None


def _one(traffic: Traffic, gate: Gate, seed: int, pairs_per_day: int) -> dict[str, Any]:
    """One draw: what was said at some looks, when it was said first, and how the segments stand at the end."""
    from proxy.analysis.simulated_alarms import first_alarm
    from proxy.analysis.simulation import decision_at, run

    drawn = run(traffic, gate, seed)
    alarm = first_alarm(traffic, drawn.stream, gate, pairs_per_day=pairs_per_day)
    begins = {change.begins for group in traffic.groups for change in group.changes}
    powers = {10**n for n in range(1, 7) if 10**n <= traffic.units}
    last = decision_at(traffic, drawn.stream, gate, traffic.units)
    return {
        "looks": [_look(drawn, gate, look) for look in sorted({*powers, *begins, traffic.units} - {0})],
        "first": {
            "gate": _first(drawn.gate),
            "naive": _first(drawn.naive),
            "alarm": alarm and {"pairs": alarm.opened, "segment": _named(alarm.segment), "wrong": alarm.wrong},
        },
        "segments": [
            {
                "key": segment.slice.key,
                "value": segment.slice.value,
                "pairs": segment.slice.units,
                "estimate": segment.agreement.estimate,
                "lower": segment.agreement.lower,
                "upper": segment.agreement.upper,
                "verdict": segment.verdict,
            }
            for segment in last.segments
        ],
    }


def _look(drawn: Run, gate: Gate, look: int) -> dict[str, Any]:
    from proxy.analysis.simulation import decision_at, wilson

    decision = decision_at(drawn.traffic, drawn.stream, gate, look)
    units = drawn.stream.at(look)
    agreed = units.counts @ units.values
    lower, upper = wilson(agreed, units.counts.sum(), gate.alpha)
    return {
        "pairs": look,
        "truth": float(drawn.traffic.truth()[look - 1]),
        "estimate": decision.agreement.estimate,
        "lower": decision.agreement.lower,
        "upper": decision.agreement.upper,
        "verdict": decision.verdict,
        "reasons": list(decision.reasons),
        "naive": {"estimate": float(agreed / look), "lower": float(lower), "upper": float(upper)},
    }


def _first(said: Said) -> dict[str, Any]:
    return {
        verdict: None if look is None else {"pairs": look, "wrong": wrong}
        for verdict, look, wrong in zip(said.verdicts._fields, said.verdicts, said.wrong, strict=True)
    }


def _many(traffic: Traffic, gate: Gate, seeds: range, pairs_per_day: int) -> dict[str, Any]:
    """How often each said what, and how often that was wrong."""
    from rich.console import Console

    from proxy.analysis.simulated_alarms import first_alarm
    from proxy.analysis.simulation import run
    from proxy.progress import counting

    gate_said, naive_said, alarms = [], [], []
    with counting(Console(stderr=True, highlight=False), "simulated", len(seeds)) as shown:
        for seed in seeds:
            drawn = run(traffic, gate, seed)
            gate_said.append(drawn.gate)
            naive_said.append(drawn.naive)
            alarms.append(first_alarm(traffic, drawn.stream, gate, pairs_per_day=pairs_per_day))
            shown(1)
    return {
        "runs": len(seeds),
        "gate": _shares(gate_said),
        "naive": _shares(naive_said),
        "alarm": _share(
            [alarm.opened if alarm else None for alarm in alarms], [bool(alarm and alarm.wrong) for alarm in alarms]
        ),
    }


def _shares(said: Sequence[Said]) -> dict[str, Any]:
    return {
        verdict: _share([each.verdicts[n] for each in said], [each.wrong[n] for each in said])
        for n, verdict in enumerate(said[0].verdicts._fields)
    }


def _share(looks: Sequence[int | None], wrong: Sequence[bool]) -> dict[str, Any]:
    import numpy as np

    from proxy.analysis.simulation import share_of

    found = [look for look in looks if look is not None]
    rate, error = share_of(wrong)
    return {
        "share": len(found) / len(looks),
        "median_pairs": round(float(np.median(found))) if found else None,
        "wrong": {"share": rate, "error": error},
    }
