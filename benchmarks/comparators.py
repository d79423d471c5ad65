"""What comparators cost and what they tell: ``python -m benchmarks.comparators [--write]``, in about a minute.

The first table is the time of one score for answers of some 1 KB; those that need a process pool or another machine are
measured without it. The second one is how well the score of each comparator of texts tells whether two worked answers
come to the same number: the area under the ROC curve over the 1,319 recorded problems of ``../shared/data/gsm8k.jsonl``
(0.5 is chance, 1 is perfect). ``--write`` puts both into ``docs/comparators-measured.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from comparators.base import Answer, Comparator, ComparatorError, Request, ToolCall
from comparators.registry import build

ROOT = Path(__file__).parents[1]
GSM8K = ROOT.parent / "shared" / "data" / "gsm8k.jsonl"
PAGE = ROOT / "docs" / "comparators-measured.md"
MODEL = os.environ.get("UNDERSTUDY_SENTENCE_MODEL", "")
SECONDS = 0.3
_SLOW_STEP = 20  # a pair takes half a second

_PROSE = "The customer asks whether a parcel, sent on Monday, can still be redirected to another address. " * 10
_OTHER = _PROSE[300:] + "So much for that, and no more can be said of it today; it isn't 3.5 km away either. " * 3
_FIELDS = {f"field_{n}": {"value": n, "text": "some words of text", "list": [1, 2, 3]} for n in range(14)}
_CODE = "\n".join(f"def f{n}(a, b):\n    # adds\n    return a + b * {n}\n" for n in range(20))
_SQL = "SELECT a, b, sum(c) FROM t JOIN u ON t.id = u.id WHERE a = 1 AND b IN (1, 2, 3) GROUP BY a, b ORDER BY a"
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": f"tool_{n}",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "integer"}}},
        },
    }
    for n in range(4)
]


def calls(*names: str) -> Answer:
    arguments = json.dumps({"city": "Berlin", "n": 3, "note": "x" * 200})
    return Answer(tool_calls=tuple(ToolCall(name=name, arguments=arguments) for name in names))


def vectors(shift: float) -> Answer:
    return Answer(embeddings=tuple(tuple(((n * k) % 7 - 3 + shift) / 3 for n in range(384)) for k in range(1, 5)))


def texts(teacher: str, student: str) -> tuple[Answer, Answer]:
    return Answer(content=teacher), Answer(content=student)


CASES: list[tuple[str, dict[str, object], tuple[Answer, Answer], str]] = [
    ("exact", {}, texts(_PROSE, _OTHER), ""),
    ("label", {}, texts('{"label": "refund"}', "Refund."), ""),
    ("number", {}, texts(_PROSE + "\nA: 1,042", _OTHER + "\n#### 1042"), ""),
    *(("text", {"measure": m}, texts(_PROSE, _OTHER), m) for m in ("rouge_l", "token_f1", "chrf", "edit")),
    ("json", {}, texts(json.dumps(_FIELDS), json.dumps({**_FIELDS, "field_3": None})), ""),
    ("tool_calls", {}, (calls("tool_0", "tool_1"), calls("tool_1", "tool_0")), ""),
    ("refusal", {}, texts(_PROSE, "I'm sorry, but I cannot help with that. " + _PROSE), ""),
    ("format", {"form": "json"}, texts(json.dumps(_FIELDS), json.dumps(_FIELDS)), "json"),
    ("code", {"language": "python"}, texts(_CODE, _CODE.replace("# adds", "# sums")), "python"),
    ("sql", {}, texts(_SQL, _SQL.lower()), ""),
    ("embedding", {}, (vectors(0.0), vectors(0.1)), ""),
    ("auto", {}, texts(_PROSE, _OTHER), "prose"),
    ("auto", {}, texts("refund", "Refund."), "label"),
    *([("semantic", {"folder": MODEL}, texts(_PROSE, _OTHER), "folder")] if MODEL else []),
]
TEXTS: list[tuple[str, dict[str, object]]] = [
    ("exact", {}),
    *(("text", {"measure": measure}) for measure in ("rouge_l", "token_f1", "chrf", "edit")),
    ("label", {}),
    ("number", {}),
    *([("semantic", {"folder": MODEL})] if MODEL else []),
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="into docs/comparators-measured.md")
    tables = [cost_table()]
    if GSM8K.exists():
        tables.append(auc_table())
    else:
        tables.append("The recorded problems are not here, so nothing is said of how well the scores tell.\n")
    text = "\n".join(tables)
    print(text)
    if parser.parse_args().write:
        PAGE.write_text(_HEAD.format(day=f"{datetime.now(UTC):%Y-%m-%d}", machine=_machine()) + text)


def cost_table() -> str:
    lines = ["| comparator | runs | µs a pair |", "| --- | --- | --- |"]
    for name, options, (teacher, student), note in CASES:
        with _skipping(name):
            comparator = build(name, options)
            surface = "embeddings" if teacher.embeddings is not None else "chat/completions"
            request = Request(surface=surface, body={"messages": [], "tools": _TOOLS if teacher.tool_calls else []})
            taken = microseconds(comparator, request, teacher, student)
            lines.append(f"| `{name}`{f' ({note})' if note else ''} | {comparator.runs} | {taken:,.0f} |")
    return "\n".join(lines) + "\n"


def auc_table() -> str:
    rows = [json.loads(line) for line in GSM8K.read_text("utf-8").splitlines()]
    pairs = [texts(row["teacher"]["content"], row["student"]["content"]) for row in rows]
    request = Request(surface="chat/completions", body={"messages": []})
    number = build("number", {})
    same = [number.compare(request, *pair).agree for pair in pairs]
    lines = [f"| comparator | AUC over {len(pairs):,} pairs, {sum(same)} with the same number |", "| --- | --- |"]
    for name, options in TEXTS:
        with _skipping(name):
            comparator = build(name, options)
            step = _SLOW_STEP if name == "semantic" else 1
            scores = [comparator.compare(request, *pair).score for pair in pairs[::step]]
            told = ", ".join(str(value) for key, value in options.items() if key != "folder")
            told += f"every {step}th pair" if step > 1 else ""
            lines.append(f"| `{name}`{f' ({told})' if told else ''} | {auc(scores, same[::step]):.3f} |")
    return "\n".join(lines) + "\n"


def auc(scores: list[float], same: list[bool]) -> float:
    """How often a pair with the same number scores higher than one without; ties count half."""
    from scipy.stats import mannwhitneyu

    positive = [score for score, is_same in zip(scores, same, strict=True) if is_same]
    negative = [score for score, is_same in zip(scores, same, strict=True) if not is_same]
    return float(mannwhitneyu(positive, negative).statistic) / (len(positive) * len(negative))


def microseconds(comparator: Comparator, request: Request, teacher: Answer, student: Answer) -> float:
    comparator.compare(request, teacher, student)  # what is loaded once
    best = float("inf")
    deadline = time.perf_counter() + SECONDS
    while time.perf_counter() < deadline:
        began = time.perf_counter()
        for _ in range(10):
            comparator.compare(request, teacher, student)
        best = min(best, (time.perf_counter() - began) / 10)
    return best * 1e6


@contextlib.contextmanager
def _skipping(name: str) -> Iterator[None]:
    """A comparator whose extra is not installed is left out, and said."""
    try:
        yield
    except ComparatorError as error:
        print(f"left out: {name}: {error}\n")


def _machine() -> str:
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"


_HEAD = """# Comparators, measured

Made by `python -m benchmarks.comparators --write` on {day} ({machine}). The times are the best of many on that machine;
what runs in the process pool (`heavy`) costs some 0.3 ms more for the way there and back.

How well a score tells whether two worked answers come to the same number says nothing about other tasks; it shows that
wording is a poor measure of being right.

"""

if __name__ == "__main__":
    main()
