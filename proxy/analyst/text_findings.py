"""What the analyst found out, in a report for people: the noise floor, alarms, weak spots, drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.analyst.text_parts import bounds, clean, counts, line, share, usd, wrapped

WEAK_SPOTS_SHOWN = 10
DRIFTED_SHOWN = 8


def noise_lines(entry: Mapping[str, Any]) -> Iterator[str]:
    """How often the teacher agrees with itself, and how the student stands to that."""
    floor, difference, relative = (entry[name] for name in ("noise_floor", "difference", "relative_agreement"))
    if floor is None:
        return
    text = f"the teacher agrees with itself on {share(floor['estimate'])}, between {bounds(floor)}"
    yield from line("Noise floor", f"{text}, of {floor['pairs']:,} pairs asked twice")
    if difference is not None and difference["estimate"] is not None:
        points = [100 * difference[name] for name in ("estimate", "lower", "upper")]
        wanted = "" if entry["margin"] is None else f" (at least {-100 * entry['margin']:.6g} wanted)"
        yield from line(
            "To the teacher",
            f"{points[0]:+.1f} points, between {points[1]:+.1f} and {points[2]:+.1f}{wanted}, on the same pairs;"
            f" agreement is {share(relative['estimate'])} of the floor",
        )


def finding_lines(entry: Mapping[str, Any]) -> Iterator[str]:
    """Alarms, where it cannot replace the teacher, where it may, and what has drifted."""
    for alert in entry["alerts"]:
        yield from line("Alarm", _alarm(alert))
    if entry["weak_spots"]:
        yield "  Where it cannot replace the teacher"
        for spot in entry["weak_spots"][:WEAK_SPOTS_SHOWN]:
            yield from wrapped(clean(_weak_spot(spot)), "    - ", "      ")
        hidden = len(entry["weak_spots"]) - WEAK_SPOTS_SHOWN
        if hidden > 0:
            yield f"    {hidden} more: --format json"
    if entry["may_serve"]:
        yield from line("May serve", _may_serve(entry["may_serve"]))
    if entry["divergence"]:
        told = [_divergence(*each) for each in entry["divergence"].items()]
        yield from line("Divergence", "; ".join(told))
    drifted = [each for each in entry["drift"] if each["drifted"]]
    if drifted:
        names = [f"{each['side']} {each['feature']} ({each['statistic']} {each['value']:.3f})" for each in drifted]
        more = f", and {len(names) - DRIFTED_SHOWN} more" if len(names) > DRIFTED_SHOWN else ""
        yield from line("Drifted", ", ".join(names[:DRIFTED_SHOWN]) + more)


def _alarm(alert: Mapping[str, Any]) -> str:
    where = "" if alert["segment"] == "all" else f" in {alert['segment']}"
    text = f"{alert['reason'].replace('_', ' ')}{where}, open since {alert['opened']}"
    if alert.get("likely_since"):
        text += f"; likely since {alert['likely_since']}, between {alert['earliest']} and {alert['latest']}"
    if alert.get("before") and alert.get("after"):
        text += f"; agreement {share(alert['before']['estimate'])} before, {share(alert['after']['estimate'])} after"
    return text


def _weak_spot(spot: Mapping[str, Any]) -> str:
    agreement = spot["agreement"]
    text = f"{spot['name']}: {share(agreement['estimate'])} agree, between {bounds(agreement)}"
    text += f", {share(spot['share'])} of the traffic ({spot['units']:,} units of the sample)"
    if spot["kinds"]:
        text += f"; {counts(spot['kinds'], 3)}"
    return f"{text}; pairs {', '.join(spot['examples'])}"


def _divergence(kind: str, told: Mapping[str, Any]) -> str:
    if told["value"] is None:
        return f"{kind} not known"
    threshold = "" if told["threshold"] is None else f" (counts from {told['threshold']:.3f} on)"
    return f"{kind} {told['value']:.3f}{threshold}"


def _may_serve(part: Mapping[str, Any]) -> str:
    values = ", ".join(part["values"])
    saving = part["saving_usd_per_month"]
    money = "" if saving is None else f", which would save {usd(saving)} a month"
    return f"{part['key']}={values}: {share(part['share'])} of the traffic{money}"
