"""A report for people: plain text, 100 columns, the verdict first and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from rich.cells import cell_len, chop_cells, set_cell_size

WIDTH = 100
LABEL = 17  # columns of what a line is about
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
    head = f"Understudy report of {_moment(report['generated'])}"
    if report["since"]:
        head += f", since {_moment(report['since'])}"
    lines = [head]
    if not report["routes"]:
        lines += ["", "No routes are configured: every request goes to the default teacher, none is captured."]
    for entry in report["routes"]:
        lines += ["", *_entry(entry)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _entry(entry: Mapping[str, Any]) -> Iterator[str]:
    verdict = entry["verdict"].upper() if entry["student"] else "NO STUDENT"
    name = f"{entry['route']}: {entry['student']}" if entry["student"] else entry["route"]
    version = f" (version {_clean(entry['version'])})" if entry["version"] else ""
    version += ", rescored" if entry["rescored"] else ""
    yield set_cell_size(f"{name}{version}", WIDTH - len(verdict) - 1) + f" {verdict}"
    yield "=" * WIDTH
    if entry["paused"]:
        yield from _wrapped(PAUSED, "  - ", "    ")
    for reason in entry["reasons"]:
        yield from _wrapped(_clean(reason), "  - ", "    ")
    yield ""
    yield from _measured(entry) if entry["student"] else _volume(entry)
    yield from _latency(entry["latency_ms"])
    yield from _cost(entry["cost"])


def _volume(entry: Mapping[str, Any]) -> Iterator[str]:
    span = f", {_moment(entry['first'])} to {_moment(entry['last'])}" if entry["first"] else ""
    yield from _line("Exchanges", f"{entry['exchanges']:,}{span}")


def _measured(entry: Mapping[str, Any]) -> Iterator[str]:
    if entry["evidence_id"] is None and entry["rescored"] is None:
        yield from _line("Evidence", "none yet for this version")
        return
    agreement = entry["agreement"]
    yield from _line(
        "Agreement",
        f"{_share(agreement['estimate'])}, between {_bounds(agreement)} (each at alpha {agreement['alpha']:g}),"
        f" target {100 * entry['target']:.6g}%",
    )
    lowest = _lowest([agreement], entry["target"])
    yield from _line("", f"{_percent(lowest)} {_picture(agreement, entry['target'], lowest=lowest)} 100%")
    yield from _line(*_source(entry))
    if entry["pairs_needed"] is not None:
        more = f"about {entry['pairs_needed']:,} more units to promote" if entry["pairs_needed"] else "pairs suffice"
        yield from _line("Forecast", f"{more}, if agreement stays as it is")
    yield from _line("Missing", _share_and_kinds(entry["missing"]))
    if entry["excluded"]["kinds"]:
        yield from _line("Left out", _share_and_kinds(entry["excluded"]))
    yield from _segments(entry)
    if entry["comparators"]:
        yield from _line("Comparators", "; ".join(_comparator(*each) for each in entry["comparators"].items()))
    if entry["kinds"]:
        yield from _line("Disagreements", _counts(entry["kinds"]))
    if entry["student_errors"]:
        yield from _line("Student errors", _counts(entry["student_errors"]))
    if entry["student_logprobs"]:
        yield from _line("Logprobs", _logprobs(entry["student_logprobs"]))


def _comparator(name: str, said: Mapping[str, Any]) -> str:
    text = f"{name}: {_share(said['agreement'])} agree"
    text += "" if said["mean"] is None else f", mean score {said['mean']:.3f}"
    if "target" in said:
        text += f", between {_bounds(said)}, target {100 * said['target']:.6g}%"
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
        span = f"{_moment(rescored['first'])} to {_moment(rescored['last'])}"
        return "Rescored", f"exploratory{marked}; stored pairs of {span}: {amount}"
    evidence = f"number {entry['evidence_number']} (id {entry['evidence_id']}), {_moment(entry['evidence_since'])}"
    return "Evidence", f"{evidence} to {_moment(entry['read_until'])}: {amount}"


def _segments(entry: Mapping[str, Any]) -> Iterator[str]:
    """Worst first: by how well a segment may be doing at best, then by what was measured."""
    segments = sorted(entry["segments"], key=lambda segment: (segment["agreement"]["upper"], -segment["units"]))
    if not segments:
        return
    shown = segments[:SEGMENTS_SHOWN]
    lowest = _lowest([segment["agreement"] for segment in shown], entry["target"])
    scale = f"{_percent(lowest)}{'100%':>{PICTURE - len(_percent(lowest))}}"
    yield ""
    yield f"  {'Segment, worst first':<27}{'Units':>8}{'Agree':>8}{'Bounds':>16}  {scale}  Verdict"
    for segment in shown:
        agreement = segment["agreement"]
        mark = "*" if segment["required"] else " "
        name = _clean(f"{segment['key']}={segment['value']}")
        if cell_len(name) > NAME:  # on lines of its own
            yield from (f"  {piece}" for piece in chop_cells(name, WIDTH - 2))
            name = ""
        name = set_cell_size(name, NAME)
        yield (
            f"  {name} {mark}{segment['units']:>8,}{_share(agreement['estimate']):>8}{_bounds(agreement):>16}"
            f"  {_picture(agreement, entry['target'], lowest=lowest)}  {segment['verdict']}"
        )
    hidden = len(segments) - len(shown)
    notes = ["* required", "| the target", f"bounds each at alpha {entry['agreement']['alpha']:g}"] + [
        f"{hidden:,} more segments: --format json"
    ] * (hidden > 0)
    yield f"  {'; '.join(notes)}"
    if entry["verdict"] == "promote" and any(each["required"] and each["verdict"] != "promote" for each in segments):
        yield from _wrapped(STRICTER, "  ", "  ")
    yield ""


def _latency(latency: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for side, told in latency.items():
        if told["p50"] is None:
            continue
        first = f", first token {_milliseconds(told['ttft_p50'])} (p50)" if told["ttft_p50"] is not None else ""
        yield from _line(
            f"{side.capitalize()} latency",
            f"{_milliseconds(told['p50'])} (p50), {_milliseconds(told['p95'])} (p95){first}",
        )


def _cost(cost: Mapping[str, Any]) -> Iterator[str]:
    if cost["teacher_usd"] is None and cost["student_usd"] is None:
        return
    text = f"teacher {_usd(cost['teacher_usd'])}, student {_usd(cost['student_usd'])}"
    if cost["saving_usd_per_month"] is not None:
        saving = cost["saving_usd_per_month"]
        change = f"save {_usd(saving)}" if saving >= 0 else f"cost {_usd(-saving)} more"
        text += f"; the student would {change} a month, going by {cost['observed_hours']:,.1f} hours"
    yield from _line("Cost", text)


def _line(label: str, text: str) -> Iterator[str]:
    indent = " " * (2 + LABEL)
    lines = list(_wrapped(_clean(text), indent, indent))
    yield f"  {label:<{LABEL}}{lines[0].lstrip()}" if lines else f"  {label}"
    yield from lines[1:]


def _wrapped(text: str, first: str, rest: str) -> Iterator[str]:
    """Lines that fit; a word of wide characters that does not is cut."""
    for line in wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False):
        yield from chop_cells(line, WIDTH)


def _picture(agreement: Mapping[str, Any], target: float, *, lowest: float) -> str:
    """The interval from ``lowest`` to 1 with the estimate and the target: ``.....[===o==].|..``."""

    def column(share: float) -> int:
        return max(0, min(PICTURE - 1, round((share - lowest) / (1 - lowest) * (PICTURE - 1))))

    low, high = column(agreement["lower"]), column(agreement["upper"])
    cells = ["=" if low <= place <= high else "." for place in range(PICTURE)]
    cells[column(target)] = "|"
    if agreement["estimate"] is not None:
        cells[column(agreement["estimate"])] = "o"
    return "".join(cells)


def _lowest(agreements: Sequence[Mapping[str, Any]], target: float) -> float:
    """Where the pictures begin: a multiple of 10% that shows the target and most of every interval."""
    least = target - 0.05
    for one in agreements:
        least = min(least, one["lower"] if one["estimate"] is None else one["estimate"])
    return max(0, math.floor(least * 10 - 1e-9)) / 10


def _share_and_kinds(told: Mapping[str, Any]) -> str:
    return _share(told["share"]) + (f" ({_counts(told['kinds'])})" if told["kinds"] else "")


def _counts(counts: Mapping[str, int], shown: int = 8) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{kind} {n:,}" for kind, n in ranked[:shown])
    return text + (f", {len(ranked) - shown} more kinds" if len(ranked) > shown else "")


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _bounds(agreement: Mapping[str, Any]) -> str:
    """Rounded outwards: no bound is told better than it is."""
    low, high = math.floor(agreement["lower"] * 1000 + 1e-9) / 10, math.ceil(agreement["upper"] * 1000 - 1e-9) / 10
    return f"{low:.1f}..{high:.1f}%"


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _milliseconds(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:,.0f} ms"


def _usd(usd: float | None) -> str:
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.2g}"


def _moment(text: str) -> str:
    """An RFC 3339 time to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"


def _clean(text: str) -> str:
    """Without control characters: names and segment values come from requests."""
    return "".join(char if char.isprintable() else "?" for char in text)
