"""Each figure of the statistics against its goal: ``python -m benchmarks.statistics [topic ...] [--quick] [--write]``.

A topic is a module of this folder with ``run(*, quick: bool) -> list[Figure]``, or ``table(*, quick: bool) -> str``
that gives Markdown, or both.
"""
