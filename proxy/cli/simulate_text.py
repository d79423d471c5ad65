"""What ``simulate`` found, for people: plain text of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.analysis.reasons import percent_down, percent_up

Document = Mapping[str, Any]
WAYS = {"gate": "the gate", "naive": "a naive interval"}


def render_one(document: Document) -> str:
    """One draw."""
    heads = ("pairs", "agree so far", "measured", "bounds", "verdict", "naive interval")
    rows = [
        (
            f"{look['pairs']:,}",
            f"{look['truth']:.1%}",
            _share(look["estimate"]),
            _bounds(look),
            look["verdict"],
            f"{_bounds(look['naive'])} {_naive(look['naive'], document['settings'])}".rstrip(),
        )
        for look in document["looks"]
    ]
    lines = [*_head(document), f"seed: {document['settings']['seed']}", "", *_table(heads, rows), ""]
    lines.append("Said first, looked at after every pair:")
    for way, name in WAYS.items():
        said = [_said(verdict, first) for verdict, first in document["first"][way].items()]
        lines.append(f"  {name}: {', '.join(said)}")
    lines.append(f"  {_raised(document['first']['alarm'])}")
    if document["segments"]:
        lines += ["", f"Segments after {document['settings']['pairs']:,} pairs:", "", *_segments(document["segments"])]
    return "\n".join(lines) + "\n"


def render_runs(document: Document) -> str:
    """Many draws."""
    heads = ("looked at after every pair", "runs", "median pairs", "wrongly")
    rows = [
        _row(f"{name} says {verdict}", told) for way, name in WAYS.items() for verdict, told in document[way].items()
    ]
    rows.append(_row("the drop alarm is raised", document["alarm"]))
    seed = document["settings"]["seed"]
    drawn = f"runs: {document['runs']:,}, seeds {seed} to {seed + document['runs'] - 1}; ± is the standard error"
    return "\n".join([*_head(document), drawn, "", *_table(heads, rows)]) + "\n"


def _head(document: Document) -> Iterator[str]:
    settings = document["settings"]
    for group in document["traffic"]:
        segment = group["segment"]
        name = (
            f"{segment['key']}={segment['value']}" if segment else "the rest" if group["share"] < 1 else "all traffic"
        )
        text = f"{name}: " + ("" if group["share"] >= 1 else f"{group['share']:.1%} of it, ")
        text += f"{_plain(group['agreement'])} agree"
        for change in group["changes"]:
            when = f"{change['begins']:,}" + ("" if change["begins"] == change["ends"] else f" to {change['ends']:,}")
            text += f", {_plain(change['agreement'])} from pair {when}"
        sampled = "" if group["probability"] == 1 else f"; {_plain(group['probability'])} sampled"
        yield f"{text}{sampled}"
    yield (
        f"gate: target {_plain(settings['target'])}, alpha {settings['alpha']:g},"
        f" from pair {settings['min_pairs']:,} of {settings['pairs']:,} on, {settings['pairs_per_day']:,} a day;"
        " it does not wait for days"
    )


def _said(verdict: str, first: Mapping[str, Any] | None) -> str:
    return f"{verdict} {_when(first)}" if first else f"never {verdict}"


def _raised(alarm: Mapping[str, Any] | None) -> str:
    segment = alarm and alarm["segment"]
    whose = f" of {segment['key']}={segment['value']}" if segment else ""
    return f"the drop alarm{whose}: {_when(alarm) if alarm else 'never'}"


def _when(first: Mapping[str, Any]) -> str:
    return f"after {first['pairs']:,} pairs ({'wrongly' if first['wrong'] else 'rightly'})"


def _row(name: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    median = "" if told["median_pairs"] is None else f"{told['median_pairs']:,}"
    wrong = f"{told['wrong']['share']:.1%} ± {told['wrong']['error']:.1%}"
    return name, f"{told['share']:.1%}", median, wrong


def _segments(segments: Sequence[Mapping[str, Any]]) -> list[str]:
    heads = ("segment", "pairs", "measured", "bounds", "verdict by itself")
    return _table(
        heads,
        [
            (
                f"{each['key']}={each['value']}",
                f"{each['pairs']:,}",
                _share(each["estimate"]),
                _bounds(each),
                each["verdict"],
            )
            for each in segments
        ],
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they need."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (heads, *rows)]


def _naive(interval: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    if interval["lower"] > settings["target"]:
        return "yes"
    return "no" if interval["upper"] < settings["target"] else ""


def _bounds(of: Mapping[str, Any]) -> str:
    return f"{percent_down(of['lower']):>6} to {percent_up(of['upper']):>6}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _plain(value: float) -> str:
    return f"{100 * value:.6g}%"
