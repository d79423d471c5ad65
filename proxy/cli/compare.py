"""``compare``: one comparator over the pairs in a file."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from proxy.errors import UsageError

if TYPE_CHECKING:
    from comparators.base import Comparator, Score
    from comparators.running import Runner
    from proxy.cli.pair_lines import Pair

_BATCH = 256  # pairs that are read ahead, and scored together
_SECONDS = 10.0  # for one score of a heavy comparator, as in the worker


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(compare)


def compare(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Pairs as JSON lines; - is standard input.")],
    use: Annotated[str, typer.Option(help="The comparator.")],
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of it, its value as YAML.")
    ] = None,
) -> int:
    """Score the pairs in a file by one comparator.

    A line is what `understudy pairs` prints, or {"teacher": …, "student": …} with texts or answers, perhaps with a
    `request`. Prints a line of JSON for each, and a summary on stderr.
    """
    from comparators.registry import ComparatorError, build

    try:
        comparator = build(use, dict(map(_read_option, option or ())))
    except ComparatorError as error:
        raise UsageError(f"--use {use}: {error}") from None
    tally = _Tally()
    with _opened(file) as (lines, shown):
        asyncio.run(_compare_all(comparator, lines, file, lambda pair, said: shown(_print(tally, pair, said))))
    print(tally.summary(use), file=sys.stderr)
    return 1 if tally.failed else 0


class _Tally:
    """What was said so far."""

    def __init__(self) -> None:
        self.scored = self.agreed = 0
        self.total = 0.0
        self.kinds: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.without_answer = 0

    def summary(self, use: str) -> str:
        """A few lines for people."""
        lines = [f"{use}: no pair has a score"]
        if self.scored:
            share = f"{self.agreed:,} of {self.scored:,} pairs agree ({self.agreed / self.scored:.1%})"
            lines = [f"{use}: {share}, mean score {self.total / self.scored:.3f}"]
        if self.kinds:
            lines.append(f"  how they disagree: {_counted(self.kinds)}")
        if self.failed:
            lines.append(f"  without a score: {_counted(self.failed)}")
        if self.without_answer:
            lines.append(f"  without both answers: {self.without_answer:,}")
        return "\n".join(lines)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _read_option(text: str) -> tuple[str, Any]:
    from proxy.config.yaml_lines import YamlError, read_yaml

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"--option {text}: must be KEY=VALUE")
    try:
        return key, read_yaml(value).value
    except YamlError:
        return key, value  # such as a regular expression


@contextlib.contextmanager
def _opened(file: str) -> Iterator[tuple[IO[bytes], Callable[[int], None]]]:
    """The file's lines, and what is told how many more are done: it shows a bar where the scores go elsewhere."""
    if file == "-":
        yield sys.stdin.buffer, lambda _: None
        return
    try:
        lines = Path(file).open("rb")  # noqa: SIM115 -- closed below
    except OSError as error:
        raise UsageError(f"{file}: {(error.strerror or str(error)).lower()}") from None
    with lines:
        if sys.stdout.isatty() or not sys.stderr.isatty() or not lines.seekable():
            yield lines, lambda _: None
            return
        from rich.console import Console

        from proxy.progress import counting

        total = sum(1 for line in lines if line.strip())
        lines.seek(0)
        with counting(Console(stderr=True, highlight=False), "compared", total) as shown:
            yield lines, shown


async def _compare_all(
    comparator: Comparator, lines: Iterable[bytes], file: str, tell: Callable[[Pair, Score | str | None], None]
) -> None:
    from comparators.running import Runner
    from proxy.cli.pair_lines import read_pairs

    runner = Runner(processes=os.cpu_count() or 1, seconds=_SECONDS)
    try:
        pairs = read_pairs(lines, file)
        while batch := list(itertools.islice(pairs, _BATCH)):
            said = await asyncio.gather(*map(functools.partial(_said, comparator, runner), batch))
            for pair, word in zip(batch, said, strict=True):
                tell(pair, word)
    finally:
        await runner.close()
        await comparator.close()


async def _said(comparator: Comparator, runner: Runner, pair: Pair) -> Score | str | None:
    """The score; in words what went wrong; None where there is nothing to compare."""
    from comparators.checking import checked

    if pair.teacher is None or pair.student is None:
        return None
    try:
        return checked(await runner.run(comparator, pair.request, pair.teacher, pair.student))
    except Exception as error:  # noqa: BLE001 -- a comparator may raise anything
        return _failure(error)


def _failure(error: Exception) -> str:
    """Its type; with its message where that is made for people and has no text of a pair."""
    from comparators.base import ComparatorError

    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ComparatorError) else name


def _print(tally: _Tally, pair: Pair, said: Score | str | None) -> int:
    line: dict[str, Any] = {} if pair.id is None else {"id": pair.id}
    if said is None:
        tally.without_answer += 1
        sides = [side for side, answer in (("teacher", pair.teacher), ("student", pair.student)) if answer is None]
        line |= _without_score(f"no answer of the {' and the '.join(sides)}")
    elif isinstance(said, str):
        tally.failed[said.partition(":")[0]] += 1
        line |= _without_score(said)
    else:
        line |= _with_score(tally, said)
    text = json.dumps(line, ensure_ascii=False, default=str)
    print(text.encode("utf-8", "replace").decode())
    return 1


def _without_score(error: str) -> dict[str, Any]:
    return {"score": None, "agree": None, "kinds": [], "detail": None, "error": error}


def _with_score(tally: _Tally, score: Score) -> dict[str, Any]:
    import msgspec

    tally.scored += 1
    tally.agreed += score.agree
    tally.total += score.score
    tally.kinds.update(score.kinds)
    fields: dict[str, Any] = msgspec.to_builtins(score, str_keys=True)
    return fields
