"""``python -m benchmarks.statistics``: each figure against its goal; the exit status is 1 when one is missed."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
from datetime import UTC, datetime
from types import ModuleType

import benchmarks.statistics as folder
from benchmarks.statistics.figures import PAGE, Figure, as_markdown, as_text, with_section

COMMAND = "python -m benchmarks.statistics"


def topics() -> dict[str, ModuleType]:
    """The modules of this folder that have figures or a table, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__) if module.name != "__main__")
    modules = {name: importlib.import_module(f"{folder.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "run") or hasattr(module, "table")}


def main(arguments: list[str]) -> int:
    """Run the topics asked for, or all."""
    known = topics()
    parser = argparse.ArgumentParser(prog=COMMAND, description="Each figure of the statistics against its goal.")
    parser.add_argument("topic", nargs="*", help=f"of {', '.join(known)}; without one, all")
    parser.add_argument("--quick", action="store_true", help="few runs: whether it works, not what the figures are")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}, with today's date")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.topic) - set(known)):
        parser.error(f"no topic {', '.join(unknown)}; there are {', '.join(known)}")
    if given.quick and given.write:
        parser.error("--write is for full runs: leave out --quick")

    missed = 0
    for topic in given.topic or known:
        began = time.perf_counter()
        module = known[topic]
        figures: list[Figure] = module.run(quick=given.quick) if hasattr(module, "run") else []
        table: str = module.table(quick=given.quick) if hasattr(module, "table") else ""
        missed += sum(not figure.passed for figure in figures)
        shown = as_text(figures) if figures else table
        print(f"{topic} ({time.perf_counter() - began:.0f} s)\n\n{shown.strip()}\n", flush=True)
        if given.write:
            write(topic, figures, table)
    print(f"{missed} goals missed" if missed else "all goals met")
    return int(missed > 0)


def write(topic: str, figures: list[Figure], table: str) -> None:
    """Put what a topic has into the page."""
    head = f"`{COMMAND} {topic} --write`, {datetime.now(UTC).date().isoformat()}:"
    others = "".join(f"- {figure.name}: `{figure.command}`\n" for figure in figures if figure.command)
    parts = [head, as_markdown(figures) if figures else "", others, table]
    text = "\n\n".join(part.strip() for part in parts if part)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_section(page, topic, text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
