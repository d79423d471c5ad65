"""Every metric with its labels, in Markdown: what ``proxy.cli.reference`` writes into docs/metrics.md."""

from __future__ import annotations

from proxy.metric_families import FAMILIES, LATER, SHARED, Family, Label

_HEAD = "| metric | type | labels | what it tells |\n| --- | --- | --- | --- |\n"


def metrics_tables() -> str:
    """A table for each part that counts, with what labels may say, and the names of what is still to come."""
    shared = "".join(f"- `{name}`: {_values(label)}\n" for name, label in SHARED.items())
    parts = [f"### {title}\n\n{_HEAD}" + "".join(map(_row, each)) for title, each in FAMILIES.items()]
    later = "".join(f"- `{name}`\n" for name in LATER)
    return "\n" + "\n".join([shared, *parts, "### Brought by later versions\n", later]) + "\n"


def _row(family: Family) -> str:
    labels = "<br>".join(
        f"`{name}`" if SHARED.get(name) == label else f"`{name}`: {_values(label)}"
        for name, label in family.labels.items()
    )
    return f"| `{family.exported}` | {family.kind} | {labels} | {family.help} |\n"


def _values(label: Label) -> str:
    told = [", ".join(f"`{value}`" for value in label.known), label.words]
    return "; ".join(part for part in told if part)
