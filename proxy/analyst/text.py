"""A report for people: plain text, 100 columns, the verdict first and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, chop_cells, set_cell_size

from proxy.analyst.text_findings import finding_lines, noise_lines
from proxy.analyst.text_parts import (
    WIDTH,
    bounds,
    clean,
    counts,
    line,
    milliseconds,
    moment,
    percent,
    share,
    usd,
    wrapped,
)

SEGMENTS_SHOWN = 20
NAME = 25  # columns of a segment's name
PICTURE = 24  # columns of the picture of an interval
PAUSED = "shadowing is paused: nothing is captured until `understudy resume`"
STRICTER = (
    "A segment's verdict is for serving it alone, where alpha is shared by all segments: it asks more than the verdict"
    " above, which is for all traffic together and holds."
)


def render_report(report: Mapping[str, Any]) -> str:
    """The text of a report that ``build_report`` made."""
    head = f"Understudy report of {moment(report['generated'])}"
    if report["since"]:
        head += f", since {moment(report['since'])}"
    lines = [head]
    if not report["routes"]:
        lines += ["", "No routes are configured: every request goes to the default teacher, none is captured."]
    for entry in report["routes"]:
        lines += ["", *_entry(entry)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _entry(entry: Mapping[str, Any]) -> Iterator[str]:
    verdict = entry["verdict"].upper() if entry["student"] else "NO STUDENT"
    name = f"{entry['route']}: {entry['student']}" if entry["student"] else entry["route"]
    version = f" (version {clean(entry['version'])})" if entry["version"] else ""
    version += ", rescored" if entry["rescored"] else ""
    yield set_cell_size(f"{name}{version}", WIDTH - len(verdict) - 1) + f" {verdict}"
    yield "=" * WIDTH
    if entry["paused"]:
        yield from wrapped(PAUSED, "  - ", "    ")
    for reason in entry["reasons"]:
        yield from wrapped(clean(reason), "  - ", "    ")
    yield ""
    yield from _measured(entry) if entry["student"] else _volume(entry)
    yield from _latency(entry["latency_ms"])
    yield from _cost(entry["cost"])


def _volume(entry: Mapping[str, Any]) -> Iterator[str]:
    span = f", {moment(entry['first'])} to {moment(entry['last'])}" if entry["first"] else ""
    yield from line("Exchanges", f"{entry['exchanges']:,}{span}")
    yield from noise_lines(entry)
    yield from finding_lines(entry)


def _measured(entry: Mapping[str, Any]) -> Iterator[str]:
    if entry["evidence_id"] is None and entry["rescored"] is None:
        yield from line("Evidence", "none yet for this version")
        return
    agreement = entry["agreement"]
    yield from line(
        "Agreement",
        f"{share(agreement['estimate'])}, between {bounds(agreement)} (each at alpha {agreement['alpha']:g})"
        f"{_wanted(entry)}",
    )
    lowest = _lowest([agreement], _target(entry))
    yield from line("", f"{percent(lowest)} {_picture(agreement, _target(entry), lowest=lowest)} 100%")
    yield from noise_lines(entry)
    yield from line(*_source(entry))
    if entry["pairs_needed"] is not None:
        more = f"about {entry['pairs_needed']:,} more units to promote" if entry["pairs_needed"] else "pairs suffice"
        around = f", around {entry['promotes_around'][:10]}" if entry.get("promotes_around") else ""
        yield from line("Forecast", f"{more}{around}, if agreement stays as it is")
    yield from line("Missing", _share_and_kinds(entry["missing"]))
    if entry["excluded"]["kinds"]:
        yield from line("Left out", _share_and_kinds(entry["excluded"]))
    yield from _segments(entry)
    yield from finding_lines(entry)
    if entry["comparators"]:
        yield from line("Comparators", "; ".join(_comparator(*each) for each in entry["comparators"].items()))
    if entry["kinds"]:
        yield from line("Disagreements", counts(entry["kinds"]))
    if entry["student_errors"]:
        yield from line("Student errors", counts(entry["student_errors"]))
    if entry["student_logprobs"]:
        yield from line("Logprobs", _logprobs(entry["student_logprobs"]))


def _target(entry: Mapping[str, Any]) -> float | None:
    """What agreement is held against; None where the gate goes by the noise floor instead."""
    target: float | None = entry["target"] if entry["margin"] is None else None
    return target


def _wanted(entry: Mapping[str, Any]) -> str:
    target = _target(entry)
    return "" if target is None else f", target {100 * target:.6g}%"


def _comparator(name: str, said: Mapping[str, Any]) -> str:
    text = f"{name}: {share(said['agreement'])} agree"
    text += "" if said["mean"] is None else f", mean score {said['mean']:.3f}"
    if "target" in said:
        text += f", between {bounds(said)}, target {100 * said['target']:.6g}%"
    return text


def _logprobs(answers: Mapping[str, int]) -> str:
    words = {
        "given": "{:,} of the student's answers have them",
        "none": "{:,} were asked for them and have none",
        "refused": "{:,} were asked without, as it refuses the field",
    }
    return "; ".join(words[what].format(answers[what]) for what in words if what in answers)


def _source(entry: Mapping[str, Any]) -> tuple[str, str]:
    """What the numbers rest on."""
    amount = f"{entry['pairs']:,} pairs, {entry['units']:,} units, {entry['full_days']} full days"
    rescored = entry["rescored"]
    if rescored:
        marked = ", on redacted text" if rescored["redacted"] or rescored["redacted_requests"] else ""
        span = f"{moment(rescored['first'])} to {moment(rescored['last'])}"
        return "Rescored", f"exploratory{marked}; stored pairs of {span}: {amount}"
    evidence = f"number {entry['evidence_number']} (id {entry['evidence_id']}), {moment(entry['evidence_since'])}"
    return "Evidence", f"{evidence} to {moment(entry['read_until'])}: {amount}"


def _segments(entry: Mapping[str, Any]) -> Iterator[str]:
    """Worst first: by how well a segment may be doing at best, then by what was measured."""
    segments = sorted(entry["segments"], key=lambda segment: (segment["agreement"]["upper"], -segment["units"]))
    if not segments:
        return
    shown = segments[:SEGMENTS_SHOWN]
    lowest = _lowest([segment["agreement"] for segment in shown], _target(entry))
    scale = f"{percent(lowest)}{'100%':>{PICTURE - len(percent(lowest))}}"
    yield ""
    yield f"  {'Segment, worst first':<27}{'Units':>8}{'Agree':>8}{'Bounds':>16}  {scale}  Verdict"
    for segment in shown:
        agreement = segment["agreement"]
        mark = "*" if segment["required"] else " "
        name = clean(f"{segment['key']}={segment['value']}")
        if cell_len(name) > NAME:  # on lines of its own
            yield from (f"  {piece}" for piece in chop_cells(name, WIDTH - 2))
            name = ""
        name = set_cell_size(name, NAME)
        yield (
            f"  {name} {mark}{segment['units']:>8,}{share(agreement['estimate']):>8}{bounds(agreement):>16}"
            f"  {_picture(agreement, _target(entry), lowest=lowest)}  {segment['verdict']}"
        )
    hidden = len(segments) - len(shown)
    notes = ["* required"] + ["| the target"] * (_target(entry) is not None)
    notes += [f"bounds each at alpha {entry['agreement']['alpha']:g}"]
    notes += [f"{hidden:,} more segments: --format json"] * (hidden > 0)
    yield f"  {'; '.join(notes)}"
    if entry["verdict"] == "promote" and any(each["required"] and each["verdict"] != "promote" for each in segments):
        yield from wrapped(STRICTER, "  ", "  ")
    yield ""


def _latency(latency: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for side, told in latency.items():
        if told["p50"] is None:
            continue
        first = f", first token {milliseconds(told['ttft_p50'])} (p50)" if told["ttft_p50"] is not None else ""
        yield from line(
            f"{side.capitalize()} latency",
            f"{milliseconds(told['p50'])} (p50), {milliseconds(told['p95'])} (p95){first}",
        )


def _cost(cost: Mapping[str, Any]) -> Iterator[str]:
    if cost["teacher_usd"] is None and cost["student_usd"] is None:
        return
    text = f"teacher {usd(cost['teacher_usd'])}, student {usd(cost['student_usd'])}"
    if cost["saving_usd_per_month"] is not None:
        saving = cost["saving_usd_per_month"]
        change = f"save {usd(saving)}" if saving >= 0 else f"cost {usd(-saving)} more"
        text += f"; the student would {change} a month, going by {cost['observed_hours']:,.1f} hours"
    yield from line("Cost", text)


def _picture(agreement: Mapping[str, Any], target: float | None, *, lowest: float) -> str:
    """The interval from ``lowest`` to 1 with the estimate and the target: ``.....[===o==].|..``."""

    def column(share: float) -> int:
        return max(0, min(PICTURE - 1, round((share - lowest) / (1 - lowest) * (PICTURE - 1))))

    low, high = column(agreement["lower"]), column(agreement["upper"])
    cells = ["=" if low <= place <= high else "." for place in range(PICTURE)]
    if target is not None:
        cells[column(target)] = "|"
    if agreement["estimate"] is not None:
        cells[column(agreement["estimate"])] = "o"
    return "".join(cells)


def _lowest(agreements: Sequence[Mapping[str, Any]], target: float | None) -> float:
    """Where the pictures begin: a multiple of 10% that shows the target and most of every interval."""
    least = 0.95 if target is None else target - 0.05
    for one in agreements:
        least = min(least, one["lower"] if one["estimate"] is None else one["estimate"])
    return max(0, math.floor(least * 10 - 1e-9)) / 10


def _share_and_kinds(told: Mapping[str, Any]) -> str:
    return share(told["share"]) + (f" ({counts(told['kinds'])})" if told["kinds"] else "")
